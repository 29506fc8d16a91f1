"""校核: article 26. The provider verifies, corrects and answers in time."""

from __future__ import annotations

from catalog.compliance.checks.clocks import clock_row, is_of_month
from catalog.compliance.evidence import Evidence
from catalog.compliance.model import Outcome, Row, Status, judged
from catalog.contract.city_time import city_day
from catalog.sharing.verification import Kind


def verified(evidence: Evidence, dept: str) -> Outcome:
    """Article 26: a doubt is verified, corrected and answered within ten working days."""
    rows = []
    for one in evidence.verified_by(dept):
        clock = one.clock()
        if is_of_month(evidence, clock.started_on, clock.stopped_on):
            rows.append(clock_row(evidence, "verification", one.number, f"{one.report.resource} 的校核", clock))
    return judged(rows)


def corrected(evidence: Evidence, dept: str) -> Outcome:
    """Article 26: a correction holds; one that did not pass the check after the reload is a defect until it does."""
    rows = []
    for one in evidence.verified_by(dept):
        checks = [event for event in one.events if event.kind in (Kind.RECHECK, Kind.REOPEN)]
        if not checks or city_day(checks[-1].at) < evidence.since:
            continue
        failed = sum(event.kind == Kind.REOPEN for event in checks)
        passed = checks[-1].kind == Kind.RECHECK
        status = Status.MET if passed and not failed else Status.LATE if passed else Status.BREACHED
        text = f"更正后复核{'通过' if passed else '未通过'}，其间退回 {failed} 次"
        rows.append(Row(status, "verification", one.number, text, done_on=city_day(checks[-1].at)))
    return judged(rows)
