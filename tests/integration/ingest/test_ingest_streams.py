"""Databases and JSON APIs are read since the watermark; late rows are found, unchanged reads leave no trace."""

from __future__ import annotations

from typing import Any

import pytest
from ingest_lakehouse import Lakehouse

pytestmark = pytest.mark.integration
VEHICLE = "gaj.vehicle"


def vehicle(number: int, updated_at: str = "2026-06-20 08:00:00", **changes: Any) -> dict[str, Any]:
    row = {
        "plate_no": f"浙A{number:05}",
        "vehicle_type_code": "K33",
        "owner_resident_id": "11010519491231002X",
        "vin": "LZXAAAAA4T0000000",
        "registered_on": "2020-01-01",
        "updated_at": updated_at,
    }
    return row | changes


def plates(lakehouse: Lakehouse) -> list[str]:
    return [plate for (plate,) in lakehouse.query(f"select plate_no from {VEHICLE} order by 1")]


def test_an_unchanged_database_is_recognised_by_its_content(lakehouse: Lakehouse) -> None:
    lakehouse.table(VEHICLE, [vehicle(i, f"2026-06-{i:02} 08:00:00") for i in range(1, 29)] + [vehicle(99, vin="?")])
    first = lakehouse.ingest_one(VEHICLE)
    assert (first.received, first.accepted, first.quarantined) == (29, 28, 1)
    for _ in range(2):
        again = lakehouse.ingest_one(VEHICLE)
        assert again.skipped
        assert again.to_json() | {"skipped": False} == first.to_json()


def test_only_rows_since_the_look_back_are_read_again(lakehouse: Lakehouse) -> None:
    old = [vehicle(i, "2026-01-01 08:00:00") for i in range(50)]
    lakehouse.table(VEHICLE, [*old, vehicle(50, "2026-06-20 08:00:00")])
    lakehouse.ingest_one(VEHICLE)
    lakehouse.table(VEHICLE, [vehicle(51, "2026-06-21 08:00:00")], replace=False)
    second = lakehouse.ingest_one(VEHICLE)
    assert (second.received, second.accepted, second.deduplicated) == (2, 1, 1)
    assert lakehouse.ingest_one(VEHICLE).skipped


def test_a_row_entered_late_with_an_old_time_stamp_is_found(lakehouse: Lakehouse) -> None:
    lakehouse.table(VEHICLE, [vehicle(1, "2026-01-01 08:00:00"), vehicle(2, "2026-06-20 08:00:00")])
    lakehouse.ingest_one(VEHICLE)
    lakehouse.table(VEHICLE, [vehicle(3, "2026-02-01 08:00:00")], replace=False)
    late = lakehouse.ingest_one(VEHICLE)
    assert (late.received, late.accepted, late.deduplicated) == (3, 1, 2)
    assert plates(lakehouse) == ["浙A00001", "浙A00002", "浙A00003"]


def test_a_row_from_the_future_does_not_hide_what_comes_next(lakehouse: Lakehouse) -> None:
    lakehouse.table(VEHICLE, [vehicle(1), vehicle(2, "2035-06-01 08:00:00"), vehicle(3, "9999-12-31 00:00:00")])
    lakehouse.ingest_one(VEHICLE)
    lakehouse.table(VEHICLE, [vehicle(4, "2026-06-21 08:00:00")], replace=False)
    lakehouse.ingest_one(VEHICLE)
    assert plates(lakehouse) == ["浙A00001", "浙A00002", "浙A00004"]


def test_a_bad_row_read_again_is_not_quarantined_twice(lakehouse: Lakehouse) -> None:
    lakehouse.table(VEHICLE, [vehicle(1), vehicle(2, vin="?")])
    lakehouse.ingest_one(VEHICLE)
    lakehouse.table(VEHICLE, [vehicle(3), vehicle(4, vin="?")], replace=False)
    second = lakehouse.ingest_one(VEHICLE)
    assert (second.received, second.accepted, second.quarantined, second.deduplicated) == (4, 1, 1, 2)
    assert sorted(lakehouse.quarantine()) == [("浙A00002", "vin.pattern"), ("浙A00004", "vin.pattern")]


def test_a_corrected_row_replaces_and_a_table_with_another_shape_is_refused(lakehouse: Lakehouse) -> None:
    lakehouse.table(VEHICLE, [vehicle(1, vehicle_type_code="K33")])
    lakehouse.ingest_one(VEHICLE)
    lakehouse.table(VEHICLE, [vehicle(1, "2026-06-22 08:00:00", vehicle_type_code="K32")])
    assert lakehouse.ingest_one(VEHICLE).accepted == 1
    assert lakehouse.query(f"select vehicle_type_code from {VEHICLE}") == [("K32",)]
    import sqlite3

    with sqlite3.connect(lakehouse.root / "gaj" / "gaj.db") as db:
        db.execute('alter table "T_JDC_DJ" add column "YS"')
    db.close()
    refused = lakehouse.ingest_one(VEHICLE)
    assert (refused.status, refused.rule) == ("failed", "schema.unknown_column")


def test_a_table_that_is_not_there_is_a_missing_delivery(lakehouse: Lakehouse) -> None:
    lakehouse.table(VEHICLE, [vehicle(1)])
    other = lakehouse.ingest_one("gaj.resident")
    assert (other.status, other.rule) == ("failed", "delivery.missing")


def test_values_that_a_database_types_are_read_as_text(lakehouse: Lakehouse) -> None:
    lakehouse.table("gaj.household", [_household(1, 3), _household(2, "4"), _household(3, 2.0), _household(4, "三")])
    outcome = lakehouse.ingest_one("gaj.household")
    assert (outcome.accepted, outcome.quarantined) == (3, 1)
    assert lakehouse.query("select member_count from gaj.household order by household_id") == [(3,), (4,), (2,)]


def _household(number: int, members: object) -> dict[str, Any]:
    return {
        "household_id": f"{number:012}",
        "head_resident_id": "11010519491231002X",
        "member_count": members,
        "address_id": "A1",
        "division_code": "330102001001",
        "updated_at": "2026-06-20 08:00:00",
    }
