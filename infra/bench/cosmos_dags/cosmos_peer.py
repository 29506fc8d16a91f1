"""The peer's DAG, parsed by the Airflow that ``bench orchestration`` starts for it: our ingest, cosmos' dbt, our publish."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ExecutionMode, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import InvocationMode, LoadMode

from infra.bench.orchestration_peer import (
    DBT_POOL,
    MANIFEST_VARIABLE,
    MODE_VARIABLE,
    PEER_DAG,
    commit_and_publish,
    ingest_one,
    ingest_order_of,
    prepare_database,
    selected_topics,
    selection,
)
from lakehouse.pipeline.topics import PROJECT

MODE = ExecutionMode(os.environ[MODE_VARIABLE])

# A DuckDB file has one writer: where every model is a process of its own, they take turns.
OPERATOR: dict[str, Any] = {"install_deps": False}
if MODE is ExecutionMode.LOCAL:
    OPERATOR["pool"] = DBT_POOL
EXECUTION = (
    ExecutionConfig(execution_mode=MODE, invocation_mode=InvocationMode.DBT_RUNNER)
    if MODE is ExecutionMode.LOCAL
    else ExecutionConfig(execution_mode=MODE)
)

with DAG(PEER_DAG, schedule=None, catchup=False, max_active_tasks=16) as dag:
    first, *others = [
        PythonOperator(task_id=f"ingest_{key}", python_callable=ingest_one, op_args=[key]) for key in ingest_order_of()
    ]
    prepare = PythonOperator(task_id="prepare", python_callable=prepare_database)
    models = DbtTaskGroup(
        group_id="dbt",
        project_config=ProjectConfig(
            dbt_project_path=PROJECT,
            manifest_path=Path(os.environ[MANIFEST_VARIABLE]),
            project_name="citybrain",
            install_dbt_deps=False,
        ),
        profile_config=ProfileConfig(
            profile_name="citybrain", target_name="embedded", profiles_yml_filepath=PROJECT / "profiles.yml"
        ),
        execution_config=EXECUTION,
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST, select=selection(selected_topics()), emit_datasets=False
        ),
        operator_args=OPERATOR,
    )
    publish = PythonOperator(task_id="publish", python_callable=commit_and_publish)
    first >> others >> prepare >> models >> publish
