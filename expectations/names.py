"""Table names in SQL."""

from __future__ import annotations

from catalog.derive.sql_predicates import quote


def table_sql(name: str) -> str:
    """Quote a dotted name, such as ``gaj.resident`` or ``catalog.gaj.resident``, part by part."""
    return ".".join(quote(part) for part in name.split("."))
