"""Importing this imports all that a dbt command needs: the seconds that this takes are then spent once, not in every command.

Processes that dbt commands are forked from import it: see ``dbt_nursery``. Nothing is opened, and no thread stays.
"""

from __future__ import annotations

import os
from importlib import import_module

_COMMANDS = (
    "dbt.cli.main",
    "dbt.compilation",
    "dbt.parser.sql",
    "dbt.parser.schema_yaml_readers",
    "dbt.runners",
    "dbt.task.build",
    "dbt.task.docs.generate",
    "dbt_common.clients.agate_helper",
    "sqlparse",
)
_ADAPTERS = {
    "embedded": ("dbt.adapters.duckdb.impl", "dbt.adapters.duckdb.environments.local"),
    "cluster": ("dbt.adapters.duckdb.impl", "dbt.adapters.trino.impl"),  # column lineage is always compiled for DuckDB
}

for _module in (*_COMMANDS, *_ADAPTERS[os.environ.get("CITYBRAIN_PROFILE") or "embedded"]):
    import_module(_module)
