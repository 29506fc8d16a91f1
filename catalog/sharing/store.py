"""Applications and 校核 as their events, kept in the app database; what stands now is replayed from them.

An event is appended at the place that its writer saw as the next one. When two people act on the same matter at once, the
second is told, and nothing of either is lost. Events are never changed or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database
from catalog.sharing import application, verification
from catalog.sharing.application import Application
from catalog.sharing.deadlines import city_day
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.verification import Report, Verification

APPLICATION, VERIFICATION = "application", "verification"
_PREFIX = {APPLICATION: "SQ", VERIFICATION: "JH"}  # 申请, 校核
_ATTEMPTS = 20
_AT_ONCE = 500  # numbers in one question
Matter = TypeVar("Matter", Application, Verification)
_METADATA = sa.MetaData()
_MATTERS = sa.Table(
    "sharing_matter",
    _METADATA,
    sa.Column("number", sa.String(30), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("resource", sa.String(100), nullable=False),
    sa.Column("applicant", sa.String(20), nullable=False),
    sa.Column("provider", sa.String(20), nullable=False),
    sa.Column("bureau", sa.String(20), nullable=False),
    sa.Column("opened_at", sa.String(40), nullable=False),
    sa.Column("opened_by", sa.String(100), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Index("sharing_matter_resource", "resource"),
    sa.Index("sharing_matter_applicant", "applicant"),
)
_EVENTS = sa.Table(
    "sharing_event",
    _METADATA,
    sa.Column("number", sa.String(30), sa.ForeignKey(_MATTERS.c.number), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("dept", sa.String(20), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)


class UnknownMatter(LookupError):
    """There is no application or 校核 of that number."""


class OvertakenError(RuntimeError):
    """Somebody else acted on the matter since it was read; the message says who did what."""


@dataclass(frozen=True)
class Opening:
    """Who opens a matter, when, and between whom it is."""

    parties: Parties
    resource: str
    at: datetime
    actor: str


class SharingStore:
    """The sharing matters of one installation."""

    def __init__(self, address: str) -> None:
        self._engine = open_app_database(address, _METADATA, append_only=[_EVENTS.name, _MATTERS.name])

    def apply_for(self, opening: Opening, share_type: int) -> Application:
        """Open an application 申请 as a draft; ``share_type`` is that of the resource on this day."""
        number = self._open(APPLICATION, opening, {"share_type": share_type})
        return Application(number, opening.parties, opening.resource, share_type)

    def report(self, opening: Opening, report: Report) -> Verification:
        """Open a 校核; its clock runs from this day."""
        number = self._open(VERIFICATION, opening, {"report": report.model_dump(mode="json")})
        return Verification(number, opening.parties, report, city_day(opening.at))

    def application(self, number: str) -> Application:
        """Return an application as it stands.

        Raises:
            UnknownMatter: there is none of that number.
        """
        return _only(self._applications(_MATTERS.c.number == number), f"没有编号为 {number} 的申请")

    def applications(
        self, *, resource: str | None = None, dept: str | None = None, numbers: Sequence[str] | None = None
    ) -> list[Application]:
        """Return the applications for a resource, in which a department has a part, or of these numbers; by number."""
        return [one for some in _portions(numbers) for one in self._applications(*_about(resource, dept), *some)]

    def verification(self, number: str) -> Verification:
        """Return a 校核 as it stands.

        Raises:
            UnknownMatter: there is none of that number.
        """
        return _only(self._verifications(_MATTERS.c.number == number), f"没有编号为 {number} 的校核")

    def verifications(
        self, *, resource: str | None = None, dept: str | None = None, numbers: Sequence[str] | None = None
    ) -> list[Verification]:
        """Return the 校核 of a resource, in which a department has a part, or of these numbers; by number."""
        return [one for some in _portions(numbers) for one in self._verifications(*_about(resource, dept), *some)]

    def version(self) -> tuple[int, int]:
        """Return how many matters and events there are: it changes with whatever happens."""
        with self._engine.connect() as db:
            matters = db.execute(sa.select(sa.func.count()).select_from(_MATTERS)).scalar_one()
            events = db.execute(sa.select(sa.func.count()).select_from(_EVENTS)).scalar_one()
        return matters, events

    def sizes(self) -> dict[str, int]:
        """Return how many events each matter has, by number."""
        joined = _MATTERS.outerjoin(_EVENTS, _EVENTS.c.number == _MATTERS.c.number)
        counted = sa.select(_MATTERS.c.number, sa.func.count(_EVENTS.c.place)).select_from(joined)
        with self._engine.connect() as db:
            return {row[0]: row[1] for row in db.execute(counted.group_by(_MATTERS.c.number))}

    def move_application(self, number: str, event: Event, *, seen: int) -> Application:
        """Append an event to an application of which the actor saw ``seen`` events; return it as it stands then.

        Raises:
            UnknownMatter: there is none of that number.
            OvertakenError: others acted since.
            IllegalMove: the event is not allowed here, now, or to this actor.
            pydantic.ValidationError: the form is not complete.
        """
        return self._moved(self.application(number), event, seen)

    def move_verification(self, number: str, event: Event, *, seen: int) -> Verification:
        """Append an event to a 校核; see :meth:`move_application`."""
        return self._moved(self.verification(number), event, seen)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _open(self, kind: str, opening: Opening, facts: dict[str, Any]) -> str:
        """Keep a matter under the next free number of its year."""
        if opening.at.tzinfo is None:
            raise ValueError("opened at a moment without a time zone")
        row = {
            "kind": kind,
            "resource": opening.resource,
            "applicant": opening.parties.applicant,
            "provider": opening.parties.provider,
            "bureau": opening.parties.bureau,
            "opened_at": opening.at.isoformat(),
            "opened_by": opening.actor,
            "facts": facts,
        }
        prefix = f"{_PREFIX[kind]}{city_day(opening.at).year}-"
        newest = sa.select(sa.func.max(_MATTERS.c.number)).where(_MATTERS.c.number.startswith(prefix))
        for _ in range(_ATTEMPTS):
            try:
                with self._engine.begin() as db:
                    last = db.execute(newest).scalar()
                    number = f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:06}"
                    db.execute(_MATTERS.insert().values({**row, "number": number}))
                return number
            except IntegrityError:  # somebody took the number between question and answer
                continue
        raise OvertakenError("登记的人太多，请再试一次")

    def _moved(self, stands: Matter, event: Event, seen: int) -> Matter:
        _refuse_overtaken(stands.number, stands.events, seen)
        moved = stands.apply(event)
        self._append(stands.number, event, seen)
        return moved

    def _append(self, number: str, event: Event, seen: int) -> None:
        row = {
            "number": number,
            "place": seen + 1,
            "kind": event.kind,
            "at": event.at.isoformat(),
            "actor": event.actor,
            "role": event.role.name,
            "dept": event.dept,
            "data": dict(event.data),
        }
        try:
            with self._engine.begin() as db:
                db.execute(_EVENTS.insert().values(row))
        except IntegrityError:
            with self._engine.connect() as db:
                events = _events_of(db, [number])[number]
            _refuse_overtaken(number, events, seen)
            raise

    def _applications(self, *conditions: sa.ColumnElement[bool]) -> list[Application]:
        return [
            application.replay(
                Application(row["number"], _parties(row), row["resource"], row["facts"]["share_type"]), events
            )
            for row, events in self._matters(APPLICATION, *conditions)
        ]

    def _verifications(self, *conditions: sa.ColumnElement[bool]) -> list[Verification]:
        return [
            verification.replay(
                Verification(
                    row["number"],
                    _parties(row),
                    Report.model_validate(row["facts"]["report"]),
                    city_day(datetime.fromisoformat(row["opened_at"])),
                ),
                events,
            )
            for row, events in self._matters(VERIFICATION, *conditions)
        ]

    def _matters(self, kind: str, *conditions: sa.ColumnElement[bool]) -> list[tuple[sa.RowMapping, list[Event]]]:
        query = sa.select(_MATTERS).where(_MATTERS.c.kind == kind, *conditions).order_by(_MATTERS.c.number)
        with self._engine.connect() as db:
            rows = list(db.execute(query).mappings())
            events = _events_of(db, [row["number"] for row in rows])
        return [(row, events[row["number"]]) for row in rows]


def _events_of(db: sa.Connection, numbers: Sequence[str]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {number: [] for number in numbers}
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        query = sa.select(_EVENTS).where(_EVENTS.c.number.in_(some)).order_by(_EVENTS.c.number, _EVENTS.c.place)
        for row in db.execute(query).mappings():
            found[row["number"]].append(
                Event(
                    row["kind"],
                    datetime.fromisoformat(row["at"]),
                    row["actor"],
                    Role[row["role"]],
                    row["dept"],
                    row["data"],
                )
            )
    return found


def _only(found: Sequence[Matter], unknown: str) -> Matter:
    if not found:
        raise UnknownMatter(unknown)
    return found[0]


def _parties(row: sa.RowMapping) -> Parties:
    return Parties(row["applicant"], row["provider"], row["bureau"])


def _about(resource: str | None, dept: str | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if resource is not None:
        conditions.append(_MATTERS.c.resource == resource)
    if dept is not None:
        conditions.append(sa.or_(_MATTERS.c.applicant == dept, _MATTERS.c.provider == dept))
    return conditions


def _portions(numbers: Sequence[str] | None) -> list[list[sa.ColumnElement[bool]]]:
    """Return the conditions of one question after another: a statement takes only so many parameters."""
    if numbers is None:
        return [[]]
    wanted = sorted(numbers)
    return [[_MATTERS.c.number.in_(wanted[start : start + _AT_ONCE])] for start in range(0, len(wanted), _AT_ONCE)]


def _refuse_overtaken(number: str, events: Sequence[Event], seen: int) -> None:
    if len(events) > seen:
        newer = events[seen]
        raise OvertakenError(
            f"{number} 在您打开之后已由 {newer.dept} {newer.actor} 于 {newer.at:%Y-%m-%d %H:%M} 办理“{newer.kind}”，请刷新后再办"
        )
