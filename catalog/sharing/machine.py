"""What the state machines share: events, roles, rules, and the refusal of an illegal move with what may be done instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalog.contract.message import Message

LAW = "《政务数据共享条例》"
WORDS = {
    "reason": "理由",
    "missing": "缺少的内容",
    "form": "申请表",
    "days": "天数",
    "record": "记录",
    "finding": "核实结论",
    "decision": "决定",
    "reload": "重新送达的批次",
    "quality_run": "质量复核的结果",
    "document": "目录内容",
    "changed_on": "变化发生的日期",
    "basis": "依据",
}


class Role(StrEnum):
    """Who acts; the value is the wording of the desk."""

    APPLICANT = "需求部门经办人"
    OWN_OFFICE = "需求部门负责人"
    BUREAU = "大数据局审核员"
    PROVIDER = "提供部门负责人"
    CATALOGUER = "编目员"
    SUPERIOR = "共同上级"
    GOVERNMENT = "本级政府"
    SYSTEM = "系统"


@dataclass(frozen=True)
class Parties:
    """The departments of a matter: a role may only be acted by its own side."""

    applicant: str
    provider: str
    bureau: str

    def of(self, role: Role) -> str | None:
        """Return the department that a role must belong to; None when any will do."""
        match role:
            case Role.APPLICANT | Role.OWN_OFFICE:
                return self.applicant
            case Role.PROVIDER | Role.CATALOGUER:
                return self.provider
            case Role.BUREAU:
                return self.bureau
            case _:
                return None


@dataclass(frozen=True)
class Event:
    """Something that happened. ``at`` has a time zone; ``data`` is plain JSON; ``kind`` names it within its machine."""

    kind: str
    at: datetime
    actor: str
    role: Role
    dept: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """One row of a state machine: what may happen in which states, by which roles, with which statements."""

    kind: StrEnum
    states: frozenset[StrEnum]
    roles: frozenset[Role]
    to: StrEnum | None  # None: the state stays
    needs: tuple[str, ...]
    article: str

    @property
    def basis(self) -> str:
        """The article in full."""
        return f"{LAW}{self.article}"


class IllegalMove(ValueError):
    """An event that must not happen now, or not by this actor; the message says what may."""


def rule(
    kind: StrEnum,
    states: Iterable[StrEnum],
    roles: Iterable[Role],
    to: StrEnum | None,
    *needs: str,
    art: str,
) -> Rule:
    """Return a row of a machine's table; ``art`` is the article's number in words."""
    return Rule(kind, frozenset(states), frozenset(roles), to, needs, f"第{art}条")


@dataclass(frozen=True)
class Machine:
    """A table of rules, and the states that are final."""

    noun: str
    rules: Mapping[str, Rule]
    ended: frozenset[StrEnum]

    def moves(self, state: StrEnum) -> list[Rule]:
        """Return what may happen in a state."""
        return [rule for rule in self.rules.values() if state in rule.states]

    def check(self, number: str, state: StrEnum, event: Event, parties: Parties, last: datetime | None) -> Rule:
        """Return the rule of an event that is allowed.

        Raises:
            IllegalMove: the event is not allowed in this state, to this actor, or without a statement.
        """
        found = self.rules[event.kind]
        if state not in found.states:
            raise IllegalMove(self._why_not_now(number, state, found))
        self._check_actor(found, event, parties)
        if event.at.tzinfo is None:
            raise IllegalMove("事项的时间没有时区")
        if last is not None and event.at < last:
            raise IllegalMove(Message("{at:%Y-%m-%d %H:%M} 早于上一事项，事项只能按时间顺序登记", at=event.at))
        absent = [WORDS[name] for name in found.needs if not event.data.get(name)]
        if absent:
            raise IllegalMove(
                Message("{kind}须写明{absent}（{basis}）", kind=found.kind.value, absent=absent, basis=found.basis)
            )
        return found

    def _why_not_now(self, number: str, state: StrEnum, found: Rule) -> str:
        if state in self.ended:
            return Message(
                "{noun} {number} {state}，不能再{kind}",
                noun=self.noun,
                number=number,
                state=state.value,
                kind=found.kind.value,
            )
        possible = [move.kind.value for move in self.moves(state)]
        return Message(
            "{noun} {number} 处于“{state}”，不能{kind}；现在可以：{possible}",
            noun=self.noun,
            number=number,
            state=state.value,
            kind=found.kind.value,
            possible=possible,
        )

    @staticmethod
    def check_role(found: Rule, event: Event, role: Role) -> None:
        """Refuse every role but one."""
        if event.role is not role:
            raise IllegalMove(
                Message(
                    "{kind}现在须由{role}办理，{actor}不能办理（{basis}）",
                    kind=found.kind.value,
                    role=role.value,
                    actor=event.role.value,
                    basis=found.basis,
                )
            )

    @staticmethod
    def _check_actor(found: Rule, event: Event, parties: Parties) -> None:
        if event.role not in found.roles:
            allowed = sorted(role.value for role in found.roles)
            raise IllegalMove(
                Message(
                    "{kind}须由{allowed}办理，{role}不能办理",
                    kind=found.kind.value,
                    allowed=allowed,
                    role=event.role.value,
                )
            )
        needed = parties.of(event.role)
        if needed is not None and event.dept != needed:
            raise IllegalMove(
                Message(
                    "{kind}须由 {needed} 办理，{dept} 不能代办", kind=found.kind.value, needed=needed, dept=event.dept
                )
            )
