"""法律责任: articles 39 to 41. Which duties of a department stand in breach where a penalty may follow."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.compliance.evidence import Evidence
from catalog.compliance.model import Check, Duty, Outcome, Row, Status, judged, unknown


def answerable_for(duties: Sequence[Duty]) -> Check:
    """Return the check that no duty of ``duties`` is breached; each that is, is a row of evidence."""

    def check(evidence: Evidence, dept: str) -> Outcome:
        rows, met = [], 0
        for duty in duties:
            outcome = duty.look(evidence, dept)
            if outcome.status in (Status.BREACHED, Status.UNKNOWN):
                wrong = outcome.tally.get(Status.BREACHED, 0)
                said = f"{wrong} 件未履行" if outcome.status is Status.BREACHED else outcome.note or "证据不足"
                rows.append(Row(outcome.status, "duty", duty.code, f"{duty.basis} {duty.title}：{said}"))
            elif outcome.status is not Status.NOT_APPLICABLE:
                met += 1
        note = "这里只汇总可能承担责任的事项；是否责令改正、给予处分由有权机关决定"
        return judged(rows, met=met, note=note)

    return check


def missing(what: str) -> Check:
    """Return the check of a duty for which the platform holds no evidence; ``what`` says which is missing."""

    def check(_evidence: Evidence, _dept: str) -> Outcome:
        return unknown(what)

    return check
