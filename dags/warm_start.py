"""Import what tasks need, once, in the process that tasks are forked from: a task then starts in a fraction of a second.

Airflow imports this when ``[scheduler] mp_forkserver_preload`` names it. Nothing is opened or connected here, so that
forked tasks share no file and no connection.
"""

from __future__ import annotations

import gc

import airflow.dag_processing.dagbag
from airflow.sdk.listener import get_listener_manager

import dags.citybrain_dags
import lakehouse.pipeline.dbt_warm
import lakehouse.pipeline.steps
from expectations.gx import load_great_expectations

WARMED = (airflow.dag_processing.dagbag, dags.citybrain_dags, lakehouse.pipeline.dbt_warm, lakehouse.pipeline.steps)

load_great_expectations()
get_listener_manager()  # loads the plugins of every installed provider, which each task would do for itself
gc.collect()
gc.freeze()  # a collection in a forked task would touch, and so copy, every page that is shared with this process
