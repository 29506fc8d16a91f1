"""Evidence gathered from real stores: what is new is taken in, what is past does not change, reads without a grant are found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from compliance_city import (
    ask,
    catalogue_tables,
    date_publish,
    doubt,
    event,
    go_on,
    load_web_city,
    noon,
)

from catalog.access.model import Decision, Principal
from catalog.access.store import AccessStore, AuditEvent, open_store
from catalog.cataloguing.proposal import Kind as Step
from catalog.cataloguing.proposal import Origin, Purpose
from catalog.cataloguing.store import CataloguingStore, Opening
from catalog.compliance.board import outcomes
from catalog.compliance.changes import Changes
from catalog.compliance.duties import BY_CODE
from catalog.compliance.evidence import Use
from catalog.compliance.gather import Gatherer
from catalog.compliance.lake import entries_of_contracts
from catalog.compliance.model import Outcome, Status
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.sharing.application import Kind
from catalog.sharing.calendar import load_calendar
from catalog.sharing.machine import Event, Role
from catalog.sharing.store import SharingStore
from lakehouse.branches import publish_history
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
TODAY = date(2026, 11, 28)
ALLOWED = Decision(True, "allowed", "", "")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def sharing(home: Settings) -> Iterator[SharingStore]:
    store = SharingStore(app_database(home))
    yield store
    store.close()


@pytest.fixture
def access(home: Settings) -> Iterator[AccessStore]:
    store = AccessStore(app_database(home))
    yield store
    store.close()


@pytest.fixture
def gatherer(home: Settings, sharing: SharingStore, access: AccessStore) -> Gatherer:
    contracts = load_contracts()
    return Gatherer(home, sharing, access, lambda: contracts, load_vocabulary())


def publish(settings: Settings, at: str, **changed: dict[str, object]) -> None:
    """Publish the catalogue with changes to the entry of residents, as of a moment."""
    name = f"p{at[:10].replace('-', '')}"
    load_web_city().publish_tables(settings, name, catalogue_tables({"gaj.resident": changed.get("resident", {})}))
    date_publish(settings, publish_history(settings, 1)[0].snapshot, at)


def look(gatherer: Gatherer, code: str, day: str, dept: str = "gaj") -> Outcome:
    return BY_CODE[code].look(gatherer.evidence(date.fromisoformat(day), TODAY), dept)


def read(access: AccessStore, home: Settings, dept: str, resource: str, at: datetime, rows: int) -> None:
    """Let the data service answer a read at a moment of the past: the log itself takes the wall clock's."""
    who = Principal("0123456789ab", dept, "test", frozenset(), False, None)
    access.audit(AuditEvent("r", who, "read_rows", resource, (), ALLOWED, rows))
    engine = sa.create_engine(app_database(home))
    with engine.begin() as db:
        db.execute(sa.text("drop trigger if exists audit_event_no_update"))
        newest = "update audit_event set at = :at where event_id = (select max(event_id) from audit_event)"
        db.execute(sa.text(newest), {"at": at.astimezone(UTC).isoformat(timespec="milliseconds")})
    engine.dispose()


def test_before_the_first_publish_only_today_is_known(gatherer: Gatherer) -> None:
    assert look(gatherer, "13.fields", str(TODAY)).status is Status.MET
    assert look(gatherer, "13.fields", "2026-11-27").status is Status.UNKNOWN


def test_each_day_shows_the_publish_of_its_time(home: Settings, gatherer: Gatherer) -> None:
    publish(home, "2026-09-01T15:59:00+00:00")  # 23:59 of 1 September in the city
    publish(home, "2026-10-09T16:00:00+00:00", resident={"share_purposes": None})  # 0:00 of 10 October
    statuses = {day: look(gatherer, "15.conditions", day).status for day in ("2026-08-31", "2026-09-01", "2026-10-09")}
    assert list(statuses.values()) == [Status.UNKNOWN, Status.MET, Status.MET]
    assert look(gatherer, "15.conditions", "2026-10-10").status is Status.BREACHED


