"""Catalogue changes with the clocks of article 17, as they stood at the end of any day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

from catalog.cataloguing.proposal import Kind, timed
from catalog.cataloguing.store import CataloguingStore
from catalog.compliance.evidence import Change
from catalog.contract.city_time import city_day
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock
from catalog.sharing.machine import Event


class Changes:
    """The catalogue changes of one installation by day; what was replayed is kept until something new happens."""

    def __init__(self, store: CataloguingStore, calendar: WorkingCalendar) -> None:
        self._store, self._calendar = store, calendar
        self._seen: tuple[int, int] | None = None
        self._events: dict[str, list[Event]] = {}
        self._days: dict[str, list[date]] = {}
        self._all_days: list[date] = []
        self._kept: dict[tuple[str, int], Change] = {}

    def events_until(self, day: date) -> int:
        """Return how many events that a clock goes by there were by the end of a day."""
        version = self._store.version()
        if version != self._seen:
            self._events, self._seen = self._store.timed_events(), version
            self._days = {number: [city_day(event.at) for event in events] for number, events in self._events.items()}
            self._all_days = sorted(day for days in self._days.values() for day in days)
        return bisect_right(self._all_days, day)

    def __call__(self, day: date) -> tuple[Change, ...]:
        """Return the changes as they stood at the end of a day."""
        self.events_until(day)
        happened = ((number, bisect_right(days, day)) for number, days in self._days.items())
        return tuple(self._change(number, count) for number, count in happened if count)

    def _change(self, number: str, happened: int) -> Change:
        key = (number, happened)
        if key not in self._kept:
            self._kept[key] = change_of(number, self._events[number][:happened], self._calendar)
        return self._kept[key]


def change_of(number: str, events: Sequence[Event], calendar: WorkingCalendar) -> Change:
    """Return a change after its timed events; each review by the bureau has a clock of its own."""
    update: Clock | None = None
    review: Clock | None = None
    reviews: list[Clock] = []
    for event in events:
        if event.kind == Kind.SIGN and review is not None:
            reviews.append(review)
        update, review = timed(update, review, event, calendar)
    dept = next((event.dept for event in events if event.kind in (Kind.RECORD_CHANGE, Kind.SIGN)), "")
    return Change(number, dept, update, tuple([*reviews, review] if review else reviews))
