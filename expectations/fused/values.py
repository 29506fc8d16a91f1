"""Expectations on the values of one column: presence, sets, bounds, lengths, patterns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from catalog.derive.sql_predicates import literal
from expectations.fused.plan import ROWS, Compiled, Kwargs, Table, column_map


def not_null(table: Table, kwargs: Kwargs) -> Compiled:
    col = table.column(kwargs["column"])
    metric = "column_values.nonnull"
    return Compiled(
        aggregates={**ROWS, f"{metric}.unexpected_count": f"count(*) - count({col})"},
        counted=metric,
        nulls=True,
        summed=True,
    )


def null(table: Table, kwargs: Kwargs) -> Compiled:
    col = table.column(kwargs["column"])
    metric = "column_values.null"
    return Compiled(
        aggregates={**ROWS, f"{metric}.unexpected_count": f"count({col})"},
        counted=metric,
        columns=(kwargs["column"],),
        unexpected=f"{col} is not null",
        summed=True,
    )


def in_set(table: Table, kwargs: Kwargs) -> Compiled | None:
    values = [value for value in kwargs["value_set"] if value is not None]
    if not values or not _fits(table, kwargs["column"], values):
        return None
    return column_map(table, kwargs["column"], "column_values.in_set", _member(table, kwargs["column"], values))


def not_in_set(table: Table, kwargs: Kwargs) -> Compiled | None:
    values = kwargs["value_set"]
    if not values or None in values or not _fits(table, kwargs["column"], values):
        return None
    good = f"not {_member(table, kwargs['column'], values)}"
    return column_map(table, kwargs["column"], "column_values.not_in_set", good)


def _member(table: Table, column: str, values: Sequence[Any]) -> str:
    """Texts are looked up in a list, once for each entry of a column's dictionary; IN would join with the values."""
    listed = ", ".join(_as_column(table, column, value) for value in values)
    col = table.column(column)
    return f"list_contains([{listed}], {col})" if table.kind(column) == "text" else f"({col} in ({listed}))"


def between(table: Table, kwargs: Kwargs) -> Compiled | None:
    bounds = [kwargs[side] for side in ("min_value", "max_value") if kwargs.get(side) is not None]
    if not bounds or not _fits(table, kwargs["column"], bounds) or table.kind(kwargs["column"]) in ("text", "boolean"):
        return None
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        return None
    column = kwargs["column"]
    good = _within(table.column(column), kwargs, lambda value: _as_column(table, column, value))
    return column_map(table, column, "column_values.between", good)


def lengths(table: Table, kwargs: Kwargs) -> Compiled | None:
    bounds = [kwargs[side] for side in ("min_value", "max_value") if kwargs.get(side) is not None]
    whole = all(isinstance(bound, int | float) and float(bound).is_integer() for bound in bounds)
    if not bounds or not whole or table.kind(kwargs["column"]) != "text":
        return None
    col = table.column(kwargs["column"])
    # A text has at least as many bytes as characters, and an engine knows its bytes without looking at it.
    bound = f"not ({_within(f'max(strlen({col}))', kwargs)})" if kwargs.get("min_value") is None else None
    good = _within(f"length({col})", kwargs)
    return column_map(table, kwargs["column"], "column_values.value_length.between", good, bound=bound)


def length(table: Table, kwargs: Kwargs) -> Compiled | None:
    if not isinstance(kwargs["value"], int) or table.kind(kwargs["column"]) != "text":
        return None
    good = f"length({table.column(kwargs['column'])}) = {kwargs['value']}"
    return column_map(table, kwargs["column"], "column_values.value_length.equals", good)


def _within(value: str, kwargs: Kwargs, written: Callable[[Any], str] | None = None) -> str:
    write = written or literal_of
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    tests = []
    if low is not None:
        tests.append(f"{value} {'>' if kwargs.get('strict_min') else '>='} {write(low)}")
    if high is not None:
        tests.append(f"{value} {'<' if kwargs.get('strict_max') else '<='} {write(high)}")
    return " and ".join(tests)


def regex(table: Table, kwargs: Kwargs) -> Compiled | None:
    if table.kind(kwargs["column"]) != "text":
        return None
    good = f"regexp_matches({table.column(kwargs['column'])}, {literal(kwargs['regex'])})"
    return column_map(table, kwargs["column"], "column_values.match_regex", good)


def not_regex(table: Table, kwargs: Kwargs) -> Compiled | None:
    if table.kind(kwargs["column"]) != "text":
        return None
    good = f"not regexp_matches({table.column(kwargs['column'])}, {literal(kwargs['regex'])})"
    return column_map(table, kwargs["column"], "column_values.not_match_regex", good)


def _fits(table: Table, column: str, values: Sequence[Any]) -> bool:
    """Whether ``values`` compare with the column without a conversion that could fail or differ from GE's."""
    match table.kind(column):
        case "text":
            return all(isinstance(value, str) for value in values)
        case "number":
            return all(isinstance(value, int | float) and _plain(value) for value in values)
        case "time":
            return all(isinstance(value, str) and _is_moment(value) for value in values)
        case _:
            return False


def _plain(value: float) -> bool:
    return not isinstance(value, bool) and math.isfinite(value)


def _is_moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return value[4:5] == "-"  # DuckDB does not read the basic format 20200101, which Python accepts


def _as_column(table: Table, column: str, value: Any) -> str:
    """Write a value that a column is compared with: a moment in the column's type, which not every engine takes from text."""
    if table.kind(column) == "time" and isinstance(value, str):
        return f"cast({literal(value)} as {table.types[column].split('(')[0].lower()})"
    return literal_of(value)


def literal_of(value: Any) -> str:
    """Write a value as SQL; a float stays a double, as GE's bound parameter does."""
    return f"cast({value!r} as double)" if isinstance(value, float) else literal(value)
