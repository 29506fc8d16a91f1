"""What a matter waits for: the roles that must act next, the clock that runs, and how urgent that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.application import Application
from catalog.sharing.calendar import NoHolidayTable, WorkingCalendar
from catalog.sharing.clock import Clock, Light
from catalog.sharing.deadlines import clocks
from catalog.sharing.machine import Role
from catalog.sharing.posts import Matter
from catalog.sharing.practice import Practice
from catalog.sharing.verification import Verification

DONE_LIGHTS = ("done", "done_late")
_URGENCY = {"red": 0, "unknown": 1, "yellow": 2, "green": 3, "paused": 4, "none": 5}
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
class Due:
    """One duty of a matter. ``days_left`` are working days, negative when late, None when a year's holidays are not known."""

    name: str
    basis: str
    duty_of: str
    due_on: date
    days_left: int | None
    light: Light


@dataclass(frozen=True)
class Standing:
    """How a matter stands on a day. ``due`` is the clock that runs; ``no_table`` says what cannot be computed, and why."""

    number: str
    is_report: bool
    resource: str
    applicant: str
    provider: str
    state: str
    waits_for: tuple[Role, ...]
    due: Due | None
    every_due: tuple[Due, ...]
    no_table: str
    last_at: datetime | None

    @property
    def light(self) -> str:
        """The light of the running clock; ``none`` without one, ``unknown`` when it cannot be computed."""
        if self.due:
            return self.due.light
        return "unknown" if self.no_table else "none"

    @property
    def urgency(self) -> tuple[int, int, str]:
        """What lists are ordered by: late first, then what is due soonest."""
        days = (self.due.days_left or 0) if self.due else 0
        return _URGENCY[self.light], days, self.number


def waits_for(matter: Matter) -> tuple[Role, ...]:
    """Return the roles that must act next; none while an application is in use, or when all is done."""
    if isinstance(matter, Verification):
        return _REPORT_WAITS.get(matter.state, ())
    return _APPLICATION_WAITS.get(matter.state, ())


def standing(matter: Matter, calendar: WorkingCalendar, today: date, practice: Practice) -> Standing:
    """Return how a matter stands on a day; never a guessed date when a year's holidays are not known."""
    every, no_table = [], ""
    try:
        for clock in _clocks(matter, calendar, practice):
            due = _due(clock, matter.parties.provider, calendar, today)
            every.append(due)
            if due.days_left is None:
                no_table = str(NoHolidayTable(today.year))
    except NoHolidayTable as error:
        no_table = str(error)
    return Standing(
        matter.number,
        isinstance(matter, Verification),
        matter.report.resource if isinstance(matter, Verification) else matter.resource,
        matter.parties.applicant,
        matter.parties.provider,
        matter.state.value,
        waits_for(matter),
        next((due for due in reversed(every) if due.light not in DONE_LIGHTS), None),
        tuple(every),
        no_table,
        matter.events[-1].at if matter.events else None,
    )


def _clocks(matter: Matter, calendar: WorkingCalendar, practice: Practice) -> list[Clock]:
    if isinstance(matter, Application):
        return clocks(matter, calendar, pauses_for_completion=practice.pauses_for_completion)
    return [matter.clock()]


def _due(clock: Clock, duty_of: str, calendar: WorkingCalendar, today: date) -> Due:
    """Return a clock as a duty; a limit that passed in a known year is late, however many days cannot be counted since.

    Raises:
        NoHolidayTable: the limit itself reaches a year whose holidays are not known.
    """
    due_on = clock.due_on(calendar, clock.stopped_on or today)
    try:
        days_left: int | None = clock.days_left(calendar, today)
    except NoHolidayTable:
        if today <= due_on:
            raise
        days_left = None
    return Due(clock.limit.name, clock.limit.basis, duty_of, due_on, days_left, clock.light(calendar, today))
