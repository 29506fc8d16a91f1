"""The one file that Airflow parses: every DAG of the city brain, made from the contracts."""

from __future__ import annotations

from pathlib import Path

from airflow.configuration import AIRFLOW_HOME

from dags.factory import all_dags
from dags.spark import spark_dags
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs

# Airflow parses this in a new process every time.
REMEMBERED = Path(AIRFLOW_HOME) / "citybrain-contracts"

globals().update(
    all_dags(load_inputs(checked=False, remembered=REMEMBERED, approved=Settings().contracts)) | spark_dags()
)
