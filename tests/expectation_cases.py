"""Expectations of every compiled type, and tables to try them on: what engines must agree about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

TABLE = "main_dept.sample"
COLUMNS = {
    "txt": "varchar",
    "code": "varchar",
    "num": "integer",
    "big": "bigint",
    "amount": "decimal(18,2)",
    "ratio": "double",
    "day": "date",
    "moment": "timestamp",
    "rid": "varchar",
    "cc": "varchar",
    "division": "varchar",
    "lon": "double",
    "lat": "double",
    "flag": "boolean",
}
GOOD_IDS = ["110101199003070011", "11010119900307002X", "330106200002290037", "110101190002290011"]
GOOD_CODES = ["91330100MA0000000C", "91330100MA0000001F", "11330100MB9000000E"]
DIVISIONS = ["330106000000", "330102001002", "330199000000", "110101000000", "33010", "x"]


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


ROW = st.tuples(
    maybe(st.sampled_from(["", "a", "ab", "abc", "中文", "中文字", "A1", "zz-9", "a\nb"]) | st.text(max_size=4)),
    maybe(st.sampled_from(["0", "1", "2", "9", "x"])),
    maybe(st.integers(-3, 3)),
    maybe(st.integers(-(2**40), 2**40)),
    maybe(st.integers(-500, 500).map(lambda cents: Decimal(cents) / 100)),
    maybe(st.floats(-5, 5) | st.just(float("nan")) | st.just(float("inf"))),
    maybe(st.integers(0, 5).map(lambda n: date(2024, 2, 27) + timedelta(days=n))),
    maybe(st.integers(0, 96).map(lambda n: datetime(2024, 2, 27) + timedelta(hours=n))),
    maybe(st.sampled_from(GOOD_IDS) | st.text("0123456789Xx", min_size=17, max_size=19)),
    maybe(st.sampled_from(GOOD_CODES) | st.text("0123456789AMBIZ", min_size=17, max_size=19)),
    maybe(st.sampled_from(DIVISIONS)),
    maybe(st.sampled_from([118.0, 119.0, 120.0, 121.0])),
    maybe(st.sampled_from([29.0, 30.0, 31.0])),
    maybe(st.booleans()),
)
MOSTLY = st.sampled_from([None, 0.0, 0.25, 0.5, 0.75, 1.0])

SINGLE: list[tuple[str, dict[str, Any]]] = [
    ("expect_table_row_count_to_be_between", {"min_value": 1}),
    ("expect_table_row_count_to_be_between", {"min_value": 2, "max_value": 5, "strict_max": True}),
    ("expect_table_row_count_to_equal", {"value": 3}),
    ("expect_table_columns_to_match_set", {"column_set": list(COLUMNS)}),
    ("expect_table_columns_to_match_set", {"column_set": ["txt", "code", "nowhere"], "exact_match": False}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": list(COLUMNS)}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": list(reversed(COLUMNS))}),
    ("expect_table_column_count_to_equal", {"value": len(COLUMNS)}),
    ("expect_table_column_count_to_be_between", {"max_value": 3}),
    ("expect_column_to_exist", {"column": "txt"}),
    ("expect_column_to_exist", {"column": "nowhere"}),
    ("expect_column_max_to_be_between", {"column": "num", "min_value": 0}),
    ("expect_column_max_to_be_between", {"column": "day", "min_value": "2024-02-28"}),
    ("expect_column_min_to_be_between", {"column": "amount", "max_value": 1.5}),
    ("expect_column_min_to_be_between", {"column": "big", "min_value": 0, "strict_min": True}),
    ("expect_column_unique_value_count_to_be_between", {"column": "txt", "min_value": 1, "max_value": 3}),
    ("expect_column_values_to_be_in_set", {"column": "nowhere", "value_set": ["1"]}),
]
MAPPED: list[tuple[str, dict[str, Any]]] = [
    *(("expect_column_values_to_not_be_null", {"column": name}) for name in ("txt", "amount", "flag")),
    *(("expect_column_values_to_be_null", {"column": name}) for name in ("txt", "day")),
    *(("expect_column_values_to_be_unique", {"column": name}) for name in ("txt", "num", "amount", "moment", "flag")),
    ("expect_compound_columns_to_be_unique", {"column_list": ["code", "num"]}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["code", "num"], "ignore_row_if": "never"}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["txt", "day"], "ignore_row_if": "any_value_is_missing"}),
    ("expect_column_values_to_be_in_set", {"column": "code", "value_set": ["0", "1", "2", "9"]}),
    ("expect_column_values_to_be_in_set", {"column": "code", "value_set": ["0", None, "it's"]}),
    ("expect_column_values_to_be_in_set", {"column": "num", "value_set": [1, 2, 3]}),
    ("expect_column_values_to_be_in_set", {"column": "day", "value_set": ["2024-02-29", "2024-03-01"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "code", "value_set": ["x", "9"]}),
    ("expect_column_values_to_not_be_in_set", {"column": "num", "value_set": [0]}),
    ("expect_column_values_to_be_between", {"column": "num", "min_value": -1, "max_value": 2}),
    ("expect_column_values_to_be_between", {"column": "num", "min_value": -1, "strict_min": True}),
    ("expect_column_values_to_be_between", {"column": "amount", "max_value": 1.25, "strict_max": True}),
    ("expect_column_values_to_be_between", {"column": "ratio", "min_value": 0, "max_value": 2.5}),
    ("expect_column_values_to_be_between", {"column": "day", "min_value": "2024-02-28", "max_value": "2024-03-01"}),
    (
        "expect_column_values_to_be_between",
        {"column": "moment", "min_value": "2024-02-28", "max_value": "2024-03-01", "strict_max": True},
    ),
    ("expect_column_values_to_be_between", {"column": "txt", "min_value": 1}),
    ("expect_column_value_lengths_to_be_between", {"column": "txt", "max_value": 2}),
    (
        "expect_column_value_lengths_to_be_between",
        {"column": "txt", "min_value": 1, "max_value": 3, "strict_max": True},
    ),
    ("expect_column_value_lengths_to_be_between", {"column": "txt", "min_value": 2}),
    ("expect_column_value_lengths_to_equal", {"column": "txt", "value": 3}),
    ("expect_column_values_to_match_regex", {"column": "txt", "regex": "^(?:[a-z]{1,2}|[中文]+)$"}),
    ("expect_column_values_to_match_regex", {"column": "txt", "regex": "b"}),
    ("expect_column_values_to_not_match_regex", {"column": "txt", "regex": "^a"}),
    ("expect_column_values_to_be_valid_resident_id", {"column": "rid"}),
    ("expect_column_values_to_be_valid_credit_code", {"column": "cc"}),
    (
        "expect_column_values_to_refer_to_resource",
        {"column": "division", "resource": "dsjj.division", "key": "division_code"},
    ),
    (
        "expect_column_values_to_be_valid_division_code_at_date",
        {"column": "division", "date_column": "moment", "city_prefix": "3301", "resource": "dsjj.division"},
    ),
    ("expect_column_values_to_be_valid_division_code_at_date", {"column": "division", "city_prefix": "3301"}),
]
PAIRS: list[tuple[str, dict[str, Any]]] = [
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "moment", "column_B": "day", "or_equal": True}),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "big", "column_B": "num"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "txt", "column_B": "code"}),
    (
        "expect_coordinates_to_be_inside_city",
        {"column_A": "lon", "column_B": "lat", "west": 118.34, "south": 29.18, "east": 120.73, "north": 30.57},
    ),
]
IGNORE = st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither"])


def comparable(result: Any) -> Any:
    figures = dict(result.result)
    examples = figures.pop("partial_unexpected_list", None)
    shown = None if examples is None else {repr(example) for example in examples}
    raised = "True" in str(result.exception_info)
    return repr((result.success, sorted(figures.items()), None if shown is None else sorted(shown), raised))
