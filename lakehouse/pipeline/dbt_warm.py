"""Importing this imports, and works out, all that a dbt command needs: these seconds are spent once, not in every command.

Processes that dbt commands are forked from import it: see ``dbt_nursery``. Nothing is opened, and no thread stays.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager

_COMMANDS = (
    "dbt.cli.main",
    "dbt.compilation",
    "dbt.parser.sql",
    "dbt.parser.schema_yaml_readers",
    "dbt.runners",
    "dbt.task.build",
    "dbt.task.docs.generate",
    "lakehouse.pipeline.dbt_branch",
    "dbt_common.clients.agate_helper",
    "sqlparse",
)
_ADAPTERS = {
    "embedded": ("dbt.adapters.duckdb.impl", "dbt.adapters.duckdb.environments.local"),
    "cluster": ("dbt.adapters.duckdb.impl", "dbt.adapters.trino.impl"),  # column lineage is always compiled for DuckDB
}

# Classes by whose schema dbt checks what it reads; it works a schema out at the first use, which takes longer than the check.
_CHECKED = (
    "dbt.contracts.project:Configuration",
    "dbt.contracts.project:PackageConfig",
    "dbt.contracts.project:Project",
    "dbt.contracts.project:ProjectFlags",
    "dbt.contracts.selection:SelectorFile",
)
_CHECKED_ON = {
    "embedded": ("dbt.adapters.duckdb.credentials:DuckDBCredentials",),
    "cluster": (
        "dbt.adapters.trino.connections:TrinoLdapCredentials",
        "dbt.adapters.trino.connections:TrinoNoneCredentials",
    ),
}
_PROFILE = os.environ.get("CITYBRAIN_PROFILE") or "embedded"

for _module in (*_COMMANDS, *_ADAPTERS[_PROFILE]):
    import_module(_module)
for _name in (*_CHECKED, *_CHECKED_ON[_PROFILE]):
    _module, _class = _name.split(":")
    getattr(import_module(_module), _class).json_schema()


class _Heard(EventManager):
    """dbt words each event, a dozen for every model, and then asks who wants to know: a quarter of a build's time.

    Here debugging events that no log takes are not worded; ``DBT_LOG_LEVEL_FILE=debug`` has them back.
    """

    def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *args: Any, **kwargs: Any) -> None:
        is_debugging = (level or e.level_tag()) is EventLevel.DEBUG
        if not is_debugging or any(logger.level is EventLevel.DEBUG for logger in self.loggers):
            super().fire_event(e, level, *args, **kwargs)


def tell_only_what_is_heard() -> None:
    """Let the dbt command of this process word no event that nobody hears."""
    ctx_set_event_manager(_Heard())
