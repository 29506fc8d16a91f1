"""The one file that Airflow parses: every DAG of the city brain, made from the contracts."""

from __future__ import annotations

from dags.factory import all_dags
from dags.spark import spark_dags
from lakehouse.pipeline.inputs import load_inputs

globals().update(all_dags(load_inputs(checked=False)) | spark_dags())
