"""Which days changed is told from snapshots and bounds."""

from __future__ import annotations

from datetime import date, datetime

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.rollup.changes import Snapshot, days_between, snapshots_since

LOG = [Snapshot(1, None, False), Snapshot(2, 1, False), Snapshot(3, 2, True), Snapshot(4, 3, False)]


def test_snapshots_that_only_move_rows_count_for_nothing() -> None:
    assert snapshots_since(LOG, 4, 1) == [4, 2]
    assert snapshots_since(LOG, 3, 2) == []
    assert snapshots_since(LOG, 4, 4) == []


def test_line_that_does_not_lead_back_means_everything() -> None:
    assert snapshots_since(LOG[2:], 4, 1) is None
    assert snapshots_since(LOG, 2, 4) is None


def test_span_without_bounds_means_everything() -> None:
    assert days_between([(datetime(2026, 1, 1), None)]) is None
    assert days_between([]) == set()


@given(st.lists(st.tuples(st.datetimes(datetime(2020, 1, 1), datetime(2020, 3, 1)), st.integers(0, 500))))
def test_every_moment_of_a_span_is_on_one_of_its_days(spans: list[tuple[datetime, int]]) -> None:
    from datetime import timedelta

    bounds = [(low, low + timedelta(hours=hours)) for low, hours in spans]
    days = days_between(bounds)
    assert days is not None
    for low, high in bounds:
        assert {low.date(), high.date(), (low + (high - low) / 2).date()} <= days
    assert all(isinstance(day, date) for day in days)
