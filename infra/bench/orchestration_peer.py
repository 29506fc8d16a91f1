"""What the peers of ``bench orchestration`` do besides dbt, with the functions that ours calls: take in, lay out, publish.

The settings come from the environment, as in the tasks of our DAGs: these functions are the tasks of the peers' DAG.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from catalog.derive.rules import ingest_order
from lakehouse.branches import adopt, diverged, join_branch, open_branch, publish
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.pipeline.steps import INBOUND, ingest_step
from lakehouse.pipeline.topics import resources_read_by
from lakehouse.pipeline.transform import COMMITTED_KINDS, build_path, prepare_build
from lakehouse.sources import SourceSystem

PEER_DAG = "cosmos_peer"
DBT_POOL = "dbt"
BRANCH = "peer"
MODE_VARIABLE = "CITYBRAIN_BENCH_COSMOS"
MANIFEST_VARIABLE = "CITYBRAIN_BENCH_MANIFEST"
TOPICS_VARIABLE = "CITYBRAIN_BENCH_TOPICS"


def selected_topics() -> list[str]:
    """Return the topics that this run builds, from the environment."""
    return os.environ[TOPICS_VARIABLE].split(",")


def resources_of(topics: list[str]) -> list[str]:
    """Return the resources to take in for ``topics``, the one that the others are checked against first."""
    inputs = load_inputs(checked=False)
    wanted = set().union(*(resources_read_by(topic, inputs) for topic in topics))
    first, *others = ingest_order(inputs.contracts)
    return [first, *(key for key in others if key in wanted)]


def ingest_order_of() -> list[str]:
    """Return the resources that this run takes in."""
    return resources_of(selected_topics())


def selection(topics: list[str]) -> list[str]:
    """Return the marts of ``topics`` and all that they read, as dbt selects."""
    return [f"+path:models/marts/{topic}" for topic in topics]


def ingest_one(key: str) -> None:
    """Take in one resource, as the task of our ingest DAG does."""
    source = SourceSystem.from_dir(Path(os.environ["CITYBRAIN_SOURCE"]), api_url=os.environ["CITYBRAIN_API_URL"])
    ingest_step(Settings(), key, source)


def prepare_database() -> None:
    """Open a branch with all that came in, and lay out the build database on it."""
    settings, inputs = Settings(), load_inputs(checked=False)
    branch = open_branch(settings, BRANCH)
    adopt(settings, branch, INBOUND, diverged(settings, INBOUND))
    prepare_build(settings, branch, inputs)


def database_of(settings: Settings) -> Path:
    """Return where the peers' build database will lie; dbt is told so from the start."""
    return settings.runs / BRANCH / "build.duckdb"


def commit_and_publish() -> None:
    """Commit the marts to the branch and publish it: unchecked, since cosmos has no such step."""
    from lakehouse.tables import replace_with_query

    settings = Settings()
    branch = join_branch(settings, BRANCH)
    catalog = open_catalog(settings, branch.catalog_name)
    con = open_duckdb(build_path(settings, branch), read_only=True, settings=settings)
    try:
        for name in _marts():
            replace_with_query(con, catalog, name, f"select * from {name}")
    finally:
        con.close()
    publish(settings, branch)


def _marts() -> list[str]:
    manifest = json.loads(Path(os.environ[MANIFEST_VARIABLE]).read_text(encoding="utf-8"))
    topics = selected_topics()
    return sorted(
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["schema"] in topics and node.get("config", {}).get("materialized") in COMMITTED_KINDS
    )
