"""Deliveries twice, corrected, late or out of order end in the same rows; refused rows are accounted for."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from ingest_lakehouse import CONTRACTS, Lakehouse, csv_bytes, payment, permit

from lakehouse.branches import open_branch
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
PAYMENT = "swj.tax_payment"
PERMIT = "gaj.residence_permit"
DIVISION = "dsjj.division"


def snapshots(lakehouse: Lakehouse, key: str) -> int:
    from lakehouse.connect.iceberg import open_catalog

    return len(open_catalog(lakehouse.settings, lakehouse.branch.catalog_name).load_table(key).snapshots())


def test_the_same_delivery_again_changes_nothing_and_keeps_its_outcome(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PAYMENT, [payment(1), payment(2, amount="x")])
    first = lakehouse.ingest_one(PAYMENT)
    before = snapshots(lakehouse, PAYMENT), snapshots(lakehouse, "quarantine.swj_tax_payment")
    again = lakehouse.ingest_one(PAYMENT)
    assert again.skipped
    assert again.to_json() | {"skipped": False} == first.to_json()
    assert (snapshots(lakehouse, PAYMENT), snapshots(lakehouse, "quarantine.swj_tax_payment")) == before


def test_the_same_content_under_another_name_is_a_resent_batch(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PAYMENT, [payment(1)])
    lakehouse.csv(PAYMENT, [payment(1)], delivered_at="20260625090000")
    first, resent = lakehouse.ingest(PAYMENT)
    assert (first.status, first.accepted) == ("accepted", 1)
    assert (resent.status, resent.rule, resent.skipped, resent.received) == ("skipped", "batch.resent", True, 0)
    assert resent.batch_id == first.batch_id


def test_a_batch_of_bad_rows_only_is_not_taken_in_again(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PAYMENT, [payment(1, amount="x"), payment(2, amount="y")])
    assert lakehouse.ingest_one(PAYMENT).quarantined == 2
    assert lakehouse.ingest_one(PAYMENT).skipped
    assert len(lakehouse.quarantine()) == 2


def test_a_merged_batch_keeps_its_outcome_too(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(1), permit(2)], "20260624", "20260625020000")
    lakehouse.csv(PERMIT, [permit(2), permit(3), permit(3)], "20260625", "20260626020000")
    first = lakehouse.ingest(PERMIT)
    assert (first[1].accepted, first[1].deduplicated) == (1, 2)
    again = lakehouse.ingest(PERMIT)
    assert [outcome.to_json() | {"skipped": False} for outcome in again] == [outcome.to_json() for outcome in first]


def test_a_corrected_resend_replaces_the_rows(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(1, person_name="张山"), permit(2)])
    lakehouse.csv(PERMIT, [permit(1, person_name="张三"), permit(2)], delivered_at="20260625100000")
    _, corrected = lakehouse.ingest(PERMIT)
    assert (corrected.accepted, corrected.deduplicated) == (1, 1)
    assert lakehouse.query(f"select permit_no, person_name from {PERMIT} order by 1") == [
        ("JZ00000001", "张三"),
        ("JZ00000002", "张三"),
    ]


def test_a_refused_row_comes_right_with_the_next_delivery(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(1, resident_id="1"), permit(2)])
    lakehouse.csv(PERMIT, [permit(1)], "20260625", "20260626020000")
    lakehouse.ingest(PERMIT)
    assert lakehouse.query(f"select count(*) from {PERMIT}") == [(2,)]
    assert len(lakehouse.quarantine()) == 1


def test_days_in_any_order_end_in_the_same_rows(tmp_path: Path) -> None:
    days = [
        [permit(1, registered_on="2026-06-21", person_name="甲"), permit(2, registered_on="2026-06-21")],
        [permit(1, registered_on="2026-06-22", person_name="乙"), permit(3, registered_on="2026-06-22")],
        [permit(1, registered_on="2026-06-23", person_name="丙"), permit(2, registered_on="2026-06-20")],
    ]
    states = set()
    for number, order in enumerate(itertools.permutations(range(3))):
        settings = Settings(home=tmp_path / f"home{number}")
        house = Lakehouse(settings, open_branch(settings, "test"), tmp_path / f"source{number}")
        for place, day in enumerate(order):
            house.csv(PERMIT, days[day], f"2026062{day + 1}", f"2026062{5 + place}020000")
        house.ingest(PERMIT)
        states.add(tuple(house.query(f"select permit_no, person_name, registered_on from {PERMIT} order by 1")))
    assert len(states) == 1
    assert states.pop()[0][1] == "丙"


def test_an_old_replacement_that_comes_late_does_not_replace(lakehouse: Lakehouse) -> None:
    def divisions(name: str) -> bytes:
        row = {"division_code": "330102001001", "division_name": name, "level_no": 5, "valid_from": "2020-01-01"}
        return csv_bytes(CONTRACTS[DIVISION], [row])

    lakehouse.file(DIVISION, "20250930", "20251012000000", divisions("新"))
    assert lakehouse.ingest_one(DIVISION).accepted == 1
    lakehouse.file(DIVISION, "20240930", "20241012000000", divisions("旧"))
    old = lakehouse.ingest(DIVISION)[0]
    assert (old.received, old.accepted, old.deduplicated) == (1, 0, 1)
    lakehouse.file(DIVISION, "20260930", "20261012000000", divisions("旧"))
    assert lakehouse.ingest(DIVISION)[-1].accepted == 1
    assert lakehouse.query(f"select division_name from {DIVISION}") == [("旧",)]


def test_a_late_delivery_is_taken_in_and_flagged(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(1)], "20260620", "20260623235959")
    lakehouse.csv(PERMIT, [permit(2)], "20260620", "20260624000000")
    in_time, late = lakehouse.ingest(PERMIT)
    assert (in_time.rule, late.status, late.rule) == (None, "accepted", "batch.late")
    assert "4 天" in str(late.reason)


def test_of_the_same_key_twice_the_newest_then_the_first_is_kept(lakehouse: Lakehouse) -> None:
    rows = [
        permit(1, registered_on="2026-06-20", person_name="旧"),
        permit(1, registered_on="2026-06-21", person_name="新"),
        permit(1, registered_on="2026-06-21", person_name="新"),
        permit(1, registered_on="2026-06-21", person_name="同日"),
        permit(2),
        permit(3, person_name=" 李四 "),
        permit(3, person_name="李四"),
    ]
    lakehouse.csv(PERMIT, rows)
    outcome = lakehouse.ingest_one(PERMIT)
    assert (outcome.received, outcome.accepted, outcome.quarantined, outcome.deduplicated) == (7, 3, 2, 2)
    assert lakehouse.query(f"select permit_no, person_name, _row from {PERMIT} order by 1") == [
        ("JZ00000001", "新", 2),
        ("JZ00000002", "张三", 5),
        ("JZ00000003", "李四", 6),
    ]
    assert lakehouse.query("select row_number, key, rules, column_name from ops.quarantine order by 1") == [
        (1, "JZ00000001", "key.duplicate", None),
        (4, "JZ00000001", "key.duplicate", None),
    ]


def test_division_codes_are_checked_once_the_reference_is_there(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(1, division_code="330199999999")])
    assert lakehouse.ingest_one(PERMIT).accepted == 1
    reference = [
        {"division_code": "330102001001", "division_name": "甲", "level_no": 5, "valid_from": "2020-01-01"},
        {
            "division_code": "330103001001",
            "division_name": "乙",
            "level_no": 5,
            "valid_from": "2020-01-01",
            "valid_until": "2026-06-21",
        },
    ]
    lakehouse.csv(DIVISION, reference, "20250930", "20251001000000")
    lakehouse.ingest(DIVISION)
    rows = [
        permit(2),
        permit(3, division_code="330199999998"),
        permit(4, division_code="330103001001", registered_on="2026-06-21"),
        permit(5, division_code="330103001001", registered_on="2026-06-22"),
        permit(6, division_code="310101001001"),
    ]
    lakehouse.csv(PERMIT, rows, "20260625", "20260626020000")
    lakehouse.ingest(PERMIT)
    assert lakehouse.quarantine() == [
        ("JZ00000003", "division_code.division"),
        ("JZ00000005", "division_code.division"),
    ]


def test_known_outcomes_spare_reading_a_batch_that_left_no_row(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(1), permit(2)])
    lakehouse.csv(PERMIT, [permit(2)], "20260625", "20260626020000")
    first = lakehouse.ingest(PERMIT)
    assert (first[1].accepted, first[1].deduplicated) == (0, 1)
    again = lakehouse.ingest(PERMIT)
    assert not again[1].skipped
    known = lakehouse.ingest(PERMIT, known_outcomes=[outcome.to_row() for outcome in first])
    assert known[1].skipped


def test_every_commit_says_how_far_the_data_reach(lakehouse: Lakehouse) -> None:
    from lakehouse.connect.iceberg import open_catalog

    lakehouse.csv(PERMIT, [permit(1, registered_on="2026-06-20"), permit(2, registered_on="2026-06-22")])
    lakehouse.ingest(PERMIT)
    table = open_catalog(lakehouse.settings, lakehouse.branch.catalog_name).load_table(PERMIT)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    assert snapshot.summary["citybrain.watermark"] == "2026-06-22"
    assert str(snapshot.summary["citybrain.batch-id"]).startswith("gaj.residence_permit:")
