"""What the pages say of clocks: a year without a holiday table is told loudly, and no deadline is guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cataloguing_cases import calendar, event, published

from catalog.access.person import Person, Post
from catalog.api.cataloguing import Asked, CataloguingViews
from catalog.cataloguing.archive import Archive
from catalog.cataloguing.desk import CataloguingDesk
from catalog.cataloguing.proposal import Kind, Origin, Purpose
from catalog.cataloguing.shelf import Shelf
from catalog.cataloguing.store import CataloguingStore, Opening
from catalog.sharing.machine import Role

REVIEWER = Person("r", "赵审核", "dsjj", frozenset({Post.REVIEWER}))


def test_a_clock_across_new_year_without_a_table_is_loud(tmp_path: Path) -> None:
    store = CataloguingStore(f"sqlite:///{tmp_path / 'app.db'}", calendar())
    desk = CataloguingDesk(store, Shelf(published().vocabulary, Archive(tmp_path / "contracts")))
    at = datetime(2026, 12, 31, 4, tzinfo=UTC)
    number = store.open(Opening("gaj", "王编目", at, Origin(Purpose.NEW), {"name": "甲"})).number
    for seen, (kind, role) in enumerate([(Kind.SUBMIT, Role.CATALOGUER), (Kind.SIGN, Role.PROVIDER)], start=1):
        moved = event(kind, role)
        store.move(number, type(moved)(moved.kind, at, "某人", role, "gaj", {}), seen=seen)
    (row,) = CataloguingViews(desk, calendar()).overview(Asked(REVIEWER, at))["waiting"]
    (clock,) = row["clocks"]
    assert clock["due_on"] is None
    assert "2027" in clock["problem"]
    assert "放假安排" in clock["problem"]
    store.close()
