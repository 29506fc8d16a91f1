"""Column lineage, read from the SQL that dbt compiled: which columns a model's column is computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

DIALECT = "duckdb"
LINEAGE_TABLE = "contract.lineage_column"
LINEAGE_COLUMNS = dict.fromkeys(("upstream", "upstream_column", "downstream", "downstream_column"), "varchar")
# What the contracts say about data is not data: an edge from there would make every table kin of every other.
_NOT_DATA = ("contract",)

Columns = Mapping[str, Iterable[str]]  # "schema.table" -> names of its columns


class ColumnEdge(NamedTuple):
    """One column of ``downstream`` is computed from one column of ``upstream``; both are ``schema.table``."""

    upstream: str
    upstream_column: str
    downstream: str
    downstream_column: str


def column_edges(manifest: Mapping[str, Any], known: Columns) -> list[ColumnEdge]:
    """Return the direct edges of every compiled model, sorted; ``known`` has the columns that the manifest does not.

    Columns that only filter or join leave no edge.

    Raises:
        ValueError: a model's SQL names a column that its upstream does not describe.
    """
    schema = _schema(manifest, known)
    edges: set[ColumnEdge] = set()
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node.get("compiled_code"):
            edges.update(_edges_of(f"{node['schema']}.{node['name']}", node["compiled_code"], schema))
    return sorted(edge for edge in edges if edge.upstream.partition(".")[0] not in _NOT_DATA)


def _schema(manifest: Mapping[str, Any], known: Columns) -> MappingSchema:
    """Return the columns of everything a model may read; of what type they are is not known here, and not needed."""
    tables: dict[str, list[str]] = {name: list(columns) for name, columns in known.items()}
    nodes = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    for described in (*manifest["sources"].values(), *nodes):
        identifier = f"{described['schema']}.{described['name']}"
        columns = list(described["columns"]) or _selected(identifier, described.get("compiled_code"))
        if columns:
            tables[identifier] = columns
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for identifier, columns in tables.items():
        namespace, _, table = identifier.partition(".")
        schema.setdefault(namespace, {})[table] = dict.fromkeys(columns, "varchar")
    return MappingSchema(schema, dialect=DIALECT)


def _selected(identifier: str, sql: str | None) -> list[str]:
    """Return the names that a model's final select gives its columns; none for a source."""
    return _parse(identifier, sql).named_selects if sql else []


def _parse(identifier: str, sql: str) -> exp.Query:
    try:
        query = sqlglot.parse_one(sql, dialect=DIALECT)
    except SqlglotError as error:
        raise _unreadable(identifier, error) from error
    if not isinstance(query, exp.Query):
        raise _unreadable(identifier, "not a query")
    return query


def _unreadable(identifier: str, reason: object) -> ValueError:
    return ValueError(f"{identifier}: 列级血缘无法解析 (column lineage cannot be read): {reason}")


def _edges_of(downstream: str, sql: str, schema: MappingSchema) -> Iterator[ColumnEdge]:
    query = _parse(downstream, sql)
    try:
        qualify(query, dialect=DIALECT, schema=schema, identify=False)
    except SqlglotError as error:
        raise _unreadable(downstream, error) from error
    scope = build_scope(query)
    for column in query.named_selects:
        for origin in _origins(lineage(column, query, scope=scope, dialect=DIALECT, trim_selects=False, copy=False)):
            yield ColumnEdge(*origin, downstream, column)


def _origins(root: Node) -> Iterator[tuple[str, str]]:
    """Yield the tables and columns at the ends of one column's lineage."""
    for node in root.walk():
        if not node.downstream and isinstance(node.source, exp.Table):
            yield f"{node.source.db}.{node.source.name}", node.name.rpartition(".")[2].strip('"')
