"""Matters and their events in the app database, append-only: what the stores of applications and of proposals share.

An event is appended at the place that its writer saw as the next one. When two people act on the same matter at once, the
second is told, and nothing of either is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database
from catalog.contract.message import Message
from catalog.sharing.machine import Event, Role

_ATTEMPTS = 20
AT_ONCE = 500  # numbers in one question


class UnknownMatter(LookupError):
    """There is no matter of that number."""


class OvertakenError(RuntimeError):
    """Somebody else acted on the matter since it was read; the message says who did what."""


@dataclass(frozen=True)
class Ledger:
    """The two tables of a kind of matters: ``matters`` has a ``number``, ``events`` are made by :func:`events_table`."""

    metadata: sa.MetaData
    matters: sa.Table
    events: sa.Table


def events_table(name: str, metadata: sa.MetaData, matters: sa.Table) -> sa.Table:
    """Return the table of the events of ``matters``."""
    return sa.Table(
        name,
        metadata,
        sa.Column("number", sa.String(30), sa.ForeignKey(matters.c.number), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("dept", sa.String(20), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )


class Journal:
    """The matters of one ledger."""

    def __init__(self, address: str, ledger: Ledger) -> None:
        self._ledger = ledger
        names = [ledger.events.name, ledger.matters.name]
        self._engine = open_app_database(address, ledger.metadata, append_only=names)

    def open(self, prefix: str, row: Mapping[str, Any], first: Sequence[Event] = ()) -> str:
        """Keep a matter under the next free number that begins with ``prefix``, with its first events; return the number."""
        return self.open_all(prefix, [(row, first)])[0]

    def open_all(self, prefix: str, matters: Sequence[tuple[Mapping[str, Any], Sequence[Event]]]) -> list[str]:
        """Keep several matters, all of them or none; return their numbers."""
        numbers = self._ledger.matters.c.number
        newest = sa.select(sa.func.max(numbers)).where(numbers.startswith(prefix))
        for _ in range(_ATTEMPTS):
            try:
                with self._engine.begin() as db:
                    last = db.execute(newest).scalar()
                    next_one = int(last.removeprefix(prefix)) + 1 if last else 1
                    given = [f"{prefix}{next_one + n:06}" for n in range(len(matters))]
                    rows = [{**row, "number": number} for number, (row, _) in zip(given, matters, strict=True)]
                    events = [
                        _row(number, event, place)
                        for number, (_, first) in zip(given, matters, strict=True)
                        for place, event in enumerate(first, start=1)
                    ]
                    db.execute(self._ledger.matters.insert(), rows)
                    if events:
                        db.execute(self._ledger.events.insert(), events)
                return given
            except IntegrityError:  # somebody took the number between question and answer
                continue
        raise OvertakenError("登记的人太多，请再试一次")

    def append(self, number: str, event: Event, seen: int) -> None:
        """Append an event to a matter of which its writer saw ``seen`` events.

        Raises:
            OvertakenError: others acted since.
        """
        try:
            with self._engine.begin() as db:
                db.execute(self._ledger.events.insert().values(_row(number, event, seen + 1)))
        except IntegrityError:
            with self._engine.connect() as db:
                events = self._events_of(db, [number])[number]
            refuse_overtaken(number, events, seen)
            raise

    def matters(
        self, *conditions: sa.ColumnElement[bool], seen: Mapping[str, int] | None = None
    ) -> list[tuple[sa.RowMapping, list[Event]]]:
        """Return matters with their events, by number; of those in ``seen``, the events after so many."""
        matters, known = self._ledger.matters, seen or {}
        query = sa.select(matters).where(*conditions).order_by(matters.c.number)
        with self._engine.connect() as db:
            rows = list(db.execute(query).mappings())
            numbers = [row["number"] for row in rows]
            if known:
                sizes = self._sizes(db, *conditions)
                numbers = [number for number in numbers if sizes.get(number, 0) > known.get(number, 0)]
            events = self._events_of(db, numbers)
        return [(row, events.get(row["number"], [])[known.get(row["number"], 0) :]) for row in rows]

    def version(self) -> tuple[int, int]:
        """Return how many matters and events there are: it changes with whatever happens."""
        count = sa.select(sa.func.count())
        with self._engine.connect() as db:
            matters = db.execute(count.select_from(self._ledger.matters)).scalar_one()
            return matters, db.execute(count.select_from(self._ledger.events)).scalar_one()

    def sizes(self) -> dict[str, int]:
        """Return how many events each matter has, by number."""
        with self._engine.connect() as db:
            return self._sizes(db)

    def events_of_kinds(self, kinds: Sequence[str]) -> dict[str, list[Event]]:
        """Return the events of some kinds, in order, by the matter's number; matters without any are left out."""
        events = self._ledger.events
        wanted = sa.select(events).where(events.c.kind.in_([str(kind) for kind in kinds]))
        found: dict[str, list[Event]] = {}
        with self._engine.connect() as db:
            for row in db.execute(wanted.order_by(events.c.number, events.c.place)).mappings():
                found.setdefault(row["number"], []).append(_event(row))
        return found

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _sizes(self, db: sa.Connection, *conditions: sa.ColumnElement[bool]) -> dict[str, int]:
        matters, events = self._ledger.matters, self._ledger.events
        joined = matters.outerjoin(events, events.c.number == matters.c.number)
        counted = sa.select(matters.c.number, sa.func.count(events.c.place)).select_from(joined).where(*conditions)
        return {row[0]: row[1] for row in db.execute(counted.group_by(matters.c.number))}

    def _events_of(self, db: sa.Connection, numbers: Sequence[str]) -> dict[str, list[Event]]:
        events = self._ledger.events
        found: dict[str, list[Event]] = {number: [] for number in numbers}
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            query = sa.select(events).where(events.c.number.in_(some)).order_by(events.c.number, events.c.place)
            for row in db.execute(query).mappings():
                found[row["number"]].append(_event(row))
        return found


def refuse_overtaken(number: str, events: Sequence[Event], seen: int) -> None:
    """Raise :class:`OvertakenError` when a matter has more events than its reader saw."""
    if len(events) > seen:
        newer = events[seen]
        raise OvertakenError(
            Message(
                "{number} 在您打开之后已由 {dept} {actor} 于 {at:%Y-%m-%d %H:%M} 办理“{kind}”，请刷新后再办",
                number=number,
                dept=newer.dept,
                actor=newer.actor,
                at=newer.at,
                kind=newer.kind,
            )
        )


def _event(row: sa.RowMapping) -> Event:
    at = datetime.fromisoformat(row["at"])
    return Event(row["kind"], at, row["actor"], Role[row["role"]], row["dept"], row["data"])


def _row(number: str, event: Event, place: int) -> dict[str, Any]:
    return {
        "number": number,
        "place": place,
        "kind": event.kind,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "role": event.role.name,
        "dept": event.dept,
        "data": dict(event.data),
    }
