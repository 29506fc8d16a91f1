"""校核 of a row or field that a consumer doubts (article 26), and the dispute that may follow (article 28)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise

from pydantic import Field

from catalog.contract.city_time import city_day
from catalog.contract.model import Strict
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock
from catalog.sharing.limits import VERIFY
from catalog.sharing.machine import Event, Machine, Parties, Role, Rule, rule


class State(StrEnum):
    """Where a 校核 stands; the value is the wording of the desk."""

    REPORTED = "待核实"
    CONFIRMED = "待更正"
    CORRECTED = "待复核"
    UPHELD = "核实无误"
    NEGOTIATING = "双方协商"
    AT_BUREAU = "大数据局协调"
    AT_SUPERIOR = "共同上级协调"
    AT_GOVERNMENT = "报本级政府决定"
    CLOSED = "已办结"


class Kind(StrEnum):
    """What can happen; the value is the verb that people read."""

    CONFIRM = "确认有误"
    UPHOLD = "核实无误并答复"
    CORRECT = "更正"
    RECHECK = "复核通过"
    REOPEN = "复核未通过"
    ACCEPT = "认可答复"
    DISPUTE = "提出争议"
    SETTLE = "协商一致"
    ESCALATE = "提请上一级"
    DECIDE = "作出决定"


class Report(Strict):
    """What is doubted: a resource, a key, perhaps a field, what is there and what is believed right."""

    resource: str = Field(pattern=r"^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$")
    key: str = Field(min_length=1, max_length=200)
    column: str | None = Field(default=None, max_length=100)
    found: str = Field(max_length=1000)
    believed: str = Field(max_length=1000)
    evidence: str = Field(min_length=2, max_length=2000)
    snapshot: str = Field(min_length=1, max_length=64)


_DISPUTED = (State.NEGOTIATING, State.AT_BUREAU, State.AT_SUPERIOR, State.AT_GOVERNMENT)
_NEXT_LEVEL = dict(pairwise(_DISPUTED))
DECIDES = {State.AT_BUREAU: Role.BUREAU, State.AT_SUPERIOR: Role.SUPERIOR, State.AT_GOVERNMENT: Role.GOVERNMENT}
_RULES = (
    rule(Kind.CONFIRM, [State.REPORTED], [Role.PROVIDER], State.CONFIRMED, "finding", art="二十六"),
    rule(Kind.UPHOLD, [State.REPORTED], [Role.PROVIDER], State.UPHELD, "finding", art="二十六"),
    rule(Kind.CORRECT, [State.CONFIRMED], [Role.PROVIDER], State.CORRECTED, "reload", art="二十六"),
    rule(Kind.RECHECK, [State.CORRECTED], [Role.SYSTEM, Role.BUREAU], State.CLOSED, "quality_run", art="二十六"),
    rule(Kind.REOPEN, [State.CORRECTED], [Role.SYSTEM, Role.BUREAU], State.CONFIRMED, "quality_run", art="二十六"),
    rule(Kind.ACCEPT, [State.UPHELD], [Role.APPLICANT], State.CLOSED, art="二十六"),
    rule(Kind.DISPUTE, [State.UPHELD], [Role.APPLICANT], State.NEGOTIATING, "reason", art="二十八"),
    rule(Kind.SETTLE, _DISPUTED, [Role.APPLICANT, Role.PROVIDER], State.CLOSED, "record", art="二十八"),
    rule(Kind.ESCALATE, _DISPUTED[:-1], [Role.APPLICANT, Role.PROVIDER, Role.BUREAU], None, "reason", art="二十八"),
    rule(Kind.DECIDE, _DISPUTED[1:], list(DECIDES.values()), State.CLOSED, "decision", art="二十八"),
)
MACHINE = Machine("校核", {str(row.kind): row for row in _RULES}, frozenset({State.CLOSED}))


@dataclass(frozen=True)
class Verification:
    """A 校核 as its events have made it; the reporter is ``parties.applicant``."""

    number: str
    parties: Parties
    report: Report
    reported_on: date
    state: State = State.REPORTED
    events: tuple[Event, ...] = ()

    def moves(self) -> list[Rule]:
        """Return what may happen next."""
        return MACHINE.moves(self.state)

    def apply(self, event: Event) -> Verification:
        """Return the 校核 after an event.

        Raises:
            IllegalMove: the event is not allowed here, now, or to this actor.
        """
        last = self.events[-1].at if self.events else None
        found = MACHINE.check(self.number, self.state, event, self.parties, last)
        if event.kind == Kind.DECIDE:
            MACHINE.check_role(found, event, DECIDES[self.state])
        if event.kind == Kind.ESCALATE:
            state = _NEXT_LEVEL[self.state]
        else:
            state = self.state if found.to is None else State(found.to)
        return replace(self, state=state, events=(*self.events, event))

    def clock(self) -> Clock:
        """Return the clock of the provider's answer: it stops when the fault is corrected, or the answer is given."""
        clock = Clock(VERIFY, self.reported_on)
        for event in self.events:
            if clock.stopped_on is None and event.kind in (Kind.CORRECT, Kind.UPHOLD):
                clock = clock.stop(city_day(event.at))
        return clock

    def is_late(self, calendar: WorkingCalendar, today: date) -> bool:
        """Tell whether the provider is, or was, late."""
        return self.clock().is_late(calendar, today)


def replay(start: Verification, events: Iterable[Event]) -> Verification:
    """Return the 校核 after all events, in order."""
    for event in events:
        start = start.apply(event)
    return start
