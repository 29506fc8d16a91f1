"""Somebody acts on a matter: the role that their post gives, what they may press now, and the check before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from catalog.access.person import Person
from catalog.contract.message import Message
from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.application import Application
from catalog.sharing.calendar import NoHolidayTable, WorkingCalendar
from catalog.sharing.clock import ClockError
from catalog.sharing.deadlines import clocks
from catalog.sharing.form import IncompleteForm
from catalog.sharing.machine import Event, IllegalMove, Role, Rule
from catalog.sharing.posts import Matter, roles_of
from catalog.sharing.practice import Practice
from catalog.sharing.recheck import Published, check_reload
from catalog.sharing.store import SharingStore
from catalog.sharing.verification import Verification

M = TypeVar("M", Application, Verification)
_PROBE: dict[str, Any] = {
    "reason": "…",
    "missing": ["…"],
    "days": 1,
    "finding": "…",
    "decision": "…",
    "record": {"": "…"},
}
_BY_SYSTEM = frozenset({"quality_run"})  # statements that only the system makes


@dataclass(frozen=True)
class Acting:
    """What acting stands on: the store, the calendar, the city's practice, the published data."""

    store: SharingStore
    calendar: WorkingCalendar
    practice: Practice
    published: Published

    def offered(self, person: Person, matter: Matter, now: datetime) -> list[Rule]:
        """Return exactly what somebody may do now, in the order of the machine's table."""
        held = roles_of(person, matter)
        return [rule for rule in matter.moves() if self._is_open(rule, held, person, matter, now)]

    def act(self, person: Person, matter: M, kind: str, data: Mapping[str, Any], seen: int, now: datetime) -> M:
        """Append what somebody does to a matter of which they saw ``seen`` events; return it as it stands then.

        Raises:
            IllegalMove: not allowed here, now, or to this person; the message says what may be done, or is missing.
            OvertakenError: others acted since.
            pydantic.ValidationError: the form is not complete.
        """
        event = event_of(person, matter, kind, data, now)
        if isinstance(matter, Application):
            if len(matter.events) <= seen:
                self._check_clock(matter.apply(event), event)
            return self.store.move_application(matter.number, event, seen=seen)
        if event.kind == ver.Kind.CORRECT and len(matter.events) <= seen:
            matter.apply(event)
            check_reload(matter, str(data["reload"]), self.published)
        return self.store.move_verification(matter.number, event, seen=seen)

    def _check_clock(self, after: Application, event: Event) -> None:
        """Refuse an extension that the clock does not allow: once, by so many days, before it is late."""
        if event.kind != app.Kind.EXTEND:
            return
        try:
            clocks(after, self.calendar, pauses_for_completion=self.practice.pauses_for_completion)
        except (ClockError, NoHolidayTable) as error:
            raise IllegalMove(str(error)) from error

    def _is_open(self, rule: Rule, held: frozenset[Role], person: Person, matter: Matter, now: datetime) -> bool:
        if not rule.roles & held or _BY_SYSTEM & set(rule.needs):
            return False
        form = matter.form.model_dump(mode="json") if isinstance(matter, Application) and matter.form else {"": ""}
        probe = event_of(person, matter, rule.kind, {**_PROBE, "form": form, "reload": "…"}, _not_before(matter, now))
        try:
            after = matter.apply(probe)
            if isinstance(after, Application):
                self._check_clock(after, probe)
        except (ValidationError, IncompleteForm):
            return True  # open, and the form is still to be filled in
        except IllegalMove:
            return False
        return True


def event_of(person: Person, matter: Matter, kind: str, data: Mapping[str, Any], now: datetime) -> Event:
    """Return what somebody does as an event, in the role that fits best.

    Where none of their roles may do it the event carries one that they have: the machine then refuses it in its own words.

    Raises:
        IllegalMove: they have no role in the matter at all.
    """
    held = roles_of(person, matter)
    if not held:
        raise IllegalMove(
            Message("{number} 由需求部门、提供部门和大数据局的经办人办理，您没有相应的岗位", number=matter.number)
        )
    machine = ver.MACHINE if isinstance(matter, Verification) else app.MACHINE
    if kind not in machine.rules:
        raise IllegalMove(Message("没有这种办理事项：{kind}", kind=kind[:40]))
    fitting = machine.rules[kind].roles & held
    if isinstance(matter, Verification) and kind == ver.Kind.DECIDE and matter.state in ver.DECIDES:
        fitting = fitting & {ver.DECIDES[matter.state]} or fitting
    role = min(fitting or held, key=list(Role).index)
    return Event(kind, _not_before(matter, now), person.name, role, person.dept, dict(data))


def _not_before(matter: Matter, now: datetime) -> datetime:
    """Return now, or the moment of the last event when another machine's clock is ahead by a little."""
    return max([now, *(event.at for event in matter.events[-1:])])
