"""Compile expectations into aggregates of one table scan.

Great Expectations judges *metrics* (row count, count of unexpected values …). Stock GE asks the database for most of
them one by one; here each expectation says which aggregates give its metrics, and :mod:`expectations.run` computes the
aggregates of a whole suite in one scan and hands the metrics to GE's own verdict code. The predicates mirror GE's SQL,
including its three-valued logic: a condition that is null is not unexpected.
"""

from __future__ import annotations

from expectations.fused import checksums, keys, lookups, pairs, values
from expectations.fused.plan import ROWS, Compiled, Compiler, Kwargs, Table

COMMON_KWARGS = frozenset({"mostly", "batch_id"})


def compile_expectation(type_: str, kwargs: Kwargs, table: Table) -> Compiled | None:
    """Return the compiled expectation, or None for what stock GE must run (unknown type, option or column type)."""
    entry = COMPILERS.get(type_)
    if entry is None:
        return None
    compiler, known = entry
    used = {name for name, value in kwargs.items() if value is not None}
    if not used <= known | COMMON_KWARGS:
        return None
    return compiler(table, kwargs)


def _row_count(table: Table, kwargs: Kwargs) -> Compiled:
    return Compiled(aggregates=ROWS)


def _columns(table: Table, kwargs: Kwargs) -> Compiled:
    return Compiled(known={"table.columns": list(table.types), "table.column_count": len(table.types)})


def _column_aggregate(metric: str, function: str) -> Compiler:
    def compiler(table: Table, kwargs: Kwargs) -> Compiled | None:
        col = table.column(kwargs["column"])
        return Compiled(aggregates={metric: function.format(col)}) if table.kind(kwargs["column"]) != "other" else None

    return compiler


_COLUMN = frozenset({"column"})
_BOUNDS = frozenset({"min_value", "max_value", "strict_min", "strict_max"})
_PAIR = frozenset({"column_A", "column_B", "ignore_row_if"})
COMPILERS: dict[str, tuple[Compiler, frozenset[str]]] = {
    "expect_table_row_count_to_be_between": (_row_count, _BOUNDS),
    "expect_table_row_count_to_equal": (_row_count, frozenset({"value"})),
    "expect_table_columns_to_match_set": (_columns, frozenset({"column_set", "exact_match"})),
    "expect_table_columns_to_match_ordered_list": (_columns, frozenset({"column_list"})),
    "expect_table_column_count_to_equal": (_columns, frozenset({"value"})),
    "expect_table_column_count_to_be_between": (_columns, _BOUNDS),
    "expect_column_to_exist": (_columns, frozenset({"column", "column_index"})),
    "expect_column_values_to_not_be_null": (values.not_null, _COLUMN),
    "expect_column_values_to_be_null": (values.null, _COLUMN),
    "expect_column_values_to_be_unique": (keys.unique, _COLUMN),
    "expect_compound_columns_to_be_unique": (keys.compound_unique, frozenset({"column_list", "ignore_row_if"})),
    "expect_column_values_to_be_in_set": (values.in_set, _COLUMN | {"value_set"}),
    "expect_column_values_to_not_be_in_set": (values.not_in_set, _COLUMN | {"value_set"}),
    "expect_column_values_to_be_between": (values.between, _COLUMN | _BOUNDS),
    "expect_column_value_lengths_to_be_between": (values.lengths, _COLUMN | _BOUNDS),
    "expect_column_value_lengths_to_equal": (values.length, _COLUMN | {"value"}),
    "expect_column_values_to_match_regex": (values.regex, _COLUMN | {"regex"}),
    "expect_column_values_to_not_match_regex": (values.not_regex, _COLUMN | {"regex"}),
    "expect_column_pair_values_a_to_be_greater_than_b": (pairs.a_greater, _PAIR | {"or_equal"}),
    "expect_column_pair_values_to_be_equal": (pairs.pair_equal, _PAIR),
    "expect_column_max_to_be_between": (_column_aggregate("column.max", "max({})"), _COLUMN | _BOUNDS),
    "expect_column_min_to_be_between": (_column_aggregate("column.min", "min({})"), _COLUMN | _BOUNDS),
    "expect_column_unique_value_count_to_be_between": (
        _column_aggregate("column.distinct_values.count", "count(distinct {})"),
        _COLUMN | _BOUNDS,
    ),
    "expect_column_values_to_be_valid_resident_id": (
        checksums.checksum("column_values.valid_resident_id", checksums.resident_id),
        _COLUMN,
    ),
    "expect_column_values_to_be_valid_credit_code": (
        checksums.checksum("column_values.valid_credit_code", checksums.credit_code, checksums.credit_code_plain),
        _COLUMN,
    ),
    "expect_column_values_to_refer_to_resource": (lookups.refers, _COLUMN | {"resource", "key"}),
    "expect_column_values_to_be_valid_division_code_at_date": (
        lookups.division,
        _COLUMN | {"date_column", "city_prefix", "resource"},
    ),
    "expect_coordinates_to_be_inside_city": (pairs.inside_city, _PAIR | {"west", "south", "east", "north"}),
}
