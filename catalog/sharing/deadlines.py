"""The clocks of an application, replayed from its events: who must do what by when, and was it done in time."""

from __future__ import annotations

from datetime import date

from catalog.contract.city_time import city_day
from catalog.sharing.application import Application, Kind
from catalog.sharing.calendar import WorkingCalendar
from catalog.sharing.clock import Clock
from catalog.sharing.limits import PROVIDE, answer_limit
from catalog.sharing.machine import Event

_ENDS_ANSWER = frozenset({Kind.AGREE, Kind.REFUSE, Kind.WITHDRAW})
_ENDS_PROVISION = frozenset({Kind.PROVIDE, Kind.WITHDRAW})


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