def test_later_publishes_and_events_leave_an_earlier_day_alone(
    home: Settings, gatherer: Gatherer, sharing: SharingStore
) -> None:
    publish(home, "2026-09-01T02:00:00+00:00")
    number = ask(sharing, "wjw", "gaj.resident", 2, "2026-10-09")
    day = date(2026, 10, 20)

    def state() -> list[dict[str, Outcome]]:
        return [outcomes(gatherer.evidence(day, TODAY), dept) for dept in load_vocabulary().departments]

    before = state()
    publish(home, "2026-10-21T02:00:00+00:00", resident={"secrecy_assessed_on": None, "share_scope": None})
    go_on(sharing, number, (Kind.AGREE, "2026-10-22"))
    doubt(sharing, "wjw", "gaj.resident", "2026-10-21")
    assert state() == before
    assert look(gatherer, "21.conditional", "2026-10-23").tally == {Status.MET: 1}
    assert look(gatherer, "13.assessed", "2026-10-21").status is Status.BREACHED
    assert look(gatherer, "26.verify", "2026-10-21").tally == {Status.MET: 1}


def test_what_happens_is_seen_at_the_next_look(home: Settings, gatherer: Gatherer, sharing: SharingStore) -> None:
    publish(home, "2026-09-01T02:00:00+00:00")
    number = ask(sharing, "wjw", "gaj.resident", 2, "2026-10-09")
    assert look(gatherer, "21.conditional", "2026-11-02").status is Status.BREACHED
    go_on(sharing, number, (Kind.REFUSE, "2026-11-02"))
    assert look(gatherer, "21.conditional", "2026-11-02").status is Status.LATE
    assert look(gatherer, "21.conditional", "2026-10-31").status is Status.BREACHED


def test_reads_are_counted_by_day_of_the_city_and_those_without_a_grant_are_found(
    home: Settings, gatherer: Gatherer, sharing: SharingStore, access: AccessStore
) -> None:
    publish(home, "2026-09-01T02:00:00+00:00")
    number = ask(sharing, "wjw", "gaj.resident", 2, "2026-10-09")
    go_on(sharing, number, (Kind.AGREE, "2026-10-12"), (Kind.PROVIDE, "2026-10-12"))
    read(access, home, "wjw", "gaj.resident", noon("2026-10-13"), 30)
    read(access, home, "mzj", "gaj.resident", datetime(2026, 10, 13, 16, 30, tzinfo=UTC), 5)  # 0:30 of the 14th
    read(access, home, "mzj", "dsjj.division", noon("2026-10-13"), 9)  # shared without conditions
    assert gatherer.evidence(date(2026, 10, 31), TODAY).uses == (
        Use("mzj", "dsjj.division", date(2026, 10, 13), 1, 9),
        Use("wjw", "gaj.resident", date(2026, 10, 13), 1, 30),
        Use("mzj", "gaj.resident", date(2026, 10, 14), 1, 5),
    )
    assert look(gatherer, "25.purpose", "2026-10-31", "wjw").status is Status.MET
    assert look(gatherer, "25.purpose", "2026-10-31", "mzj").status is Status.BREACHED
    assert look(gatherer, "25.purpose", "2026-10-13", "mzj").status is Status.NOT_APPLICABLE


def test_a_change_of_the_catalogue_is_timed_and_an_earlier_day_does_not_know_its_end(home: Settings) -> None:
    """A duty changed on 9 October 2026: day 10 is 22 October, since Saturday 10 October is worked."""
    calendar = load_calendar()
    with (
        closing(CataloguingStore(app_database(home), calendar)) as proposals,
        closing(SharingStore(app_database(home))) as sharing,
        open_store(app_database(home)) as access,
    ):
        contracts = load_contracts()
        changes = Changes(proposals, calendar)
        gatherer = Gatherer(home, sharing, access, lambda: contracts, load_vocabulary(), changes)
        assert look(gatherer, "17.update", "2026-10-22").status is Status.NOT_APPLICABLE
        opening = Opening("gaj", "编目员", noon("2026-10-09"), Origin(Purpose.CHANGE), {"name": "户籍人口"})
        number = proposals.open(opening).number
        said = {"changed_on": "2026-10-09", "basis": "职责调整"}
        steps = [
            (Step.RECORD_CHANGE, "2026-10-09", Role.CATALOGUER, "gaj", said),
            (Step.SUBMIT, "2026-10-23", Role.CATALOGUER, "gaj", {}),
            (Step.SIGN, "2026-10-23", Role.PROVIDER, "gaj", {}),
        ]
        for seen, (kind, day, role, dept, data) in enumerate(steps, start=1):
            proposals.move(number, Event(str(kind), noon(day), "某人", role, dept, data), seen=seen)
        statuses = [look(gatherer, "17.update", f"2026-10-{day}").status for day in (22, 23)]
        assert statuses == [Status.MET, Status.LATE]
        assert look(gatherer, "17.review", "2026-10-26", "dsjj").status is Status.MET
        assert look(gatherer, "17.review", "2026-10-28", "dsjj").status is Status.BREACHED  # 26 and 27 October


