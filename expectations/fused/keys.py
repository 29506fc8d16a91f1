"""Expectations that values, alone or together, occur once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from expectations.fused.plan import EXAMPLE_COUNT, ROWS, Compiled, Distinct, Kwargs, Table, count_where, example_sql


def unique(table: Table, kwargs: Kwargs) -> Compiled:
    """Distinct hashes bound the distinct values from below: as many as values, they prove that none is doubled."""
    col = table.column(kwargs["column"])
    metric, complete = "column_values.unique", f"{col} is not null"
    return Compiled(
        aggregates={
            **ROWS,
            "column_values.nonnull.unexpected_count": f"count(*) - count({col})",
            f"{metric}.unexpected_count": f"count({col})",
        },
        counted=metric,
        distinct=Distinct(table.sql, col, complete),
        recount=_doubled(table, col, complete, col),
    )


def compound_unique(table: Table, kwargs: Kwargs) -> Compiled | None:
    columns = [table.column(name) for name in kwargs["column_list"]]
    domain = _multicolumn_domain(columns, kwargs.get("ignore_row_if") or "all_values_are_missing")
    if domain is None:
        return None
    metric, listed = "compound_columns.unique", ", ".join(columns)
    complete = " and ".join(f"{col} is not null" for col in columns)
    compiled = Compiled(
        aggregates={
            **ROWS,
            f"{metric}.filtered_row_count": count_where(domain),
            f"{metric}.unexpected_count": count_where(complete),
        },
        distinct=Distinct(table.sql, listed, complete),
        counted=metric,
        columns=tuple(kwargs["column_list"]),
        shape="dict",
    )
    return replace(compiled, recount=_doubled(table, listed, complete, example_sql(compiled)))


def _doubled(table: Table, listed: str, complete: str, example: str) -> str:
    """Count the rows whose values occur more than once, and show some. Rows with a null among them never do."""
    groups = f"select {example} as example, count(*) as n from {table.sql} as t where {complete} group by {listed}"
    return f"select coalesce(sum(n), 0)::bigint, min(example, {EXAMPLE_COUNT}) from ({groups} having count(*) > 1)"


def _multicolumn_domain(columns: Sequence[str], ignore: str) -> str | None:
    match ignore:
        case "all_values_are_missing":
            return " or ".join(f"{col} is not null" for col in columns)
        case "any_value_is_missing":
            return " and ".join(f"{col} is not null" for col in columns)
        case "never":
            return "true"
        case _:
            return None
