"""申请与答复: articles 20 to 22. The form, own approval, one-time notice, answer in time, reasons, provision in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from catalog.compliance.checks.clocks import clock_row, is_of_month
from catalog.compliance.evidence import Case, Evidence
from catalog.compliance.model import Outcome, Row, Status, judged
from catalog.contract.city_time import city_day
from catalog.sharing.application import Kind
from catalog.sharing.clock import Clock
from catalog.sharing.form import METHODS
from catalog.sharing.limits import ANSWER_CONDITIONAL
from catalog.sharing.machine import Event, Role


def own_approval(evidence: Evidence, dept: str) -> Outcome:
    """Article 20: what is forwarded states all that the form asks for and was approved by the requester's own office."""
    return _of_cases(evidence, evidence.asked_by(dept), (Kind.APPROVE_OWN, Kind.ACCEPT), _approval_row)


def answer_unconditional(evidence: Evidence, dept: str) -> Outcome:
    """Article 21: 无条件共享 is answered within one working day."""
    return _of_clocks(evidence, dept, 1, lambda case: case.answer, "答复")


def answer_conditional(evidence: Evidence, dept: str) -> Outcome:
    """Article 21: 有条件共享 is answered within ten working days, once extended by at most ten."""
    return _of_clocks(evidence, dept, 2, lambda case: case.answer, "答复")


def told_once(evidence: Evidence, _dept: str) -> Outcome:
    """Article 21: what is missing is told once; of all departments' applications."""
    return _of_cases(evidence, evidence.cases, (Kind.ASK_COMPLETION,), _told_once_row)


def extensions(evidence: Evidence, dept: str) -> Outcome:
    """Article 21: an answer is extended once, by at most ten working days, with the bureau's consent."""
    return _of_cases(evidence, evidence.asked_of(dept), (Kind.EXTEND,), _extension_row)


def reasons(evidence: Evidence, dept: str) -> Outcome:
    """Article 21: a refusal gives reasons, and 无条件共享 is not refused."""
    return _of_cases(evidence, evidence.asked_of(dept), (Kind.REFUSE,), _refusal_row)


def provided(evidence: Evidence, dept: str) -> Outcome:
    """Article 22: the data are provided within twenty working days after consent."""
    return _of_clocks(evidence, dept, None, lambda case: case.provision, "提供数据")


def method(evidence: Evidence, dept: str) -> Outcome:
    """Article 22: the data are provided by a method that the catalogue names."""
    return _of_cases(evidence, evidence.asked_of(dept), (Kind.PROVIDE,), lambda case, _: _method_row(evidence, case))


def _of_clocks(
    evidence: Evidence, dept: str, share_type: int | None, clock_of: Callable[[Case], Clock | None], what: str
) -> Outcome:
    rows = []
    for case in evidence.asked_of(dept):
        application = case.application
        if share_type is not None and (application.share_type == 1) != (share_type == 1):
            continue
        clock = clock_of(case)
        if case.fault:
            rows.append(Row(Status.UNKNOWN, "application", application.number, f"时限无法计算：{case.fault}"))
        elif clock is not None and is_of_month(evidence, clock.started_on, clock.stopped_on):
            rows.append(clock_row(evidence, "application", application.number, what, clock))
    return judged(rows)


def _of_cases(
    evidence: Evidence,
    cases: Iterable[Case],
    kinds: tuple[Kind, ...],
    row: Callable[[Case, list[Event]], Row],
) -> Outcome:
    """Judge the applications to which one of ``kinds`` happened this month."""
    rows = []
    for case in cases:
        if not case.days or case.days[-1] < evidence.since:
            continue
        happened = case.happened(*kinds)
        if happened and happened[-1][0] >= evidence.since:
            rows.append(row(case, [event for _, event in happened]))
    return judged(rows)


def _row(case: Case, is_met: bool, text: str, on: date | None = None) -> Row:
    status = Status.MET if is_met else Status.BREACHED
    return Row(status, "application", case.application.number, text, done_on=on)


def _approval_row(case: Case, events: list[Event]) -> Row:
    form, approved = case.application.form, [event for event in events if event.kind == Kind.APPROVE_OWN]
    if form is None:
        return _row(case, False, "申请表没有填写")
    if not approved or approved[0].role is not Role.OWN_OFFICE or events[0].kind != Kind.APPROVE_OWN:
        return _row(case, False, "没有经过本部门负责人审批就提交受理")
    return _row(case, True, f"五项要素齐全，{approved[0].actor} 审批", city_day(approved[0].at))


def _told_once_row(case: Case, events: list[Event]) -> Row:
    times = len(events)
    on = city_day(events[-1].at)
    return _row(case, times == 1, f"补正告知 {times} 次", on)


def _extension_row(case: Case, events: list[Event]) -> Row:
    longest = ANSWER_CONDITIONAL.longest_extension
    days = int(events[-1].data.get("days", 0))
    is_met = (
        len(events) == 1
        and days <= longest
        and case.application.share_type != 1
        and all(event.role is Role.BUREAU for event in events)
    )
    return _row(case, is_met, f"延长 {len(events)} 次，{days} 个工作日", city_day(events[-1].at))


def _refusal_row(case: Case, events: list[Event]) -> Row:
    reason, on = str(events[-1].data.get("reason", "")).strip(), city_day(events[-1].at)
    if case.application.share_type == 1:
        return _row(case, False, "拒绝提供无条件共享的数据", on)
    return _row(case, bool(reason), f"不予提供，理由：{reason or '没有写明'}", on)


def _method_row(evidence: Evidence, case: Case) -> Row:
    form, entry = case.application.form, evidence.published.entry.get(case.application.resource)
    wanted = METHODS[form.method] if form else ""
    if entry is None:
        text = f"以{wanted}提供；这一天的目录里没有 {case.application.resource}"
        return Row(Status.UNKNOWN, "application", case.application.number, text)
    is_named = bool(wanted) and wanted in entry.methods
    return _row(case, is_named, f"以{wanted or '未写明的方式'}提供，目录所列方式：{entry.methods or '无'}")
