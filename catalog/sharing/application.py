"""One application 共享申请 from draft to archive: states, events, who may cause them. State is replayed from events.

The steps follow articles 20-22, 25, 27 and 29: the form with its five statements, approval by the requester's own
office, completeness told once (一次性告知), the provider's answer in time and with reasons, provision, use for the
granted purpose, suspension and termination for misuse, disposal at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from catalog.contract.message import Message
from catalog.sharing.form import Draft, Form
from catalog.sharing.machine import Event, IllegalMove, Machine, Parties, Role, Rule, rule


class State(StrEnum):
    """Where an application stands; the value is the wording of the desk."""

    DRAFT = "草稿"
    OWN_OFFICE = "待本部门审批"
    INTAKE = "待大数据局受理"
    COMPLETING = "补正中"
    ANSWER = "待提供部门答复"
    PROVIDING = "待提供数据"
    IN_USE = "使用中"
    SUSPENDED = "已暂停"
    DISPOSAL = "待处置"
    REFUSED = "不予提供"
    WITHDRAWN = "已撤回"
    ARCHIVED = "已归档"


ENDED = frozenset({State.REFUSED, State.WITHDRAWN, State.ARCHIVED})


class Kind(StrEnum):
    """What can happen; the value is the verb that people read."""

    SAVE = "保存"
    SUBMIT = "提交"
    APPROVE_OWN = "本部门同意"
    RETURN_OWN = "本部门退回"
    ACCEPT = "受理"
    ASK_COMPLETION = "一次性告知补正"
    COMPLETE = "补正"
    EXTEND = "延长答复期限"
    AGREE = "同意"
    REFUSE = "不予提供"
    PROVIDE = "提供"
    USE = "登记使用情况"
    SUSPEND = "暂停"
    RECTIFY = "整改完成恢复"
    TERMINATE = "终止"
    EXPIRE = "到期"
    DISPOSE = "处置"
    WITHDRAW = "撤回"


_BEFORE_USE = (State.DRAFT, State.OWN_OFFICE, State.INTAKE, State.COMPLETING, State.ANSWER, State.PROVIDING)
_RULES = (
    rule(Kind.SAVE, [State.DRAFT], [Role.APPLICANT], None, "form", art="二十"),
    rule(Kind.SUBMIT, [State.DRAFT], [Role.APPLICANT], State.OWN_OFFICE, art="二十"),
    rule(Kind.APPROVE_OWN, [State.OWN_OFFICE], [Role.OWN_OFFICE], State.INTAKE, art="二十"),
    rule(Kind.RETURN_OWN, [State.OWN_OFFICE], [Role.OWN_OFFICE], State.DRAFT, "reason", art="二十"),
    rule(Kind.ACCEPT, [State.INTAKE], [Role.BUREAU], State.ANSWER, art="二十一"),
    rule(Kind.ASK_COMPLETION, [State.INTAKE], [Role.BUREAU], State.COMPLETING, "missing", art="二十一"),
    rule(Kind.COMPLETE, [State.COMPLETING], [Role.APPLICANT], State.INTAKE, "form", art="二十一"),
    rule(Kind.EXTEND, [State.ANSWER], [Role.BUREAU], None, "days", "reason", art="二十一"),
    rule(Kind.AGREE, [State.ANSWER], [Role.PROVIDER], State.PROVIDING, art="二十一"),
    rule(Kind.REFUSE, [State.ANSWER], [Role.PROVIDER], State.REFUSED, "reason", art="二十一"),
    rule(Kind.PROVIDE, [State.PROVIDING], [Role.PROVIDER], State.IN_USE, art="二十二"),
    rule(Kind.USE, [State.IN_USE], [Role.APPLICANT], None, "record", art="二十九"),
    rule(Kind.SUSPEND, [State.IN_USE], [Role.BUREAU, Role.PROVIDER], State.SUSPENDED, "reason", art="二十七"),
    rule(Kind.RECTIFY, [State.SUSPENDED], [Role.BUREAU], State.IN_USE, "reason", art="二十七"),
    rule(Kind.TERMINATE, [State.SUSPENDED], [Role.BUREAU], State.DISPOSAL, "reason", art="二十七"),
    rule(Kind.EXPIRE, [State.IN_USE, State.SUSPENDED], [Role.SYSTEM], State.DISPOSAL, art="二十"),
    rule(Kind.DISPOSE, [State.DISPOSAL], [Role.APPLICANT], State.ARCHIVED, "record", art="二十七"),
    rule(Kind.WITHDRAW, _BEFORE_USE, [Role.APPLICANT], State.WITHDRAWN, art="二十"),
)
MACHINE = Machine("申请", {str(row.kind): row for row in _RULES}, ENDED)


@dataclass(frozen=True)
class Application:
    """An application for a resource, as its events have made it; ``share_type`` is the resource's (1 无条件, 2 有条件).

    ``draft`` is what its clerks saved last, complete or not; ``form`` what was submitted or completed last.
    """

    number: str
    parties: Parties
    resource: str
    share_type: int
    state: State = State.DRAFT
    draft: Draft | None = None
    form: Form | None = None
    events: tuple[Event, ...] = ()

    @property
    def was_asked_to_complete(self) -> bool:
        """Tell whether what is missing was told already: it may be told once."""
        return any(event.kind == Kind.ASK_COMPLETION for event in self.events)

    def moves(self) -> list[Rule]:
        """Return what may happen next."""
        return MACHINE.moves(self.state)

    def apply(self, event: Event) -> Application:
        """Return the application after an event.

        Raises:
            IllegalMove: the event is not allowed here, now, or to this actor; the draft is not whole when it is submitted.
            pydantic.ValidationError: the form has not the shape of one, or is completed without being whole.
        """
        last = self.events[-1].at if self.events else None
        found = MACHINE.check(self.number, self.state, event, self.parties, last)
        self._check_law(event)
        draft, form = self._stated(event)
        state = self.state if found.to is None else State(found.to)
        return replace(self, state=state, draft=draft, form=form, events=(*self.events, event))

    def _stated(self, event: Event) -> tuple[Draft | None, Form | None]:
        """Return the draft and the form after an event."""
        if event.kind == Kind.SUBMIT and self.draft is not None:
            return self.draft, self.draft.whole(self.number)
        if event.kind == Kind.SAVE:
            draft = Draft.model_validate(event.data["form"])
            self._check_resource(draft.resource)
            return draft, self.form
        if event.kind == Kind.COMPLETE:
            form = Form.model_validate(event.data["form"])
            self._check_resource(form.resource)
            return self.draft, form
        return self.draft, self.form

    def _check_resource(self, resource: str) -> None:
        if resource != self.resource:
            raise IllegalMove(
                Message(
                    "申请 {number} 是对 {resource} 的申请，申请表填的是 {asked}；另一资源请另行申请",
                    number=self.number,
                    resource=self.resource,
                    asked=resource,
                )
            )

    def _check_law(self, event: Event) -> None:
        """Refuse what the law forbids beyond the order of steps."""
        if event.kind == Kind.SUBMIT and self.draft is None:
            raise IllegalMove("申请表还没有填写，不能提交（《政务数据共享条例》第二十条）")
        if event.kind == Kind.ASK_COMPLETION and self.was_asked_to_complete:
            raise IllegalMove("需要补正的内容应当一次性告知，已经告知过，请受理（《政务数据共享条例》第二十一条）")
        if event.kind == Kind.EXTEND and self.share_type == 1:
            raise IllegalMove("无条件共享的答复期限不能延长（《政务数据共享条例》第二十一条）")
        if event.kind == Kind.EXTEND and any(known.kind == Kind.EXTEND for known in self.events):
            raise IllegalMove("答复期限只能延长一次，已经延长过（《政务数据共享条例》第二十一条）")
        if event.kind == Kind.REFUSE and self.share_type == 1:
            raise IllegalMove("无条件共享的数据应当提供，不能拒绝（《政务数据共享条例》第十四条、第二十一条）")


def replay(start: Application, events: Iterable[Event]) -> Application:
    """Return the application after all events, in order."""
    for event in events:
        start = start.apply(event)
    return start
