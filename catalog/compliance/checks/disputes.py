"""争议: article 28. Negotiate, then the bureau, then the common superior, then the government decides."""

from __future__ import annotations

from catalog.compliance.checks.clocks import is_of_month
from catalog.compliance.evidence import Evidence
from catalog.compliance.model import Outcome, Row, Status, judged
from catalog.contract.city_time import city_day
from catalog.sharing.verification import Kind, State, Verification

_LEVELS = (State.NEGOTIATING, State.AT_BUREAU, State.AT_SUPERIOR, State.AT_GOVERNMENT)
_ENDS = (Kind.SETTLE, Kind.DECIDE)


def settled(evidence: Evidence, dept: str) -> Outcome:
    """Article 28: a dispute goes up level by level, and ends in an agreement or a decision on record."""
    rows = [row for one in evidence.disputed_by(dept) if (row := _row(evidence, one)) is not None]
    return judged(rows, note="条例没有规定各级协调的天数；这里核对是否逐级进行、结果是否有记录")


def _row(evidence: Evidence, one: Verification) -> Row | None:
    begun = next((event for event in one.events if event.kind == Kind.DISPUTE), None)
    if begun is None:
        return None
    ended = next((event for event in one.events if event.kind in _ENDS), None)
    ended_on = city_day(ended.at) if ended else None
    if not is_of_month(evidence, city_day(begun.at), ended_on):
        return None
    steps = sum(event.kind == Kind.ESCALATE for event in one.events)
    if ended is None:
        text = f"争议处于“{one.state.value}”，已提请上一级 {steps} 次"
        return Row(Status.MET, "verification", one.number, text)
    said = str(ended.data.get("record") or ended.data.get("decision") or "").strip()
    status = Status.MET if said and steps < len(_LEVELS) else Status.BREACHED
    return Row(status, "verification", one.number, f"{ended.kind}：{said or '没有记录'}", done_on=ended_on)
