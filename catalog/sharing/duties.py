"""What a matter waits for: the roles that must act next, the clock that runs, and how urgent that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.application import Application
from catalog.sharing.calendar import NoHolidayTable, WorkingCalendar
from catalog.sharing.deadlines import Deadline, deadlines
from catalog.sharing.machine import Role
from catalog.sharing.posts import Matter
from catalog.sharing.practice import Practice
from catalog.sharing.verification import Verification

DONE_LIGHTS = ("done", "done_late")
_URGENCY = {"red": 0, "yellow": 1, "green": 2, "paused": 3}
_APPLICATION_WAITS: dict[app.State, tuple[Role, ...]] = {
    app.State.DRAFT: (Role.APPLICANT,),
    app.State.OWN_OFFICE: (Role.OWN_OFFICE,),
    app.State.INTAKE: (Role.BUREAU,),
    app.State.COMPLETING: (Role.APPLICANT,),
    app.State.ANSWER: (Role.PROVIDER,),
    app.State.PROVIDING: (Role.PROVIDER,),
    app.State.SUSPENDED: (Role.BUREAU,),
    app.State.DISPOSAL: (Role.APPLICANT,),
}
_REPORT_WAITS: dict[ver.State, tuple[Role, ...]] = {
    ver.State.REPORTED: (Role.PROVIDER,),
    ver.State.CONFIRMED: (Role.PROVIDER,),
    ver.State.CORRECTED: (Role.SYSTEM,),
    ver.State.UPHELD: (Role.APPLICANT,),
    ver.State.NEGOTIATING: (Role.APPLICANT, Role.PROVIDER),
    ver.State.AT_BUREAU: (Role.BUREAU,),
    ver.State.AT_SUPERIOR: (Role.SUPERIOR,),
    ver.State.AT_GOVERNMENT: (Role.GOVERNMENT,),
}


@dataclass(frozen=True)
class Standing:
    """How a matter stands on a day. ``deadline`` is the clock that runs; ``no_table`` says why none can be computed."""

    number: str
    is_report: bool
    resource: str
    applicant: str
    provider: str
    state: str
    waits_for: tuple[Role, ...]
    deadline: Deadline | None
    all_deadlines: tuple[Deadline, ...]
    no_table: str
    last_at: datetime | None

    @property
    def light(self) -> str:
        """The light of the running clock; ``none`` without one, ``unknown`` when it cannot be computed."""
        if self.no_table:
            return "unknown"
        return self.deadline.light if self.deadline else "none"

    @property
    def urgency(self) -> tuple[int, int, str]:
        """What lists are ordered by: late first, then what is due soonest."""
        days = self.deadline.days_left if self.deadline else 0
        return _URGENCY.get(self.light, 1 if self.no_table else 4), days, self.number


def waits_for(matter: Matter) -> tuple[Role, ...]:
    """Return the roles that must act next; none while an application is in use, or when all is done."""
    if isinstance(matter, Verification):
        return _REPORT_WAITS.get(matter.state, ())
    return _APPLICATION_WAITS.get(matter.state, ())


def standing(matter: Matter, calendar: WorkingCalendar, today: date, practice: Practice) -> Standing:
    """Return how a matter stands on a day; never a guessed date when a year's holidays are not known."""
    try:
        every, no_table = tuple(deadlines_of(matter, calendar, today, practice)), ""
    except NoHolidayTable as error:
        every, no_table = (), str(error)
    is_report = isinstance(matter, Verification)
    return Standing(
        matter.number,
        is_report,
        matter.report.resource if isinstance(matter, Verification) else matter.resource,
        matter.parties.applicant,
        matter.parties.provider,
        matter.state.value,
        waits_for(matter),
        next((found for found in reversed(every) if found.light not in DONE_LIGHTS), None),
        every,
        no_table,
        matter.events[-1].at if matter.events else None,
    )


def deadlines_of(matter: Matter, calendar: WorkingCalendar, today: date, practice: Practice) -> list[Deadline]:
    """Return every duty of a matter as of ``today``.

    Raises:
        NoHolidayTable: a clock reaches a year whose holidays are not known.
    """
    if isinstance(matter, Application):
        return deadlines(matter, calendar, today, pauses_for_completion=practice.pauses_for_completion)
    clock = matter.clock()
    return [
        Deadline(
            matter.number,
            clock.limit.name,
            clock.limit.basis,
            matter.parties.provider,
            clock.due_on(calendar, clock.stopped_on or today),
            clock.days_left(calendar, today),
            clock.light(calendar, today),
        )
    ]
