"""用途、处置与服务的持续: articles 25 and 27."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from catalog.access.decide import CONDITIONAL
from catalog.compliance.checks.clocks import is_of_month
from catalog.compliance.evidence import Case, Evidence
from catalog.compliance.model import Outcome, Row, Status, judged, unknown
from catalog.sharing.application import Kind, State
from catalog.sharing.machine import Role

_STARTS = frozenset({Kind.PROVIDE, Kind.RECTIFY})
_STOPS = frozenset({Kind.SUSPEND, Kind.EXPIRE, Kind.TERMINATE, Kind.DISPOSE})


def granted_use(evidence: Evidence, dept: str) -> Outcome:
    """Article 25: conditional data are read for a granted purpose only, so under a grant in force on that day."""
    if evidence.published.entries is None:
        return unknown("这一天没有已发布的目录版本，不知道哪些数据是有条件共享")
    provided: defaultdict[str, list[Case]] = defaultdict(list)
    for case in evidence.asked_by(dept):
        if case.used_since is not None:
            provided[case.application.resource].append(case)
    rows, met = [], 0
    for use in evidence.used_by(dept):
        entry = evidence.published.entry.get(use.resource)
        if entry is None or entry.share_type != CONDITIONAL or entry.dept == dept:
            continue
        if any(is_granted(case, use.on) for case in provided.get(use.resource, ())):
            met += 1
        else:
            text = f"{use.on} 调用 {entry.name} {use.calls} 次、{use.row_count} 行，当日没有生效的共享授权"
            rows.append(Row(Status.BREACHED, "entry", use.resource, text, done_on=use.on))
    return judged(rows, met=met, note="依据数据服务的调用记录与当日生效的授权，按日比对")


def disposed(evidence: Evidence, dept: str) -> Outcome:
    """Article 27: after the use ended the data are disposed of as required, and the disposal is recorded."""
    rows = []
    for case in evidence.asked_by(dept):
        ended_on, done = case.ended_on, case.happened(Kind.DISPOSE)
        if ended_on is None:
            continue
        done_on = done[-1][0] if done else None
        if not is_of_month(evidence, ended_on, done_on):
            continue
        if done_on is None and ended_on < evidence.since:
            status, text = Status.BREACHED, f"{ended_on} 使用结束，至今没有处置记录"
        elif done_on is None:
            status, text = Status.MET, f"{ended_on} 使用结束，待处置（当月内）"
        else:
            is_same_month = (ended_on.year, ended_on.month) == (done_on.year, done_on.month)
            status = Status.MET if is_same_month else Status.LATE
            text = f"{ended_on} 使用结束，{done_on} 处置"
        rows.append(Row(status, "application", case.application.number, text, done_on=done_on))
    return judged(rows, note="条例没有规定处置的天数，本平台以使用结束的当月为准")


def rectified(evidence: Evidence, dept: str) -> Outcome:
    """Article 27: a use that was suspended for misuse is rectified; until then it is a breach of the user's duty."""
    rows = []
    for case in evidence.asked_by(dept):
        stops = case.happened(Kind.SUSPEND)
        if not stops:
            continue
        stopped_on, stopped = stops[-1]
        ends = case.happened(Kind.RECTIFY, Kind.TERMINATE, Kind.EXPIRE)
        mended_on, mended = next(((day, event) for day, event in ends if event.at >= stopped.at), (None, None))
        if not is_of_month(evidence, stopped_on, mended_on):
            continue
        reason = str(stopped.data.get("reason", ""))
        end = f"，{mended_on} {mended.kind}" if mended else "，尚未整改"
        status = Status.LATE if mended and mended.kind == Kind.RECTIFY else Status.BREACHED
        rows.append(
            Row(
                status,
                "application",
                case.application.number,
                f"{stopped_on} 被暂停：{reason}{end}",
                done_on=mended_on,
            )
        )
    return judged(rows, met=_in_use(evidence, dept) if not rows else 0)


def not_stopped(evidence: Evidence, dept: str) -> Outcome:
    """Article 27: a provider does not stop a service without reason."""
    rows, running = [], 0
    for case in evidence.asked_of(dept):
        stops = case.happened(Kind.SUSPEND)
        own = [(day, event) for day, event in stops if event.role is Role.PROVIDER and day >= evidence.since]
        running += case.application.state is State.IN_USE and not own
        for day, event in own:
            reason = str(event.data.get("reason", "")).strip()
            status = Status.MET if reason else Status.BREACHED
            text = f"提供部门暂停服务，理由：{reason or '没有写明'}"
            rows.append(Row(status, "application", case.application.number, text, done_on=day))
    return judged(rows, met=running, note="理由是否成立须由大数据局审查，这里只核对是否写明")


def is_granted(case: Case, on: date) -> bool:
    """Tell whether an application's grant was in force on a day, as its events and its form say."""
    form, is_open = case.application.form, False
    if form is None or not form.starts_on <= on <= form.ends_on:
        return False
    for day, event in case.happened(*_STARTS, *_STOPS):
        if day > on:
            break
        if event.kind in _STARTS:
            is_open = True
        elif day < on:  # a call on the day of the stop may have come before it
            is_open = False
    return is_open


def _in_use(evidence: Evidence, dept: str) -> int:
    return sum(case.application.state is State.IN_USE for case in evidence.asked_by(dept))
