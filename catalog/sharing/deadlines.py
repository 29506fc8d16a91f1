"""The clocks of an application, replayed from its events: who must do what by when, and was it done in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from catalog.sharing.application import Application, Kind
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock, Light
from catalog.sharing.limits import PROVIDE, answer_limit
from catalog.sharing.machine import Event

CITY_TIME = ZoneInfo("Asia/Shanghai")
_ENDS_ANSWER = frozenset({Kind.AGREE, Kind.REFUSE, Kind.WITHDRAW})
_ENDS_PROVISION = frozenset({Kind.PROVIDE, Kind.WITHDRAW})


@dataclass(frozen=True)
class Deadline:
    """One duty of one application as a list shows it; ``duty_of`` is the department that is answerable."""

    application: str
    name: str
    basis: str
    duty_of: str
    due_on: date
    days_left: int
    light: Light


def city_day(at: datetime) -> date:
    """Return the calendar day of a moment in the city."""
    return at.astimezone(CITY_TIME).date()


def clocks(application: Application, calendar: WorkingCalendar, *, pauses_for_completion: bool) -> list[Clock]:
    """Return the clocks that an application has started: for the answer, then for the provision.

    The law does not say whether the clock for the answer stands during 补正, hence the setting.
    """
    answer: Clock | None = None
    provision: Clock | None = None
    for event in application.events:
        on = city_day(event.at)
        if event.kind == Kind.APPROVE_OWN:
            answer = Clock(answer_limit(application.share_type), on)
        elif answer is not None and answer.stopped_on is None:
            answer = _answered(answer, event, on, calendar, pauses=pauses_for_completion)
        if event.kind == Kind.AGREE:
            provision = Clock(PROVIDE, on)
        elif provision is not None and provision.stopped_on is None and event.kind in _ENDS_PROVISION:
            provision = provision.stop(on)
    return [clock for clock in (answer, provision) if clock is not None]


def _answered(clock: Clock, event: Event, on: date, calendar: WorkingCalendar, *, pauses: bool) -> Clock:
    if pauses and event.kind == Kind.ASK_COMPLETION:
        return clock.pause(on)
    if clock.is_paused and event.kind == Kind.COMPLETE:
        return clock.resume(on)
    if event.kind == Kind.EXTEND:
        return clock.extend(int(event.data["days"]), on, calendar)
    return clock.stop(on) if event.kind in _ENDS_ANSWER else clock


def deadlines(
    application: Application, calendar: WorkingCalendar, today: date, *, pauses_for_completion: bool
) -> list[Deadline]:
    """Return every duty of an application as of ``today``."""
    return [
        Deadline(
            application.number,
            clock.limit.name,
            clock.limit.basis,
            application.parties.provider,
            clock.due_on(calendar, clock.stopped_on or today),
            clock.days_left(calendar, today),
            clock.light(calendar, today),
        )
        for clock in clocks(application, calendar, pauses_for_completion=pauses_for_completion)
    ]
