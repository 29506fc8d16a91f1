"""Import what tasks need, once, in the process that tasks are forked from: a task then starts in a fraction of a second.

Airflow imports this when ``[scheduler] mp_forkserver_preload`` names it. Nothing is opened or connected here, so that
forked tasks share no file and no connection.
"""

from __future__ import annotations

import gc
import logging
from contextlib import suppress
from importlib import import_module

import airflow.dag_processing.dagbag
import sqlalchemy.orm
from airflow.sdk.execution_time.supervisor import WatchedSubprocess
from airflow.sdk.listener import get_listener_manager

import dags.citybrain_dags
import lakehouse.pipeline.dbt_warm
import lakehouse.pipeline.steps
from expectations.gx import load_great_expectations

WARMED = (airflow.dag_processing.dagbag, dags.citybrain_dags, lakehouse.pipeline.dbt_warm, lakehouse.pipeline.steps)
END_SECONDS = 0.5

# What libraries import at the first call only.
_AT_FIRST_CALL = (
    "duckdb_engine",
    "encodings.gb18030",
    "expectations.duckdb_dialect",
    "great_expectations.render.renderer.site_builder",
    "pyarrow.dataset",
    "pyarrow.pandas_compat",
    "pyarrow.substrait",
    "pyiceberg.avro.decoder_fast",
    "pyiceberg.io.pyarrow",
    "pyiceberg.table.deletion_vector",
)


def see_the_end_at_once() -> None:
    """Let a task's slot be free when its process is gone, and not a heartbeat later.

    Airflow 3.3 looks for the end when the last stream of a process is closed, which is a moment before the process is
    gone, and then not again for ``min_heartbeat_interval`` seconds.
    """
    look = WatchedSubprocess._check_subprocess_exit

    def wait_and_look(self: WatchedSubprocess, *args: bool, **kwargs: int | None) -> int | None:
        if self._exit_code is None and not self._open_sockets:
            with suppress(self._process.TimeoutExpired):
                self._process.wait(timeout=END_SECONDS)
        code: int | None = look(self, *args, **kwargs)
        return code

    WatchedSubprocess._check_subprocess_exit = wait_and_look


see_the_end_at_once()
load_great_expectations()
for _module in _AT_FIRST_CALL:
    import_module(_module)
sqlalchemy.orm.configure_mappers()  # those of Airflow too, which the catalog's first query would wait for
logging.getLogger("pyiceberg").setLevel(logging.WARNING)  # a line for each file that it opens
get_listener_manager()  # loads the plugins of every installed provider, which each task would do for itself
gc.collect()
gc.freeze()  # a collection in a forked task would touch, and so copy, every page that is shared with this process
