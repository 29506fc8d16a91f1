"""What happens by itself as days go by: grants that end, corrections that are rechecked, reminders before and after a limit.

It may run as often as one likes, and beside people at work: what was done before is not done again, and a matter that
somebody acts on at the same moment is left for the next time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.acting import Acting
from catalog.sharing.application import Application
from catalog.sharing.duties import Standing, standing
from catalog.sharing.machine import Event, Role
from catalog.sharing.posts import Matter
from catalog.sharing.recheck import SYSTEM_NAME, recheck
from catalog.sharing.reminders import Reminder, ReminderStore
from catalog.sharing.store import OvertakenError

REMINDS = ("yellow", "red")
ENDING_DAYS = 10  # calendar days before the last day of a grant
_EXPIRES = (app.State.IN_USE, app.State.SUSPENDED)


@dataclass
class Ticked:
    """What one run did; ``not_computed`` are the matters whose clock reaches a year without a holiday table."""

    on: date
    expired: list[str] = field(default_factory=list)
    rechecked: list[dict[str, Any]] = field(default_factory=list)
    reminded: list[Reminder] = field(default_factory=list)
    not_computed: dict[str, str] = field(default_factory=dict)
    left_for_next_time: list[str] = field(default_factory=list)


def tick(acting: Acting, reminders: ReminderStore, today: date, now: datetime) -> Ticked:
    """Do what is due on a day; events carry the moment ``now``."""
    done = Ticked(today)
    for application in acting.store.applications():
        _expire(acting, application, now, done)
    matters: list[Matter] = [*acting.store.applications(), *acting.store.verifications()]
    for matter in matters:
        _remind(reminders, standing(matter, acting.calendar, today, acting.practice), today, done)
        if isinstance(matter, Application):
            _remind_of_end(reminders, matter, today, done)
    for verification in acting.store.verifications():  # last, since it alone needs the published data to be readable
        if verification.state is ver.State.CORRECTED:
            _recheck(acting, verification, now, done)
    return done


def _expire(acting: Acting, application: Application, now: datetime, done: Ticked) -> None:
    form = application.form
    if application.state not in _EXPIRES or form is None or form.ends_on >= done.on:
        return
    data = {"ends_on": form.ends_on.isoformat(), "on": done.on.isoformat()}
    event = Event(app.Kind.EXPIRE, max(now, application.events[-1].at), SYSTEM_NAME, Role.SYSTEM, "", data)
    try:
        acting.store.move_application(application.number, event, seen=len(application.events))
    except OvertakenError:
        done.left_for_next_time.append(application.number)
        return
    done.expired.append(application.number)


def _recheck(acting: Acting, verification: ver.Verification, now: datetime, done: Ticked) -> None:
    event = recheck(verification, acting.published, max(now, verification.events[-1].at))
    try:
        acting.store.move_verification(verification.number, event, seen=len(verification.events))
    except OvertakenError:
        done.left_for_next_time.append(verification.number)
        return
    done.rechecked.append({"number": verification.number, "result": event.kind, **event.data["quality_run"]})


def _remind(reminders: ReminderStore, stands: Standing, today: date, done: Ticked) -> None:
    if stands.no_table:
        done.not_computed[stands.number] = stands.no_table
    for due in stands.every_due:
        if due.light in REMINDS:
            reminder = Reminder(
                stands.number,
                due.name,
                due.light,
                due.due_on,
                due.duty_of,
                today,
                due.days_left,
            )
            if reminders.remind(reminder):
                done.reminded.append(reminder)


def _remind_of_end(reminders: ReminderStore, application: Application, today: date, done: Ticked) -> None:
    form = application.form
    if application.state is not app.State.IN_USE or form is None or not 0 <= (form.ends_on - today).days <= ENDING_DAYS:
        return
    days = (form.ends_on - today).days
    reminder = Reminder(
        application.number, "使用时限", "ending", form.ends_on, application.parties.applicant, today, days
    )
    if reminders.remind(reminder):
        done.reminded.append(reminder)
