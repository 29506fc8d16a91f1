"""Gather the evidence of a day once, and keep it until something that happened by that day is new."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from catalog.access.person import BUREAU
from catalog.access.store import AccessStore
from catalog.compliance.changes import Changes
from catalog.compliance.days import RememberedCalendar, end_of
from catalog.compliance.evidence import NOTHING_PUBLISHED, Evidence, Published, Use
from catalog.compliance.lake import Lake, entries_of_contracts
from catalog.compliance.ledger import Ledger
from catalog.contract.city_time import city_day
from catalog.contract.load import many_new_objects
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.sharing.calendar import load_calendar
from catalog.sharing.practice import load_practice
from catalog.sharing.store import SharingStore
from lakehouse.connect.settings import Settings

KEPT_DAYS = 24
KEPT_DAYS_OF_USE = 93
Contracts = Callable[[], Mapping[str, Contract]]
Newest = tuple[int, datetime] | None  # number and moment of the newest audit event


class Gatherer:
    """The evidence of any day of one installation. Safe to ask from several threads.

    ``contracts`` returns the contracts in force; without ``changes`` the duties of article 17 are unknown.
    """

    def __init__(
        self,
        settings: Settings,
        sharing: SharingStore,
        access: AccessStore,
        contracts: Contracts,
        vocabulary: Vocabulary,
        changes: Changes | None = None,
    ) -> None:
        self._access, self._contracts, self._vocabulary = access, contracts, vocabulary
        self._calendar = RememberedCalendar(load_calendar())
        self._lake, self._ledger = Lake(settings), Ledger(sharing, self._calendar, load_practice())
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Evidence] = OrderedDict()
        self._used: OrderedDict[tuple[date, int], tuple[Use, ...]] = OrderedDict()
        self._current: tuple[Mapping[str, Contract], Published] | None = None
        self._changes = changes

    def evidence(self, day: date, today: date) -> Evidence:
        """Return the evidence of a day, of which nothing is later than that day.

        Before the first publish, ``today`` shows the contracts as they are; no other day does.
        """
        with self._lock, many_new_objects():
            self._ledger.refresh()
            changed = self._changes.events_until(day) if self._changes else 0
            publish, newest = self._lake.publish_by(day), self._access.newest_event()
            snapshot = publish.snapshot if publish else ""
            key = (day, snapshot, self._ledger.events_until(day), _seen_until(day, newest), changed)
            if key not in self._kept:
                published = self._lake.read(publish)
                if published is NOTHING_PUBLISHED and day == today:
                    published = self._unpublished()
                self._kept[key] = self._gather(day, published, newest)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_DAYS:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _gather(self, day: date, published: Published, newest: Newest) -> Evidence:
        since, first = day.replace(day=1), self._access.oldest_event_at()
        days = [since + timedelta(days=n) for n in range(day.day)]
        # Of the months before anybody read anything, no day is asked for.
        used = [one for one in days if first is not None and one >= city_day(first)]
        return Evidence(
            day=day,
            since=since,
            bureau=BUREAU,
            calendar=self._calendar,
            published=published,
            cases=self._ledger.cases(day),
            verifications=self._ledger.verifications(day),
            uses=tuple(use for one in used for use in self._uses(one, newest)),
            changes=self._changes(day) if self._changes else None,
        )

    def _uses(self, day: date, newest: Newest) -> tuple[Use, ...]:
        """Return what was read on a day; a day that is over is counted once for all days of its month."""
        key = (day, _seen_until(day, newest))
        if key not in self._used:
            found = self._access.uses(end_of(day - timedelta(days=1)), end_of(day))
            self._used[key] = tuple(Use(dept, resource, day, *counts) for dept, resource, *counts in found)
        self._used.move_to_end(key)
        while len(self._used) > KEPT_DAYS_OF_USE:
            self._used.popitem(last=False)
        return self._used[key]

    def _unpublished(self) -> Published:
        contracts = self._contracts()
        if self._current is None or self._current[0] is not contracts:
            entries = entries_of_contracts(contracts, self._vocabulary)
            self._current = contracts, replace(NOTHING_PUBLISHED, entries=entries)
        return self._current[1]


def _seen_until(day: date, newest: Newest) -> int:
    """Return a mark that changes with each audit event up to a day's end; none comes to a day that has a later one."""
    if newest is None:
        return 0
    number, at = newest
    return number if city_day(at) <= day else -1
