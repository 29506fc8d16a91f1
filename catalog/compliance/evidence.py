"""The evidence of one day: only what had happened by the end of that day in the city, grouped by department."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from catalog.contract.load import many_new_objects
from catalog.sharing.application import Application, Kind
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock
from catalog.sharing.machine import Event
from catalog.sharing.verification import Verification

Row = Mapping[str, Any]
T = TypeVar("T")


class Entry(NamedTuple):
    """A catalogue entry as it was published; where it does not say, dates are None, numbers 0 and texts ``""``."""

    key: str
    dept: str
    name: str
    version: str
    status: str
    provider: str
    format_name: str
    share_type: int
    share_scope: str
    share_purposes: str
    no_share_law: str
    no_share_article: str
    no_share_reason: str
    methods: str
    update_cycle: str
    usage: str
    grade: int
    secrecy_on: date | None
    privacy_on: date | None
    signed_on: date | None
    is_reflow: bool | None
    items: int
    authority_items: int

    @property
    def is_listed(self) -> bool:
        """Tell whether departments can find and ask for it."""
        return self.status == "active"


class Supply(NamedTuple):
    """The promised update cycle of a resource against its newest data, as published."""

    key: str
    dept: str
    status: str
    update_cycle: str
    newest_on: str
    age_days: int | None


class Failing(NamedTuple):
    """A quality check of a resource that did not pass, as published."""

    key: str
    rule: str
    is_critical: bool


class Conflict(NamedTuple):
    """How many entities a department states otherwise than the 数源部门 of a fact, as published."""

    fact: str
    dept: str
    resource: str
    authority: str
    entities: int


class Use(NamedTuple):
    """Calls of one resource that the data service answered to one department on one day."""

    dept: str
    resource: str
    on: date
    calls: int
    row_count: int


@dataclass(frozen=True, slots=True)
class Change:
    """A catalogue change 目录提案 as of the day, with its clocks of article 17: of the update, and of each review."""

    number: str
    dept: str
    update: Clock | None = None
    reviews: tuple[Clock, ...] = ()


@dataclass(frozen=True)
class Case:
    """An application as of the day, with the day of each of its events, and its clocks; ``fault`` says why there are none."""

    application: Application
    days: tuple[date, ...] = ()
    answer: Clock | None = None
    provision: Clock | None = None
    fault: str = ""

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What happened to it at all."""
        return frozenset(event.kind for event in self.application.events)

    def happened(self, *kinds: str) -> list[tuple[date, Event]]:
        """Return the events of some kinds with their days, in order."""
        if self.kinds.isdisjoint(kinds):
            return []
        events = zip(self.days, self.application.events, strict=True)
        return [(day, event) for day, event in events if event.kind in kinds]

    @cached_property
    def used_since(self) -> date | None:
        """The day the data were provided; None before."""
        provided = self.happened(Kind.PROVIDE)
        return provided[0][0] if provided else None

    @cached_property
    def ended_on(self) -> date | None:
        """The day the use ended; None while it goes on, or before it began."""
        ended = self.happened(Kind.EXPIRE, Kind.TERMINATE)
        return ended[0][0] if ended else None


class Remembering:
    """Facts that never change: what was computed of them once need not be computed again."""

    _groups: dict[str, Mapping[Hashable, list[Any]]]
    _answers: dict[Hashable, Any]

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return what ``ask`` returned the first time that ``key`` was asked for."""
        if key not in self._answers:
            with many_new_objects():
                self._answers[key] = ask()
        answer: T = self._answers[key]
        return answer

    def _group(
        self, name: str, things: Callable[[], Iterable[T]], key: Callable[[T], Hashable], wanted: Hashable
    ) -> list[T]:
        if name not in self._groups:
            grouped: defaultdict[Hashable, list[T]] = defaultdict(list)
            for thing in things():
                grouped[key(thing)].append(thing)
            self._groups[name] = dict(grouped)
        return self._groups[name].get(wanted, [])


@dataclass(frozen=True)
class Published(Remembering):
    """What ``main`` showed at the last publish before the day's end. None: the platform does not hold it for this day."""

    snapshot: str
    published_at: datetime | None
    entries: tuple[Entry, ...] | None
    supplies: tuple[Supply, ...] | None
    failing: tuple[Failing, ...] | None
    conflicts: tuple[Conflict, ...] | None
    _groups: dict[str, Mapping[Hashable, list[Any]]] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )
    _answers: dict[Hashable, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    @cached_property
    def entry(self) -> Mapping[str, Entry]:
        """Entries by key."""
        return {entry.key: entry for entry in self.entries or ()}

    @cached_property
    def supply(self) -> Mapping[str, Supply]:
        """Supply by the resource's key."""
        return {supply.key: supply for supply in self.supplies or ()}

    def entries_of(self, dept: str) -> list[Entry]:
        """Return the listed entries that a department provides."""
        listed = (entry for entry in self.entries or () if entry.is_listed)
        return self._group("entries", lambda: listed, lambda entry: entry.dept, dept)

    def failing_of(self, key: str) -> list[Failing]:
        """Return the checks of a resource that did not pass."""
        return self._group("failing", lambda: self.failing or (), lambda failing: failing.key, key)

    def conflicts_of(self, dept: str) -> list[Conflict]:
        """Return where a department contradicts a 数源部门."""
        return self._group("conflicts", lambda: self.conflicts or (), lambda row: row.dept, dept)


NOTHING_PUBLISHED = Published("", None, None, None, None, None)


@dataclass(frozen=True)
class Evidence(Remembering):
    """Everything the checks look at. ``since`` is the first day of the month that ``day`` ends.

    A check asks for a department's part; each grouping is made once.
    """

    day: date
    since: date
    bureau: str
    calendar: WorkingCalendar
    published: Published
    cases: tuple[Case, ...]
    verifications: tuple[Verification, ...]
    uses: tuple[Use, ...]
    changes: tuple[Change, ...] | None = None
    _groups: dict[str, Mapping[Hashable, list[Any]]] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )
    _answers: dict[Hashable, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    def asked_by(self, dept: str) -> list[Case]:
        """Return the applications of a department."""
        return self._group("asked", lambda: self.cases, lambda case: case.application.parties.applicant, dept)

    def asked_of(self, dept: str) -> list[Case]:
        """Return the applications that a department answers."""
        return self._group("answering", lambda: self.cases, lambda case: case.application.parties.provider, dept)

    def verified_by(self, dept: str) -> list[Verification]:
        """Return the 校核 that a department answers."""
        return self._group("verifying", lambda: self.verifications, lambda one: one.parties.provider, dept)

    def disputed_by(self, dept: str) -> list[Verification]:
        """Return the 校核 in which a department is a party."""
        return [one for one in self.verifications if dept in (one.parties.provider, one.parties.applicant)]

    def used_by(self, dept: str) -> list[Use]:
        """Return what a department read through the data service this month."""
        return self._group("uses", lambda: self.uses, lambda use: use.dept, dept)
