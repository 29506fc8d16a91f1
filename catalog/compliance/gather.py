"""Gather the evidence of a day once, and keep it until something that happened by that day is new."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from catalog.access.person import BUREAU
from catalog.access.store import AccessStore
from catalog.compliance.days import RememberedCalendar, end_of
from catalog.compliance.evidence import NOTHING_PUBLISHED, Change, Evidence, Published, Use
from catalog.compliance.lake import Lake, entries_of_contracts
from catalog.compliance.ledger import Ledger
from catalog.contract.load import many_new_objects
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.sharing.calendar import load_calendar
from catalog.sharing.deadlines import city_day
from catalog.sharing.practice import load_practice
from catalog.sharing.store import SharingStore
from lakehouse.connect.settings import Settings

KEPT_DAYS = 40
Contracts = Callable[[], Mapping[str, Contract]]
ChangesBy = Callable[[date], tuple[Change, ...]]


class Gatherer:
    """The evidence of any day of one installation. Safe to ask from several threads.

    ``contracts`` returns the contracts in force, ``changes`` the catalogue changes as they stood at the end of a day;
    without it the duties of article 17 are unknown.
    """

    def __init__(
        self,
        settings: Settings,
        sharing: SharingStore,
        access: AccessStore,
        contracts: Contracts,
        vocabulary: Vocabulary,
        changes: ChangesBy | None = None,
    ) -> None:
        self._access, self._contracts, self._vocabulary = access, contracts, vocabulary
        self._calendar = RememberedCalendar(load_calendar())
        self._lake, self._ledger = Lake(settings), Ledger(sharing, self._calendar, load_practice())
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Evidence] = OrderedDict()
        self._current: tuple[Mapping[str, Contract], Published] | None = None
        self._changes = changes

    def evidence(self, day: date, today: date) -> Evidence:
        """Return the evidence of a day, of which nothing is later than that day.

        Before the first publish, ``today`` shows the contracts as they are; no other day does.
        """
        with self._lock, many_new_objects():
            self._ledger.refresh()
            publish = self._lake.publish_by(day)
            changes = self._changes(day) if self._changes else None
            snapshot = publish.snapshot if publish else ""
            key = (day, snapshot, self._ledger.events_until(day), self._newest_use(day), changes)
            if key not in self._kept:
                published = self._lake.read(publish)
                if published is NOTHING_PUBLISHED and day == today:
                    published = self._unpublished()
                self._kept[key] = self._gather(day, published, changes)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_DAYS:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _gather(self, day: date, published: Published, changes: tuple[Change, ...] | None) -> Evidence:
        since = day.replace(day=1)
        return Evidence(
            day=day,
            since=since,
            bureau=BUREAU,
            calendar=self._calendar,
            published=published,
            cases=self._ledger.cases(day),
            verifications=self._ledger.verifications(day),
            uses=self._uses(since, day),
            changes=changes,
        )

    def _uses(self, since: date, day: date) -> tuple[Use, ...]:
        found = self._access.uses(end_of(since - timedelta(days=1)), end_of(day))
        by_day: dict[tuple[str, str, date], list[int]] = {}
        for dept, resource, hour, calls, row_count in found:
            of_one = by_day.setdefault((dept, resource, city_day(hour)), [0, 0])
            of_one[0] += calls
            of_one[1] += row_count
        return tuple(Use(*key, *counts) for key, counts in sorted(by_day.items()))

    def _newest_use(self, day: date) -> int:
        newest = self._access.newest_event()
        if newest is None:
            return 0
        number, at = newest
        return number if city_day(at) <= day else -1

    def _unpublished(self) -> Published:
        contracts = self._contracts()
        if self._current is None or self._current[0] is not contracts:
            entries = entries_of_contracts(contracts, self._vocabulary)
            self._current = contracts, replace(NOTHING_PUBLISHED, entries=entries)
        return self._current[1]
