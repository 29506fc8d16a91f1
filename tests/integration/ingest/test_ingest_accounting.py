"""received = accepted + quarantined + deduplicated, by count and by checksum, for any mix of rows."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_lakehouse import Lakehouse, permit

from lakehouse.branches import open_branch
from lakehouse.connect.settings import Settings
from lakehouse.ingest import accepting
from lakehouse.ingest.errors import AccountingError

pytestmark = pytest.mark.integration
PERMIT = "gaj.residence_permit"
CHANGES = st.sampled_from(
    [
        {},
        {},
        {"person_name": "李四"},
        {"registered_on": "2026-06-21"},
        {"registered_on": "20260622"},
        {"registered_on": "9999-12-31"},
        {"resident_id": "1"},
        {"person_name": None},
        {"valid_until": "2026/06/30"},
        {"person_name": " 王五 "},
    ]
)
ROWS = st.lists(st.tuples(st.integers(0, 12), CHANGES), min_size=1, max_size=40)


@settings(max_examples=12, deadline=None)
@given(days=st.lists(ROWS, min_size=1, max_size=3))
def test_every_row_of_every_batch_is_accounted_for(days: list[list[tuple[int, dict[str, Any]]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Settings(home=Path(name) / "home")
        house = Lakehouse(home, open_branch(home, "test"), Path(name) / "source")
        for number, rows in enumerate(days):
            delivered = [permit(key, **changes) for key, changes in rows]
            house.csv(PERMIT, delivered, f"2026062{number}", f"2026062{number + 1}020000")
        outcomes = house.ingest(PERMIT)
        taken_in = [outcome for outcome in outcomes if outcome.status == "accepted"]
        assert sum(outcome.received for outcome in taken_in) <= sum(map(len, days))
        held = Counter(house.query(f"select permit_no from {PERMIT}"))
        assert all(count == 1 for count in held.values()), "a key is held once"
        refused = house.query("select count(*) from ops.quarantine")[0][0]
        assert refused == sum(outcome.quarantined for outcome in taken_in)


def test_a_row_lost_on_the_way_stops_the_batch(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    lakehouse.csv(PERMIT, [permit(1), permit(2, resident_id="1"), permit(3)])
    honest = accepting.received_rows
    monkeypatch.setattr(accepting, "received_rows", lambda *args: f"{honest(*args)} where false")
    with pytest.raises(AccountingError):
        lakehouse.ingest(PERMIT)
    assert lakehouse.query(f"select count(*) from {PERMIT}") == [(0,)]
    monkeypatch.undo()
    assert lakehouse.ingest_one(PERMIT).accepted == 2


def test_parts_of_a_large_file_keep_their_row_numbers(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse.sources.lines.PART_BYTES", 2_000)
    monkeypatch.setattr("lakehouse.sources.lines._SMALL_PART_BYTES", 250)
    rows = [permit(i, resident_id="1") if i % 50 == 49 else permit(i) for i in range(1000)]
    rows += [permit(10), permit(20, person_name="另一")]
    lakehouse.csv(PERMIT, rows)
    outcome = lakehouse.ingest_one(PERMIT)
    assert (outcome.received, outcome.accepted, outcome.quarantined, outcome.deduplicated) == (1002, 980, 21, 1)
    assert lakehouse.query(f"select count(*) from {PERMIT} where _row <> substr(permit_no, 3)::int + 1") == [(0,)]
    refused = lakehouse.query("select row_number from ops.quarantine order by 1")
    assert refused == [(i + 1,) for i in range(1000) if i % 50 == 49] + [(1002,)]
