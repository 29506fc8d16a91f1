"""使用记录: article 29. Scenario, process, effect, storage and disposal are on record for three years at least."""

from __future__ import annotations

from catalog.compliance.evidence import Case, Evidence
from catalog.compliance.model import Outcome, Row, Status, judged
from catalog.sharing.application import Kind
from catalog.sharing.limits import USAGE_RECORD_YEARS


def recorded(evidence: Evidence, dept: str) -> Outcome:
    """Article 29: who uses shared data records the use; what was used a month and more has a record."""
    rows = []
    for case in evidence.asked_by(dept):
        since = case.used_since
        if since is None or since >= evidence.since or not _is_kept(evidence, case):
            continue
        records = case.happened(Kind.USE, Kind.DISPOSE)
        status = Status.MET if records else Status.BREACHED
        text = f"{since} 起使用，使用情况登记 {len(records)} 次"
        rows.append(Row(status, "application", case.application.number, text))
    return judged(rows, note=f"条例要求保存不少于 {USAGE_RECORD_YEARS} 年；本平台的事项只增不改，全部保留")


def _is_kept(evidence: Evidence, case: Case) -> bool:
    """Tell whether the law still asks for the records: the use goes on, or ended less than three years ago."""
    on = case.ended_on
    if on is None:
        return True
    return (evidence.day.year - on.year, evidence.day.month, evidence.day.day) <= (
        USAGE_RECORD_YEARS,
        on.month,
        on.day,
    )