def test_the_stores_tell_what_is_new(sharing: SharingStore, access: AccessStore) -> None:
    assert sharing.version() == (0, 0)
    assert access.newest_event() is None
    assert access.oldest_event_at() is None
    number = ask(sharing, "wjw", "gaj.resident", 2, "2026-10-09")
    other = doubt(sharing, "wjw", "gaj.resident", "2026-10-09")
    assert sharing.version() == (2, 4)
    assert sharing.sizes() == {number: 4, other: 0}
    assert [one.number for one in sharing.applications(numbers=[number, other, "SQ0000-000000"])] == [number]
    assert [one.number for one in sharing.verifications(numbers=[other])] == [other]
    assert sharing.applications(numbers=[]) == []
    assert event(sharing, number, Kind.AGREE, "2026-10-10").dept == "gaj"
    access.audit(AuditEvent("r", None, "read_rows", "gaj.resident", (), ALLOWED, 1))
    newest = access.newest_event()
    assert newest is not None
    assert newest[0] == 1
    assert access.oldest_event_at() == newest[1]


def test_more_numbers_than_a_question_takes_are_asked_in_portions(sharing: SharingStore) -> None:
    numbers = [ask(sharing, "wjw", "gaj.resident", 2, "2026-10-09") for _ in range(3)]
    made_up = [f"SQ2026-9{n:05}" for n in range(1200)]
    assert [one.number for one in sharing.applications(numbers=[*made_up, *numbers])] == numbers


def test_contracts_state_what_the_catalogue_would_publish_of_them(home: Settings, gatherer: Gatherer) -> None:
    publish(home, "2026-09-01T02:00:00+00:00")
    published = gatherer.evidence(date(2026, 9, 2), TODAY).published
    assert published.entries == entries_of_contracts(load_contracts(), load_vocabulary())


def test_what_two_publishes_show_alike_is_read_once(home: Settings, gatherer: Gatherer) -> None:
    publish(home, "2026-09-01T02:00:00+00:00")
    supply = {key: sql for key, sql in load_web_city().city_tables().items() if key == "catalogue.supply_status"}
    load_web_city().publish_tables(home, "supply", supply)
    date_publish(home, publish_history(home, 1)[0].snapshot, "2026-09-08T02:00:00+00:00")
    publish(home, "2026-09-15T02:00:00+00:00", resident={"name": "户籍人口（新）"})
    first, second, third = (gatherer.evidence(date(2026, 9, day), TODAY).published for day in (1, 8, 15))
    assert first.entries is not None
    assert first.entries is second.entries
    assert (first.supplies, len(second.supplies or ())) == (None, 2)
    assert third.entry["gaj.resident"].name == "户籍人口（新）"


def test_the_calls_of_a_day_are_counted_anew_only_while_it_lasts(
    home: Settings, gatherer: Gatherer, access: AccessStore
) -> None:
    read(access, home, "wjw", "gaj.resident", noon("2026-10-12"), 30)
    read(access, home, "wjw", "gaj.resident", noon("2026-10-13"), 1)
    assert [use.calls for use in gatherer.evidence(date(2026, 10, 13), TODAY).uses] == [1, 1]
    read(access, home, "wjw", "gaj.resident", noon("2026-10-13"), 2)
    assert [(use.calls, use.row_count) for use in gatherer.evidence(date(2026, 10, 13), TODAY).uses] == [
        (1, 30),
        (2, 3),
    ]
    assert [use.on.day for use in gatherer.evidence(date(2026, 10, 12), TODAY).uses] == [12]
