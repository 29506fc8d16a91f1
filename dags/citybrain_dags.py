"""The one file that Airflow parses: every DAG of the city brain, made from the contracts."""

from __future__ import annotations

from pathlib import Path

from airflow.configuration import AIRFLOW_HOME
from airflow.sdk import get_parsing_context

from dags.factory import all_dags
from dags.spark import spark_dags
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs

# Airflow parses this in a new process every time.
REMEMBERED = Path(AIRFLOW_HOME) / "citybrain-contracts"

INPUTS = load_inputs(checked=False, remembered=REMEMBERED, approved=Settings().contracts)
# A task parses this too, for its own DAG.
globals().update(all_dags(INPUTS, only=get_parsing_context().dag_id) | spark_dags())
