"""Applications and 校核 as their events, kept in the app database; what stands now is replayed from them.

An event is appended at the place that its writer saw as the next one. When two people act on the same matter at once, the
second is told, and nothing of either is lost. Events are never changed or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.sharing import application, verification
from catalog.sharing.application import Application
from catalog.sharing.journal import (
    AT_ONCE,
    Journal,
    Ledger,
    OvertakenError,
    UnknownMatter,
    events_table,
    refuse_overtaken,
)
from catalog.sharing.machine import Event, Parties
from catalog.sharing.verification import Report, Verification

APPLICATION, VERIFICATION = "application", "verification"
_PREFIX = {APPLICATION: "SQ", VERIFICATION: "JH"}  # 申请, 校核
_MOST_HELD = 50_000  # matters kept as they were replayed
__all__ = ["Opening", "OvertakenError", "SharingStore", "UnknownMatter"]
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
_LEDGER = Ledger(_METADATA, _MATTERS, events_table("sharing_event", _METADATA, _MATTERS))


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
        self._journal = Journal(address, _LEDGER)
        self._applications_held: dict[str, Application] = {}
        self._verifications_held: dict[str, Verification] = {}

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
        return _only(
            self._applications(_MATTERS.c.number == number), Message("没有编号为 {number} 的申请", number=number)
        )

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
        return _only(
            self._verifications(_MATTERS.c.number == number), Message("没有编号为 {number} 的校核", number=number)
        )

    def verifications(
        self, *, resource: str | None = None, dept: str | None = None, numbers: Sequence[str] | None = None
    ) -> list[Verification]:
        """Return the 校核 of a resource, in which a department has a part, or of these numbers; by number."""
        return [one for some in _portions(numbers) for one in self._verifications(*_about(resource, dept), *some)]

    def version(self) -> tuple[int, int]:
        """Return how many matters and events there are: it changes with whatever happens."""
        return self._journal.version()

    def sizes(self) -> dict[str, int]:
        """Return how many events each matter has, by number."""
        return self._journal.sizes()

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
        self._journal.close()

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
        return self._journal.open(f"{_PREFIX[kind]}{city_day(opening.at).year}-", row)

    def _moved(self, stands: Matter, event: Event, seen: int) -> Matter:
        refuse_overtaken(stands.number, stands.events, seen)
        moved = stands.apply(event)
        self._journal.append(stands.number, event, seen)
        return moved

    def _applications(self, *conditions: sa.ColumnElement[bool]) -> list[Application]:
        return self._matters(APPLICATION, self._applications_held, _begun_application, application.replay, *conditions)

    def _verifications(self, *conditions: sa.ColumnElement[bool]) -> list[Verification]:
        return self._matters(
            VERIFICATION, self._verifications_held, _begun_verification, verification.replay, *conditions
        )

    def _matters(
        self,
        kind: str,
        held: dict[str, Matter],
        begun: Callable[[sa.RowMapping], Matter],
        replay: Callable[[Matter, list[Event]], Matter],
        *conditions: sa.ColumnElement[bool],
    ) -> list[Matter]:
        """Return matters as they stand, by number. Events are only ever added: what was replayed goes on from there."""
        before = dict(held)
        seen = {number: len(matter.events) for number, matter in before.items()}
        found: dict[str, Matter] = {}
        for row, newer in self._journal.matters(_MATTERS.c.kind == kind, *conditions, seen=seen):
            matter = before.get(row["number"]) or begun(row)
            found[matter.number] = replay(matter, newer) if newer else matter
        if len(held) > _MOST_HELD:
            held.clear()
        held.update(found)
        return list(found.values())


def _begun_application(row: sa.RowMapping) -> Application:
    return Application(row["number"], _parties(row), row["resource"], row["facts"]["share_type"])


def _begun_verification(row: sa.RowMapping) -> Verification:
    report, on = Report.model_validate(row["facts"]["report"]), city_day(datetime.fromisoformat(row["opened_at"]))
    return Verification(row["number"], _parties(row), report, on)


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
    return [[_MATTERS.c.number.in_(wanted[start : start + AT_ONCE])] for start in range(0, len(wanted), AT_ONCE)]
