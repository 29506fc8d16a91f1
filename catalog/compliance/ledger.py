"""Applications and 校核 as they stood on any day: replayed once, cut by day, kept in memory, brought up to date by what is new."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate

from catalog.compliance.evidence import Case
from catalog.contract.city_time import city_day
from catalog.sharing.application import Application
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock, ClockError
from catalog.sharing.deadlines import clocks
from catalog.sharing.limits import PROVIDE
from catalog.sharing.practice import Practice
from catalog.sharing.store import SharingStore
from catalog.sharing.verification import Verification


@dataclass
class _Asked:
    """One application: the day of each event, and the application after each, from none on."""

    days: list[date]
    states: list[Application]
    cases: dict[int, Case] = field(default_factory=dict)


@dataclass
class _Doubted:
    days: list[date]
    states: list[Verification]


class Ledger:
    """The sharing matters of one installation by day."""

    def __init__(self, store: SharingStore, calendar: WorkingCalendar, practice: Practice) -> None:
        self._store, self._calendar, self._practice = store, calendar, practice
        self._seen: tuple[int, int] = (0, 0)
        self._sizes: dict[str, int] = {}
        self._asked: dict[str, _Asked] = {}
        self._doubted: dict[str, _Doubted] = {}
        self._days: list[date] = []

    def refresh(self) -> None:
        """Take in what happened since the last time."""
        version = self._store.version()
        if version == self._seen:
            return
        sizes = self._store.sizes()
        new = [number for number, size in sizes.items() if self._sizes.get(number) != size]
        for application in self._store.applications(numbers=new):
            self._take_application(application)
        for verification in self._store.verifications(numbers=new):
            self._take_verification(verification)
        self._sizes, self._seen = sizes, version

    def events_until(self, day: date) -> int:
        """Return how many events and reports there were by the end of a day."""
        return bisect_right(self._days, day)

    def cases(self, day: date) -> tuple[Case, ...]:
        """Return the applications as they stood at the end of a day, with their clocks."""
        found = []
        for asked in self._asked.values():
            happened = bisect_right(asked.days, day)
            if happened:
                found.append(asked.cases.get(happened) or self._case(asked, happened))
        return tuple(found)

    def verifications(self, day: date) -> tuple[Verification, ...]:
        """Return the 校核 as they stood at the end of a day."""
        return tuple(
            doubted.states[bisect_right(doubted.days, day)]
            for doubted in self._doubted.values()
            if doubted.states[0].reported_on <= day
        )

    def _take_application(self, whole: Application) -> None:
        start = Application(whole.number, whole.parties, whole.resource, whole.share_type)
        states = list(accumulate(whole.events, lambda state, event: state.apply(event), initial=start))
        days = [city_day(event.at) for event in whole.events]
        before = self._asked.get(whole.number)
        self._count(days[len(before.days) if before else 0 :])
        self._asked[whole.number] = _Asked(days, states)

    def _take_verification(self, whole: Verification) -> None:
        start = Verification(whole.number, whole.parties, whole.report, whole.reported_on)
        states = list(accumulate(whole.events, lambda state, event: state.apply(event), initial=start))
        days = [city_day(event.at) for event in whole.events]
        before = self._doubted.get(whole.number)
        self._count(days[len(before.days) :] if before else [whole.reported_on, *days])
        self._doubted[whole.number] = _Doubted(days, states)

    def _count(self, days: list[date]) -> None:
        if len(days) > len(self._days):
            self._days = sorted([*self._days, *days])
            return
        for day in days:
            insort(self._days, day)

    def _case(self, asked: _Asked, happened: int) -> Case:
        case = asked.cases[happened] = case_of(asked.states[happened], self._calendar, self._practice)
        return case


def case_of(application: Application, calendar: WorkingCalendar, practice: Practice) -> Case:
    """Return an application with its clocks; what keeps them from being computed is the case's fault, not an error."""
    days = tuple(city_day(event.at) for event in application.events)
    try:
        found = clocks(application, calendar, pauses_for_completion=practice.pauses_for_completion)
    except (ClockError, LookupError) as error:
        return Case(application, days, fault=str(error))
    by_limit: dict[bool, Clock] = {clock.limit is PROVIDE: clock for clock in found}
    return Case(application, days, by_limit.get(False), by_limit.get(True))
