"""Reminders 提醒: written once for each light of each clock, and kept; the home page shows those that still hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database

_METADATA = sa.MetaData()
_REMINDERS = sa.Table(
    "sharing_reminder",
    _METADATA,
    sa.Column("number", sa.String(30), primary_key=True),
    sa.Column("duty", sa.String(40), primary_key=True),
    sa.Column("light", sa.String(10), primary_key=True),
    sa.Column("due_on", sa.Date, primary_key=True),
    sa.Column("dept", sa.String(20), nullable=False),
    sa.Column("on_day", sa.Date, nullable=False),
    sa.Column("days_left", sa.Integer),
    sa.Index("sharing_reminder_dept", "dept"),
)


@dataclass(frozen=True)
class Reminder:
    """A duty of ``dept`` is near its end (``yellow``) or past it (``red``), or a grant is about to end (``ending``)."""

    number: str
    duty: str
    light: str
    due_on: date
    dept: str
    on_day: date
    days_left: int | None


class ReminderStore:
    """The reminders of one installation."""

    def __init__(self, address: str) -> None:
        self._engine = open_app_database(address, _METADATA, append_only=[_REMINDERS.name])

    def remind(self, reminder: Reminder) -> bool:
        """Keep a reminder; False when it was written before."""
        try:
            with self._engine.begin() as db:
                db.execute(_REMINDERS.insert().values(asdict(reminder)))
        except IntegrityError:
            return False
        return True

    def of(self, dept: str | None, limit: int = 200) -> list[Reminder]:
        """Return the newest reminders of a department, None for all."""
        query = sa.select(_REMINDERS).order_by(_REMINDERS.c.on_day.desc(), _REMINDERS.c.number).limit(limit)
        if dept is not None:
            query = query.where(_REMINDERS.c.dept == dept)
        with self._engine.connect() as db:
            return [_reminder(row) for row in db.execute(query).mappings()]

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _reminder(row: Any) -> Reminder:
    return Reminder(**{name: row[name] for name in Reminder.__dataclass_fields__})
