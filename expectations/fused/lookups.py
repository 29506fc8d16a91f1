"""Expectations that look into other tables: each is one left join on a relation whose key is unique."""

from __future__ import annotations

from catalog.derive.rules import PATTERNS
from catalog.derive.sql_predicates import literal, quote
from expectations.fused.plan import Compiled, Join, Kwargs, Table, column_map


def refers(table: Table, kwargs: Kwargs) -> Compiled:
    col = table.column(kwargs["column"])
    good, join = _refers_to(kwargs["column"], col, table.reference(kwargs["resource"]), kwargs)
    return column_map(table, kwargs["column"], "column_values.refer_to_resource", good, joins=(join,))


def division(table: Table, kwargs: Kwargs) -> Compiled:
    col = table.column(kwargs["column"])
    at = None if kwargs.get("date_column") is None else table.column(kwargs["date_column"])
    relation = table.reference(kwargs.get("resource") or "dsjj.division")
    good, join = _division_at_date(kwargs["column"], col, relation, at, kwargs["city_prefix"])
    return column_map(table, kwargs["column"], "column_values.valid_division_code_at_date", good, joins=(join,))


def _refers_to(column: str, col: str, relation: str, kwargs: Kwargs) -> tuple[str, Join]:
    """Return the condition that ``col`` is a key of ``relation`` (SQL), and the join that it needs."""
    key = quote(kwargs["key"])
    alias = quote(f"in {kwargs['resource']}.{kwargs['key']}: {column}")
    join = Join(alias, f"select distinct {key} as key from {relation} where {key} is not null", col)
    return f"{alias}.key is not null", join


def _division_at_date(column: str, col: str, relation: str, at: str | None, city_prefix: str) -> tuple[str, Join]:
    """Return the condition of ``sql_predicates.division_valid`` over one join instead of a subquery a row."""
    alias = quote(f"division: {column}")
    periods = (
        "select division_code as key, bool_or(valid_until is null) as current, max(valid_until) as last_day "
        f"from {relation} group by division_code"
    )
    in_force = f"{alias}.current"
    if at is not None:
        in_force = f"({in_force} or {alias}.last_day >= cast({at} as date))"
    shape = f"regexp_full_match({col}, {literal(PATTERNS['division_code_shape'].regex)})"
    elsewhere = f"not starts_with({col}, {literal(city_prefix)})"
    return f"{shape} and ({elsewhere} or coalesce({in_force}, false))", Join(alias, periods, col)
