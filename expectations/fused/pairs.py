"""Expectations on two columns of a row."""

from __future__ import annotations

from expectations.fused.plan import ROWS, Compiled, Kwargs, Table, count_where
from expectations.fused.values import literal_of


def a_greater(table: Table, kwargs: Kwargs) -> Compiled | None:
    a, b = table.column(kwargs["column_A"]), table.column(kwargs["column_B"])
    good = f"{a} >= {b} or ({a} is null and {b} is null)" if kwargs.get("or_equal") else f"{a} > {b}"
    return _pair(table, kwargs, "column_pair_values.a_greater_than_b", good, "both_values_are_missing")


def pair_equal(table: Table, kwargs: Kwargs) -> Compiled | None:
    a, b = table.column(kwargs["column_A"]), table.column(kwargs["column_B"])
    good = f"{a} = {b} and not ({a} is null or {b} is null)"
    return _pair(table, kwargs, "column_pair_values.equal", good, "both_values_are_missing")


def inside_city(table: Table, kwargs: Kwargs) -> Compiled | None:
    a, b = table.column(kwargs["column_A"]), table.column(kwargs["column_B"])
    west, south, east, north = (literal_of(kwargs[side]) for side in ("west", "south", "east", "north"))
    good = f"{a} >= {west} and {a} <= {east} and {b} >= {south} and {b} <= {north}"
    return _pair(table, kwargs, "column_pair_values.coordinates_inside_city", good, "either_value_is_missing")


def _pair(table: Table, kwargs: Kwargs, metric: str, good: str, default_ignore: str) -> Compiled | None:
    a, b = table.column(kwargs["column_A"]), table.column(kwargs["column_B"])
    domains = {
        "both_values_are_missing": f"({a} is not null or {b} is not null)",
        "either_value_is_missing": f"({a} is not null and {b} is not null)",
        "neither": "true",
    }
    domain = domains.get(kwargs.get("ignore_row_if") or default_ignore)
    if domain is None or table.kind(kwargs["column_A"]) != table.kind(kwargs["column_B"]):
        return None
    bad = f"{domain} and not ({good})"
    return Compiled(
        aggregates={
            **ROWS,
            f"{metric}.filtered_row_count": count_where(domain),
            f"{metric}.unexpected_count": count_where(bad),
        },
        counted=metric,
        columns=(kwargs["column_A"], kwargs["column_B"]),
        unexpected=bad,
        shape="tuple",
    )
