"""Proposals as their events, kept in the app database; what stands now is replayed from them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from catalog.access.person import BUREAU
from catalog.cataloguing.proposal import TIMED, Kind, Origin, Proposal, Purpose, replay
from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.journal import Journal, Ledger, UnknownMatter, events_table, refuse_overtaken
from catalog.sharing.machine import Event, Parties, Role

_METADATA = sa.MetaData()
_PROPOSALS = sa.Table(
    "catalogue_proposal",
    _METADATA,
    sa.Column("number", sa.String(30), primary_key=True),
    sa.Column("dept", sa.String(20), nullable=False),
    sa.Column("purpose", sa.String(10), nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("batch", sa.String(30), nullable=False),
    sa.Column("start", sa.String(200), nullable=False),
    sa.Column("opened_at", sa.String(40), nullable=False),
    sa.Column("opened_by", sa.String(100), nullable=False),
    sa.Index("catalogue_proposal_dept", "dept"),
    sa.Index("catalogue_proposal_batch", "batch"),
)
_LEDGER = Ledger(_METADATA, _PROPOSALS, events_table("catalogue_proposal_event", _METADATA, _PROPOSALS))


@dataclass(frozen=True)
class Opening:
    """Who opens a proposal, for which department, when (with a time zone), from what and with which content."""

    dept: str
    actor: str
    at: datetime
    origin: Origin
    document: Mapping[str, Any]


class CataloguingStore:
    """The proposals of one installation."""

    def __init__(self, address: str, calendar: WorkingCalendar) -> None:
        self._journal = Journal(address, _LEDGER)
        self._calendar = calendar
        self._lock = threading.Lock()
        self._held: tuple[tuple[int, int], list[Proposal]] = ((0, 0), [])

    def open(self, opening: Opening) -> Proposal:
        """Keep a new proposal with its first content; return it."""
        number = self._journal.open(f"ML{city_day(opening.at).year}-", _row(opening), [_first(opening)])
        return self.proposal(number)

    def open_batch(self, batch: str, openings: Sequence[Opening]) -> list[Proposal]:
        """Keep the proposals of one import, all of them or none."""
        prefix = f"ML{city_day(openings[0].at).year}-"
        rows = [({**_row(opening), "batch": batch}, [_first(opening)]) for opening in openings]
        self._journal.open_all(prefix, rows)
        return self.proposals(batch=batch)

    def proposal(self, number: str) -> Proposal:
        """Return a proposal as it stands.

        Raises:
            UnknownMatter: there is none of that number.
        """
        found = self._read(_PROPOSALS.c.number == number)
        if not found:
            raise UnknownMatter(Message("没有编号为 {number} 的目录提案", number=number))
        return found[0]

    def proposals(self, *, dept: str | None = None, batch: str | None = None) -> list[Proposal]:
        """Return proposals by number, of a department or of an import."""
        return [one for one in self._all() if dept in (None, one.dept) and batch in (None, one.origin.batch)]

    def move(self, number: str, event: Event, *, seen: int) -> Proposal:
        """Append an event to a proposal of which the actor saw ``seen`` events; return it as it stands then.

        Raises:
            UnknownMatter: there is none of that number.
            OvertakenError: others acted since.
            IllegalMove: the event is not allowed here, now, or to this actor.
            ClockError: the clock cannot be extended as asked.
        """
        stands = self.proposal(number)
        refuse_overtaken(number, stands.events, seen)
        moved = stands.apply(event, self._calendar)
        self._journal.append(number, event, seen)
        return moved

    def version(self) -> tuple[int, int]:
        """Return how many proposals and events there are: it changes with whatever happens."""
        return self._journal.version()

    def timed_events(self) -> dict[str, list[Event]]:
        """Return the events that the clocks of article 17 go by, in order, by the proposal's number; no contents are read."""
        return self._journal.events_of_kinds(TIMED)

    def close(self) -> None:
        """Close every connection."""
        self._journal.close()

    def _all(self) -> list[Proposal]:
        """Return every proposal; they are replayed anew only when something happened, since events never change."""
        version = self._journal.version()
        with self._lock:
            if version != self._held[0]:
                self._held = (version, self._read())
            return self._held[1]

    def _read(self, *conditions: sa.ColumnElement[bool]) -> list[Proposal]:
        return [replay(_opened(row), events, self._calendar) for row, events in self._journal.matters(*conditions)]


def _row(opening: Opening) -> dict[str, Any]:
    if opening.at.tzinfo is None:
        raise ValueError("opened at a moment without a time zone")
    return {
        "dept": opening.dept,
        "purpose": opening.origin.purpose.name,
        "base": opening.origin.base,
        "batch": opening.origin.batch,
        "start": opening.origin.start[:200],
        "opened_at": opening.at.isoformat(),
        "opened_by": opening.actor,
    }


def _first(opening: Opening) -> Event:
    data = {"document": dict(opening.document)}
    return Event(str(Kind.SAVE), opening.at, opening.actor, Role.CATALOGUER, opening.dept, data)


def _opened(row: sa.RowMapping) -> Proposal:
    return Proposal(
        number=row["number"],
        parties=Parties(row["dept"], row["dept"], BUREAU),
        origin=Origin(Purpose[row["purpose"]], row["base"], row["batch"], row["start"]),
        opened_by=row["opened_by"],
        opened_at=datetime.fromisoformat(row["opened_at"]),
    )
