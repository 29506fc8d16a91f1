"""A proposal to the catalogue: a new entry, a change or a withdrawal, from the draft to publication (条例第十三、十七条).

编制中 -> 待签发 (head of the department) -> 待审核 (the bureau, two working days) -> 已发布, or 退回 with the reason and
edited again. Every save is an event with the whole content, so that nothing that was typed is ever lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock
from catalog.sharing.limits import CATALOGUE_REVIEW, CATALOGUE_UPDATE
from catalog.sharing.machine import Event, IllegalMove, Machine, Parties, Role, Rule, rule


class Purpose(StrEnum):
    """What a proposal is for."""

    NEW = "新增目录"
    CHANGE = "变更目录"
    WITHDRAWAL = "撤销目录"


class State(StrEnum):
    """Where a proposal stands."""

    DRAFT = "编制中"
    TO_SIGN = "待签发"
    TO_REVIEW = "待审核"
    RETURNED = "退回"
    PUBLISHED = "已发布"
    DISCARDED = "已作废"


class Kind(StrEnum):
    """What happens to a proposal."""

    SAVE = "保存"
    UNDO = "撤销修改"
    SUBMIT = "提交签发"
    RECALL = "收回"
    REJECT = "不予签发"
    SIGN = "签发"
    PUBLISH = "审核发布"
    RETURN = "审核退回"
    DISCARD = "作废"
    RECORD_CHANGE = "登记职责或依据变化"
    EXTEND = "同意延长更新时限"


TIMED = (Kind.RECORD_CHANGE, Kind.EXTEND, Kind.SIGN, Kind.PUBLISH, Kind.RETURN)  # what the clocks of article 17 go by
ENDED: frozenset[StrEnum] = frozenset({State.PUBLISHED, State.DISCARDED})
EDITABLE: frozenset[StrEnum] = frozenset({State.DRAFT, State.RETURNED})
_OPEN: frozenset[StrEnum] = frozenset(state for state in State if state not in ENDED)
MACHINE = Machine(
    "目录提案",
    {
        str(row.kind): row
        for row in (
            rule(Kind.SAVE, EDITABLE, [Role.CATALOGUER], None, "document", art="十三"),
            rule(Kind.UNDO, EDITABLE, [Role.CATALOGUER], None, art="十三"),
            rule(Kind.SUBMIT, EDITABLE, [Role.CATALOGUER], State.TO_SIGN, art="十三"),
            rule(Kind.RECALL, [State.TO_SIGN], [Role.CATALOGUER], State.DRAFT, art="十三"),
            rule(Kind.REJECT, [State.TO_SIGN], [Role.PROVIDER], State.RETURNED, "reason", art="十三"),
            rule(Kind.SIGN, [State.TO_SIGN], [Role.PROVIDER], State.TO_REVIEW, art="十三"),
            rule(Kind.PUBLISH, [State.TO_REVIEW], [Role.BUREAU], State.PUBLISHED, art="十七"),
            rule(Kind.RETURN, [State.TO_REVIEW], [Role.BUREAU], State.RETURNED, "reason", art="十七"),
            rule(Kind.DISCARD, EDITABLE, [Role.CATALOGUER], State.DISCARDED, art="十三"),
            rule(Kind.RECORD_CHANGE, EDITABLE, [Role.CATALOGUER], None, "changed_on", "basis", art="十七"),
            rule(Kind.EXTEND, _OPEN, [Role.BUREAU], None, "days", "reason", art="十七"),
        )
    },
    ENDED,
)


@dataclass(frozen=True)
class Origin:
    """What a proposal began with. ``base`` is the published file that it changes (``""`` for a new entry).

    ``batch`` is the number of the import that it came with, ``""`` for one made by hand.
    """

    purpose: Purpose
    base: str = ""
    batch: str = ""
    start: str = ""


@dataclass(frozen=True)
class Proposal:
    """A proposal as its events leave it. ``kept`` is every content saved and not undone, the newest last."""

    number: str
    parties: Parties
    origin: Origin
    opened_by: str
    opened_at: datetime
    state: State = State.DRAFT
    events: tuple[Event, ...] = ()
    kept: tuple[Mapping[str, Any], ...] = ()
    update: Clock | None = None
    review: Clock | None = None
    said: str = ""

    @property
    def document(self) -> Mapping[str, Any]:
        """The contract as it is proposed now, as the plain content of its file."""
        return self.kept[-1] if self.kept else {}

    @property
    def dept(self) -> str:
        return self.parties.provider

    @property
    def key(self) -> str:
        """``<dept>.<resource>`` of the entry."""
        tables = self.document.get("schema") or [{}]
        return f"{self.dept}.{tables[0].get('name', '')}"

    @property
    def title(self) -> str:
        return str(self.document.get("name") or "")

    @property
    def changed_at(self) -> datetime:
        return self.events[-1].at if self.events else self.opened_at

    @property
    def can_undo(self) -> bool:
        """Tell whether there is an earlier content to go back to."""
        return self.state in EDITABLE and len(self.kept) > 1

    def moves(self) -> list[Rule]:
        """Return what may happen now."""
        found = MACHINE.moves(self.state)
        gone = {Kind.UNDO} if not self.can_undo else set()
        gone |= {Kind.EXTEND} if self.update is None or self.update.stopped_on or self.update.extension else set()
        return [move for move in found if move.kind not in gone]

    def apply(self, event: Event, calendar: WorkingCalendar) -> Proposal:
        """Return the proposal after an event.

        Raises:
            IllegalMove: the event is not allowed in this state, to this actor, or without a statement.
            ClockError: the clock cannot be extended as asked.
        """
        last = self.events[-1].at if self.events else self.opened_at
        found = MACHINE.check(self.number, self.state, event, self.parties, last)
        after = replace(self, events=(*self.events, event))
        after = _kept(after, event)
        after = _timed(after, event, calendar)
        if "reason" in found.needs:
            after = replace(after, said=str(event.data["reason"]))
        return after if found.to is None else replace(after, state=State(found.to))


def replay(opened: Proposal, events: Iterable[Event], calendar: WorkingCalendar) -> Proposal:
    """Return a proposal as its events leave it."""
    for event in events:
        opened = opened.apply(event, calendar)
    return opened


def _kept(proposal: Proposal, event: Event) -> Proposal:
    if event.kind == Kind.SAVE:
        return replace(proposal, kept=(*proposal.kept, event.data["document"]))
    if event.kind == Kind.UNDO:
        if len(proposal.kept) < 2:
            raise IllegalMove(Message("目录提案 {number} 没有可以撤销的修改", number=proposal.number))
        return replace(proposal, kept=proposal.kept[:-1])
    return proposal


def _timed(proposal: Proposal, event: Event, calendar: WorkingCalendar) -> Proposal:
    if event.kind == Kind.EXTEND and proposal.update is None:
        raise IllegalMove(
            Message("目录提案 {number} 没有登记职责或依据变化，没有更新时限可以延长", number=proposal.number)
        )
    update, review = timed(proposal.update, proposal.review, event, calendar)
    return replace(proposal, update=update, review=review)


def timed(
    update: Clock | None, review: Clock | None, event: Event, calendar: WorkingCalendar
) -> tuple[Clock | None, Clock | None]:
    """Start and stop the clocks of article 17: ten days to bring the update to the bureau, two to review it."""
    day = city_day(event.at)
    match event.kind:
        case Kind.RECORD_CHANGE:
            update = Clock(CATALOGUE_UPDATE, _changed_on(event, day))
        case Kind.EXTEND:
            update = update.extend(int(event.data["days"]), day, calendar) if update else None
        case Kind.SIGN:
            update = update.stop(day) if update and update.stopped_on is None else update
            review = Clock(CATALOGUE_REVIEW, day)
        case Kind.PUBLISH | Kind.RETURN:
            review = review.stop(day) if review else None
        case _:
            pass
    return update, review


def _changed_on(event: Event, day: date) -> date:
    try:
        changed = date.fromisoformat(str(event.data["changed_on"]))
    except ValueError:
        raise IllegalMove("变化发生的日期须写成 YYYY-MM-DD") from None
    if changed > day:
        raise IllegalMove(Message("变化发生的日期 {changed} 晚于今天", changed=changed))
    return changed
