"""Importing this imports, and works out, all that a dbt command needs: these seconds are spent once, not in every command.

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
    "cluster": (  # with what is checked when the project is parsed, which is in every run there
        "dbt.adapters.trino.connections:TrinoLdapCredentials",
        "dbt.artifacts.resources:ModelConfig",
        "dbt.artifacts.resources:TestConfig",
        "dbt.contracts.graph.nodes:GenericTestNode",
        "dbt.contracts.graph.nodes:ModelNode",
        "dbt.contracts.graph.unparsed:UnparsedModelUpdate",
        "dbt.contracts.graph.unparsed:UnparsedSourceDefinition",
    ),
}
_PROFILE = os.environ.get("CITYBRAIN_PROFILE") or "embedded"

for _module in (*_COMMANDS, *_ADAPTERS[_PROFILE]):
    import_module(_module)
for _name in (*_CHECKED, *_CHECKED_ON[_PROFILE]):
    _module, _class = _name.split(":")
    getattr(import_module(_module), _class).json_schema()
