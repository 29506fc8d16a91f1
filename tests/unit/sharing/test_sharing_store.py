"""Applications and 校核 in the app database: replayed as they happened, one writer at a time, nothing changed afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.application import Application, Kind, State
from catalog.sharing.grants import grant_of, grants_in_force
from catalog.sharing.machine import Event, IllegalMove, Parties, Role
from catalog.sharing.store import Opening, OvertakenError, SharingStore, UnknownMatter
from catalog.sharing.verification import Report

PARTIES = Parties(applicant="wjw", provider="gaj", bureau="dsjj")
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
OPENING = Opening(PARTIES, "gaj.resident", NOON, "李某")
FORM = {
    "resource": "gaj.resident",
    "basis": "《基本医疗卫生与健康促进法》第二十条",
    "scenario": "家庭医生签约对象核对",
    "scope": "市卫生健康委基层处",
    "method": "service",
    "starts_on": "2026-04-01",
    "ends_on": "2027-03-31",
    "columns": ["resident_id", "person_name"],
    "row_filter": {"division_code": "330106001000"},
}
REPORT = Report(
    resource="gaj.resident",
    key="330106",
    column="person_name",
    found="张三",
    believed="张叁",
    evidence="户口簿",
    snapshot="s1",
)
DATA = {"form": FORM, "reason": "理由", "missing": ["使用依据"], "days": 5, "record": {"purpose": "签约"}}
DEPT = {Role.APPLICANT: "wjw", Role.OWN_OFFICE: "wjw", Role.BUREAU: "dsjj", Role.PROVIDER: "gaj", Role.SYSTEM: ""}
TO_USE = [Kind.SAVE, Kind.SUBMIT, Kind.APPROVE_OWN, Kind.ACCEPT, Kind.AGREE, Kind.PROVIDE]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def store(place: Path) -> Iterator[SharingStore]:
    opened = SharingStore(f"sqlite:///{place}")
    yield opened
    opened.close()


def event(kind: Kind, day: int = 0, **changes: Any) -> Event:
    role = min(app.MACHINE.rules[kind].roles, key=lambda r: r.name)
    return Event(str(kind), NOON + timedelta(days=day), "某人", role, DEPT[role], {**DATA, **changes})


def walked(store: SharingStore, kinds: list[Kind]) -> Application:
    stands = store.apply_for(OPENING, 2)
    for day, kind in enumerate(kinds):
        stands = store.move_application(stands.number, event(kind, day), seen=len(stands.events))
    return stands


def test_what_is_read_again_is_what_was_done(store: SharingStore, place: Path) -> None:
    stands = walked(store, [*TO_USE, Kind.USE, Kind.SUSPEND])
    again = SharingStore(f"sqlite:///{place}")
    assert again.application(stands.number) == stands
    assert stands.state is State.SUSPENDED
    again.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(list(Kind)), max_size=14))
def test_any_lawful_history_is_replayed_equal_and_unlawful_events_leave_no_trace(
    store: SharingStore, kinds: list[Kind]
) -> None:
    stands = store.apply_for(OPENING, 2)
    for day, kind in enumerate(kinds):
        try:
            stands = store.move_application(stands.number, event(kind, day), seen=len(stands.events))
        except IllegalMove:
            assert store.application(stands.number) == stands
    assert store.application(stands.number) == stands


def test_numbers_count_up_within_a_year_and_a_kind(store: SharingStore) -> None:
    later = Opening(PARTIES, "gaj.resident", datetime(2026, 12, 31, 17, 0, tzinfo=UTC), "李某")  # 2027 in the city
    numbers = [store.apply_for(OPENING, 2).number, store.apply_for(OPENING, 2).number, store.apply_for(later, 2).number]
    assert numbers == ["SQ2026-000001", "SQ2026-000002", "SQ2027-000001"]
    assert store.report(OPENING, REPORT).number == "JH2026-000001"


def test_openings_at_the_same_time_get_numbers_of_their_own(store: SharingStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        numbers = [opened.number for opened in pool.map(lambda _: store.apply_for(OPENING, 2), range(12))]
    assert sorted(numbers) == [f"SQ2026-{place:06}" for place in range(1, 13)]


def test_the_second_of_two_people_is_told_who_was_first(store: SharingStore) -> None:
    stands = walked(store, TO_USE[:3])
    store.move_application(stands.number, event(Kind.ACCEPT, 5), seen=3)
    with pytest.raises(OvertakenError, match="dsjj 某人 于 2026-03-07 04:00 办理“受理”"):
        store.move_application(stands.number, event(Kind.ASK_COMPLETION, 6), seen=3)
    assert [e.kind for e in store.application(stands.number).events][-1] == Kind.ACCEPT


def test_of_many_at_once_one_is_first_and_none_is_half_done(store: SharingStore) -> None:
    stands = walked(store, TO_USE[:3])

    def act(kind: Kind) -> bool:
        try:
            store.move_application(stands.number, event(kind, 5), seen=3)
        except OvertakenError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(act, [Kind.ACCEPT, Kind.ASK_COMPLETION] * 3))
    assert done.count(True) == 1
    assert len(store.application(stands.number).events) == 4


@pytest.mark.parametrize(
    "statement",
    [
        "update sharing_event set kind = '同意'",
        "delete from sharing_event",
        "update sharing_matter set provider = 'wjw'",
        "delete from sharing_matter",
    ],
)
def test_what_happened_cannot_be_changed(store: SharingStore, place: Path, statement: str) -> None:
    stands = walked(store, TO_USE)
    with sqlite3.connect(place) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)
    assert store.application(stands.number) == stands


def test_an_application_for_one_resource_cannot_become_one_for_another(store: SharingStore) -> None:
    stands = store.apply_for(OPENING, 1)
    with pytest.raises(IllegalMove, match=r"mzj\.marriage"):
        store.move_application(stands.number, event(Kind.SAVE, form={**FORM, "resource": "mzj.marriage"}), seen=0)


def test_matters_are_found_by_resource_and_by_department(store: SharingStore) -> None:
    mine = store.apply_for(OPENING, 2)
    other = store.apply_for(Opening(Parties("jyj", "mzj", "dsjj"), "mzj.marriage", NOON, "王某"), 2)
    assert store.applications() == [mine, other]
    assert store.applications(resource="mzj.marriage") == [other]
    assert store.applications(dept="gaj") == [mine]
    assert store.applications(dept="ylbj") == []
    for unknown in (store.application, store.verification):
        with pytest.raises(UnknownMatter, match="SQ1999-000001"):
            unknown("SQ1999-000001")


def test_a_verification_is_kept_with_its_report_and_its_clock(store: SharingStore) -> None:
    opened = store.report(OPENING, REPORT)
    confirm = Event(str(ver.Kind.CONFIRM), NOON, "某人", Role.PROVIDER, "gaj", {"finding": "录入有误"})
    moved = store.move_verification(opened.number, confirm, seen=0)
    assert store.verification(opened.number) == moved
    assert moved.state is ver.State.CONFIRMED
    assert moved.clock().started_on == date(2026, 3, 2)
    assert store.verifications(resource="gaj.resident") == [moved]
    assert store.applications() == []


def test_a_grant_is_what_was_approved_while_it_is_in_use(store: SharingStore) -> None:
    before, stands = walked(store, TO_USE[:-1]), walked(store, TO_USE)
    assert grant_of(before) is None
    grant = grant_of(stands)
    assert grant is not None
    assert (grant.application, grant.dept, grant.resource) == (stands.number, "wjw", "gaj.resident")
    assert grant.columns == {"resident_id", "person_name"}
    assert grant.row_filter == {"division_code": "330106001000"}
    assert (grant.starts_on, grant.ends_on) == (date(2026, 4, 1), date(2027, 3, 31))


@pytest.mark.parametrize(
    "ending", [[Kind.SUSPEND], [Kind.SUSPEND, Kind.TERMINATE], [Kind.EXPIRE], [Kind.EXPIRE, Kind.DISPOSE]]
)
def test_suspension_and_every_end_take_the_grant_away(store: SharingStore, ending: list[Kind]) -> None:
    assert grant_of(walked(store, [*TO_USE, *ending])) is None


def test_a_suspended_grant_comes_back_when_the_fault_is_mended(store: SharingStore) -> None:
    stands = walked(store, TO_USE)
    granted = grant_of(stands)
    for day, kind in enumerate([Kind.SUSPEND, Kind.RECTIFY], start=10):
        stands = store.move_application(stands.number, event(kind, day), seen=len(stands.events))
    assert granted is not None
    assert grant_of(stands) == granted


@pytest.mark.parametrize(
    ("day", "in_force"),
    [
        (date(2026, 3, 31), False),
        (date(2026, 4, 1), True),
        (date(2027, 3, 31), True),
        (date(2027, 4, 1), False),
    ],
)
def test_a_grant_is_void_outside_its_days_whether_or_not_that_was_recorded(
    store: SharingStore, day: date, in_force: bool
) -> None:
    walked(store, TO_USE)
    assert bool(grants_in_force(store.applications(), day)) is in_force
