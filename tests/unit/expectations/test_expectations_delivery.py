"""Checks of deliveries as a whole, what blocks a publish, and how it is said."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from catalog.contract.load import load_contracts
from expectations.blocking import blocking_failures
from expectations.delivery import delivery_checks
from expectations.masks import HIDDEN, mask_example
from expectations.rows import QUALITY_RESULT_SCHEMA

CONTRACTS = load_contracts()
UPSERT = CONTRACTS["gaj.resident"]
REPLACE = CONTRACTS["dsjj.division"]


def outcome(key: str, **figures: Any) -> dict[str, Any]:
    row = {"resource": key, "delivery": "d1.csv", "status": "accepted", "received": 100, "quarantined": 0, "rule": None}
    return row | figures


def row_of(rows: list[dict[str, Any]], type_: str) -> dict[str, Any]:
    [row] = [row for row in rows if row["expectation_type"] == type_]
    return row


def test_rows_have_the_schema_of_quality_results() -> None:
    rows = delivery_checks(UPSERT, [outcome(UPSERT.key, quarantined=90)], 100, 100)
    table = pa.Table.from_pylist(rows, schema=QUALITY_RESULT_SCHEMA)
    assert table.num_rows == len(rows)
    assert {tuple(row) for row in rows} == {tuple(QUALITY_RESULT_SCHEMA.names)}


@pytest.mark.parametrize(("quarantined", "passes"), [(0, True), (30, True), (31, False), (100, False)])
def test_a_delivery_with_more_than_the_allowed_share_in_quarantine_blocks(quarantined: int, passes: bool) -> None:
    rows = delivery_checks(UPSERT, [outcome(UPSERT.key, quarantined=quarantined)], None, 100)
    assert row_of(rows, "expect_quarantine_ratio_to_be_at_most")["success"] is passes
    assert bool(blocking_failures(rows)) is not passes


def test_one_bad_delivery_does_not_hide_behind_many_good_ones() -> None:
    good = [outcome(UPSERT.key, delivery=f"d{i}.csv", received=10_000) for i in range(9)]
    rows = delivery_checks(UPSERT, [*good, outcome(UPSERT.key, delivery="bad.csv", quarantined=50)], None, 90_050)
    failure = row_of(rows, "expect_quarantine_ratio_to_be_at_most")
    assert not failure["success"]
    assert "bad.csv" in failure["observed_value"]


def test_an_empty_delivery_has_no_share_in_quarantine() -> None:
    rows = delivery_checks(UPSERT, [outcome(UPSERT.key, received=0, status="empty")], 10, 10)
    assert not blocking_failures(rows)


def test_deliveries_of_other_resources_are_left_out() -> None:
    rows = delivery_checks(UPSERT, [outcome("wjw.birth", quarantined=100)], None, 1)
    assert not blocking_failures(rows)


@pytest.mark.parametrize(
    ("published", "new", "passes"), [(None, 1, True), (0, 0, True), (100, 50, True), (100, 49, False), (101, 50, False)]
)
def test_a_replacing_delivery_below_half_of_the_published_rows_blocks(
    published: int | None, new: int, passes: bool
) -> None:
    rows = delivery_checks(REPLACE, [outcome(REPLACE.key)], published, new)
    assert row_of(rows, "expect_row_count_not_to_collapse")["success"] is passes


def test_only_replacing_deliveries_can_collapse_a_table() -> None:
    rows = delivery_checks(UPSERT, [outcome(UPSERT.key)], 1000, 10)
    assert row_of(rows, "expect_row_count_not_to_collapse")["success"]


def test_late_and_unreadable_deliveries_warn_and_do_not_block() -> None:
    rows = delivery_checks(
        UPSERT,
        [
            outcome(UPSERT.key, rule="batch.late"),
            outcome(UPSERT.key, status="failed", received=0, rule="source.unreachable"),
        ],
        None,
        100,
    )
    failed = {row["expectation_type"]: row["severity"] for row in rows if not row["success"]}
    assert failed == {"expect_deliveries_to_be_on_time": "warning", "expect_deliveries_to_be_readable": "warning"}
    assert not blocking_failures(rows)


def test_checks_that_hold_are_the_same_rows_whatever_was_delivered() -> None:
    first = delivery_checks(REPLACE, [outcome(REPLACE.key, received=500)], None, 500)
    again = delivery_checks(REPLACE, [], 500, 500)
    assert first == again


def test_a_blocking_reason_names_table_rule_counts_and_both_languages() -> None:
    [reason] = blocking_failures(delivery_checks(REPLACE, [outcome(REPLACE.key)], 1000, 10))
    assert "dsjj.division" in reason
    assert "990 / 1000" in reason
    assert "数据量骤降" in reason
    assert "lose more than half" in reason


@pytest.mark.parametrize(
    ("value", "mask", "shown"),
    [
        ("110101199003070011", "keep_6_4", "110101********0011"),
        ("张三丰", "keep_1_0", "张**"),
        ("12", "keep_6_4", HIDDEN),
        ("1990-03-07", "year", "1990-**-**"),
        ("anything", "hidden", HIDDEN),
        ("anything", "a mask nobody knows", HIDDEN),
        ("A01", None, "A01"),
        (None, "hidden", None),
        (("110101199003070011", None), "keep_6_4", ["110101********0011", None]),
        ({"resident_id": "110101199003070011"}, "hidden", {"resident_id": HIDDEN}),
    ],
)
def test_examples_are_shown_through_their_mask(value: Any, mask: str | None, shown: Any) -> None:
    assert mask_example(value, mask) == shown
