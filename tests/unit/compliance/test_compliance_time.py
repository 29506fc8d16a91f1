"""Time: what comes later never changes an earlier day's outcome; months and ends of days are the city's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from compliance_cases import (
    CALENDAR,
    DATA,
    DEPT_OF,
    FORM,
    PARTIES,
    PRACTICE,
    ROLE,
    asked,
    doubted,
    entry,
    happened,
    in_answer,
    noon,
    seen,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.cataloguing.proposal import Kind as Change
from catalog.compliance.board import outcomes
from catalog.compliance.changes import change_of
from catalog.compliance.days import (
    RememberedCalendar,
    end_of,
    first_of,
    last_of,
    month_of,
    months_until,
)
from catalog.compliance.evidence import Evidence
from catalog.compliance.ledger import Ledger, case_of
from catalog.compliance.model import Status
from catalog.contract.city_time import CITY_TIME
from catalog.sharing.application import Application, IllegalMove, Kind
from catalog.sharing.machine import Event, Role
from catalog.sharing.practice import Practice
from catalog.sharing.verification import Kind as Step
from catalog.sharing.verification import Verification

START = date(2025, 9, 1)
DEPTS = ("gaj", "wjw", "dsjj")


@dataclass
class Kept:
    """Stands for the store: whatever is put into it, as the store would give it back."""

    matters: dict[str, Application | Verification] = field(default_factory=dict)

    def version(self) -> tuple[int, int]:
        return len(self.matters), sum(len(one.events) for one in self.matters.values())

    def sizes(self) -> dict[str, int]:
        return {number: len(one.events) for number, one in self.matters.items()}

    def applications(self, *, numbers: Iterable[str]) -> list[Application]:
        return [one for number in numbers if isinstance(one := self.matters[number], Application)]

    def verifications(self, *, numbers: Iterable[str]) -> list[Verification]:
        return [one for number in numbers if isinstance(one := self.matters[number], Verification)]


def ledger_of(*matters: Application | Verification) -> Ledger:
    ledger = Ledger(Kept({one.number: one for one in matters}), CALENDAR, PRACTICE)  # type: ignore[arg-type]
    ledger.refresh()
    return ledger


def evidence_of(ledger: Ledger, day: date) -> Evidence:
    bare = seen(day.isoformat(), entries=[entry()])
    return replace(bare, cases=ledger.cases(day), verifications=ledger.verifications(day))


def statuses(ledger: Ledger, day: date) -> dict[tuple[str, str], object]:
    evidence = evidence_of(ledger, day)
    return {(dept, code): outcome for dept in DEPTS for code, outcome in outcomes(evidence, dept).items()}


@st.composite
def lives(draw: st.DrawFn, number: int) -> Application:
    """Draw the life of an application: legal moves, each some days after the one before."""
    at = datetime.combine(START, datetime.min.time(), CITY_TIME) + timedelta(days=draw(st.integers(0, 40)), hours=9)
    state = Application(f"SQ2025-{number:06}", PARTIES, FORM["resource"], draw(st.sampled_from([1, 2])))
    for kind in (Kind.SAVE, Kind.SUBMIT):
        state = state.apply(Event(str(kind), at, "某人", Role.APPLICANT, "wjw", DATA))
    for _ in range(draw(st.integers(0, 10))):
        moves = sorted(move.kind for move in state.moves())
        if not moves:
            break
        kind = draw(st.sampled_from(moves))
        at += timedelta(hours=draw(st.integers(0, 24 * 15)))
        role = ROLE.get(Kind(kind), Role.APPLICANT)
        try:
            state = state.apply(Event(str(kind), at, "某人", role, DEPT_OF[role], DATA))
        except IllegalMove:
            continue  # the law forbids what the order of steps would allow
    return state


LIVES = st.integers(1, 4).flatmap(lambda count: st.tuples(*(lives(number) for number in range(count))))
DAYS = st.dates(START, date(2026, 3, 31))


def until(whole: Application, day: date) -> Application:
    """Return an application as if nothing had happened after a day."""
    start = Application(whole.number, whole.parties, whole.resource, whole.share_type)
    for event in whole.events:
        if event.at < end_of(day):
            start = start.apply(event)
    return start


@settings(max_examples=60, deadline=None)
@given(LIVES, DAYS)
def test_what_comes_later_never_changes_an_earlier_day(matters: tuple[Application, ...], day: date) -> None:
    known_then = [cut for one in matters if (cut := until(one, day)).events]
    assert statuses(ledger_of(*matters), day) == statuses(ledger_of(*known_then), day)


@settings(max_examples=40, deadline=None)
@given(LIVES, DAYS, DAYS)
def test_a_ledger_that_was_brought_up_to_date_is_like_a_new_one(
    matters: tuple[Application, ...], first: date, asked: date
) -> None:
    kept = Kept({one.number: cut for one in matters if (cut := until(one, first)).events})
    ledger = Ledger(kept, CALENDAR, PRACTICE)  # type: ignore[arg-type]
    ledger.refresh()
    statuses(ledger, asked)
    kept.matters = {one.number: one for one in matters}
    ledger.refresh()
    fresh = ledger_of(*matters)
    assert statuses(ledger, asked) == statuses(fresh, asked)
    assert ledger.events_until(asked) == fresh.events_until(asked)


def test_what_comes_earlier_does_change_the_day() -> None:
    open_one = in_answer("2025-09-28")
    answered = in_answer("2025-09-28", (Kind.REFUSE, "2025-10-17"))
    day = date(2025, 10, 18)
    key = ("gaj", "21.conditional")
    assert statuses(ledger_of(open_one), day)[key] != statuses(ledger_of(answered), day)[key]


def test_an_event_belongs_to_its_day_in_the_city_to_the_last_minute() -> None:
    late_evening = datetime(2025, 10, 9, 15, 59, tzinfo=UTC)  # 23:59 of 9 October
    after_midnight = datetime(2025, 10, 9, 16, 0, tzinfo=UTC)  # 0:00 of 10 October
    for at, status in ((late_evening, Status.MET), (after_midnight, Status.LATE)):
        answer = replace(happened(Kind.AGREE, "2025-10-09"), at=at)
        evidence = seen("2025-10-10", applications=[in_answer("2025-09-30", answer, share_type=1)])
        assert outcomes(evidence, "gaj")["21.unconditional"].status is status


def test_a_doubt_is_there_from_its_report_on() -> None:
    ledger = ledger_of(doubted("2025-09-30", (Step.UPHOLD, "2025-10-22")))
    assert ledger.verifications(date(2025, 9, 29)) == ()
    assert len(ledger.verifications(date(2025, 10, 1))[0].events) == 0
    assert len(ledger.verifications(date(2025, 10, 22))[0].events) == 1
    assert [ledger.events_until(date(2025, 9, day)) for day in (29, 30)] == [0, 1]


def test_days_of_completion_count_or_do_not_as_the_city_has_it() -> None:
    """Asked on 9 October; completion asked for on the 10th and given on the 20th: day 10 is 22 October, or 31 October without these days."""
    whole = asked((Kind.APPROVE_OWN, "2025-10-09"), (Kind.ASK_COMPLETION, "2025-10-10"), (Kind.COMPLETE, "2025-10-20"))
    for pauses, due_on in ((False, date(2025, 10, 22)), (True, date(2025, 10, 31))):
        case = case_of(whole, CALENDAR, Practice(pauses_for_completion=pauses))
        assert case.answer is not None
        assert case.answer.due_on(CALENDAR, date(2025, 10, 31)) == due_on, pauses


def test_months() -> None:
    assert (first_of("2026-02"), last_of("2026-02"), last_of("2024-02")) == (
        date(2026, 2, 1),
        date(2026, 2, 28),
        date(2024, 2, 29),
    )
    assert last_of("2025-12") == date(2025, 12, 31)
    assert months_until("2026-01", 3) == ["2025-11", "2025-12", "2026-01"]
    assert months_until("2025-09", 12) == ["2025-08", "2025-09"]  # in force from 1 August 2025
    for wrong in ("2026-13", "2026-1", "２０２６-01", "2026-01-01", ""):
        with pytest.raises(ValueError, match="不是月份"):
            first_of(wrong)


@given(st.dates(date(2025, 8, 1), date(2030, 12, 31)))
def test_a_day_lies_in_its_month_and_ends_before_the_next(day: date) -> None:
    month = month_of(day)
    assert first_of(month) <= day <= last_of(month)
    assert end_of(day) == datetime.combine(day + timedelta(days=1), datetime.min.time(), CITY_TIME)


@given(st.dates(date(2025, 1, 1), date(2026, 6, 30)), st.integers(0, 40))
def test_a_remembered_calendar_says_what_the_calendar_says(day: date, days: int) -> None:
    remembered = RememberedCalendar(CALENDAR)
    for _ in range(2):
        assert remembered.after(day, days) == CALENDAR.after(day, days)
        end = day + timedelta(days=days)
        assert remembered.between(day, end) == CALENDAR.between(day, end)
        assert remembered.between(end, day) == CALENDAR.between(end, day)


def test_each_review_of_a_catalogue_change_has_its_own_clock() -> None:
    """Signed on 30 September, returned on 13 October (day 2 was 10 October), signed again and published in time."""

    def step(kind: Change, day: str, role: Role, **data: object) -> Event:
        dept = "gaj" if role is not Role.BUREAU else "dsjj"
        return Event(str(kind), noon(day), "某人", role, dept, data)

    events = [
        step(Change.RECORD_CHANGE, "2025-09-26", Role.CATALOGUER, changed_on="2025-09-26", basis="职责调整"),
        step(Change.SIGN, "2025-09-30", Role.PROVIDER),
        step(Change.RETURN, "2025-10-13", Role.BUREAU, reason="缺少使用条件"),
        step(Change.SIGN, "2025-10-14", Role.PROVIDER),
        step(Change.PUBLISH, "2025-10-15", Role.BUREAU),
    ]
    whole = change_of("ML2025-000001", events, CALENDAR)
    assert (whole.dept, whole.update and whole.update.stopped_on) == ("gaj", date(2025, 9, 30))
    assert [clock.is_late(CALENDAR, date(2025, 10, 31)) for clock in whole.reviews] == [True, False]
    assert change_of("ML2025-000001", events[:2], CALENDAR).reviews[0].stopped_on is None
    evidence = seen("2025-10-31", changes=[whole])
    assert outcomes(evidence, "dsjj")["17.review"].tally == {Status.LATE: 1, Status.MET: 1}
    assert outcomes(evidence, "gaj")["17.update"].status is Status.NOT_APPLICABLE  # it ended in September
    assert outcomes(seen("2025-09-30", changes=[whole]), "gaj")["17.update"].status is Status.MET
