"""Read a statement before it runs: only single questions about published tables pass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lakehouse.connect.duck import Connection, DuckError

# Everything else that yields rows could read files, settings or secrets: deny by default.
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "repeat_row"})
DENIED_FUNCTIONS = frozenset(
    {"getenv", "current_setting", "write_log", "getvariable", "add_parquet_key", "nextval", "currval"}
)
_EXPLAIN = re.compile(r"^\s*explain(?:\s+analyze)?(?:\s*\([^)]*\))?\s+", re.IGNORECASE)


class QueryError(ValueError):
    """The statement cannot be answered; the message says what is wrong with it."""


@dataclass(frozen=True)
class Question:
    """A statement that may run, and the tables it names (None: it may look at all of them)."""

    sql: str
    tables: frozenset[str] | None


def read_question(con: Connection, sql: str, known: frozenset[str]) -> Question:
    """Accept one SELECT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN over known tables.

    Raises:
        QueryError: anything else; the message names the part that is refused.
    """
    kind = _single_kind(con, sql)
    inner = sql
    if kind == "EXPLAIN":
        inner = _EXPLAIN.sub("", sql, count=1)
        kind = _single_kind(con, inner)
    if kind != "SELECT":
        raise QueryError(f"{kind} is refused: this door only reads; use SELECT, DESCRIBE, SHOW or EXPLAIN")
    tree = _tree(con, inner)
    nodes = list(_walk(tree))
    _refuse_functions(nodes)
    return Question(sql, _tables(nodes, known))


def _single_kind(con: Connection, sql: str) -> str:
    try:
        statements = con.extract_statements(sql)
    except DuckError as fault:
        raise QueryError(plain_message(fault)) from None
    if len(statements) != 1:
        raise QueryError(f"one statement at a time: this text has {len(statements)}")
    return str(statements[0].type.name)


def _tree(con: Connection, sql: str) -> Any:
    row = con.execute("select json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        raise QueryError("the statement cannot be read; use SELECT, DESCRIBE, SHOW or EXPLAIN")
    return tree


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _refuse_functions(nodes: list[dict[str, Any]]) -> None:
    for node in nodes:
        if node.get("type") == "TABLE_FUNCTION":
            name = str(node.get("function", {}).get("function_name", "?")).lower()
            if name not in TABLE_FUNCTIONS:
                raise QueryError(f"the table function {name!r} is refused: only published tables can be read")
        elif str(node.get("function_name", "")).lower() in DENIED_FUNCTIONS:
            raise QueryError(f"the function {node['function_name']!r} is refused")


def _tables(nodes: list[dict[str, Any]], known: frozenset[str]) -> frozenset[str] | None:
    named: set[str] = set()
    ctes = {str(item["key"]).lower() for node in nodes for item in node.get("cte_map", {}).get("map", [])}
    for node in nodes:
        if node.get("type") == "SHOW_REF" and not node.get("query"):
            return None
        if node.get("type") != "BASE_TABLE":
            continue
        schema, table = str(node.get("schema_name", "")).lower(), str(node.get("table_name", "")).lower()
        if not schema and table in ctes and table.isidentifier():
            continue
        identifier = f"{schema}.{table}"
        if node.get("catalog_name") or identifier not in known:
            shown = identifier if schema else table
            raise QueryError(f"there is no published table {shown!r}; tables are named department.resource")
        named.add(identifier)
    return frozenset(named)


def plain_message(fault: Exception) -> str:
    """Return DuckDB's message without its class prefix, statement excerpt and paths."""
    text = str(fault).split("\n\n", 1)[0].replace("\n", " ")
    return re.sub(r"(?:/[\w.@-]+){2,}", "…", text)
