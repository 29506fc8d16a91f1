"""What a statutory clock says on a day, as a row of evidence."""

from __future__ import annotations

from datetime import date

from catalog.compliance.evidence import Evidence
from catalog.compliance.model import Row, Status, SubjectKind
from catalog.sharing.calendar import NoHolidayTable
from catalog.sharing.clock import Clock


def is_of_month(evidence: Evidence, started_on: date, ended_on: date | None) -> bool:
    """Tell whether something was open at some time between the month's first day and the evidence's day."""
    return started_on <= evidence.day and (ended_on is None or ended_on >= evidence.since)


def clock_row(evidence: Evidence, kind: SubjectKind, number: str, what: str, clock: Clock) -> Row:
    """Return whether a clock was, or is, in time: done in time, done late, running, or past its limit."""
    calendar, day = evidence.calendar, evidence.day
    try:
        is_late = clock.is_late(calendar, day)
        due_on = clock.due_on(calendar, clock.stopped_on or day)
    except NoHolidayTable as error:
        return Row(Status.UNKNOWN, kind, number, f"{what}：{error}", None, clock.stopped_on)
    if clock.stopped_on is not None:
        status = Status.LATE if is_late else Status.MET
        text = f"{what}，{clock.started_on} 起算，{clock.stopped_on} 办结"
    else:
        status = Status.BREACHED if is_late else Status.MET
        text = f"{what}，{clock.started_on} 起算，{'已超期' if is_late else '时限内'}未办结"
    return Row(status, kind, number, text, due_on, clock.stopped_on)
