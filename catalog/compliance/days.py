"""Months, ends of days in the city, and a calendar that remembers: thousands of clocks ask for the same few days."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from catalog.contract.city_time import CITY_TIME
from catalog.contract.message import Message
from catalog.sharing.calendar import WorkingCalendar

MONTH_SHAPE = re.compile(r"^(20[0-9]{2})-(0[1-9]|1[0-2])\Z")
FIRST_DAY = date(2025, 8, 1)  # the Regulations are in force from this day


def end_of(day: date) -> datetime:
    """Return the first moment after a day in the city."""
    return datetime.combine(day + timedelta(days=1), time(), CITY_TIME)


def month_of(day: date) -> str:
    """Return a day's month, ``2026-10``."""
    return f"{day:%Y-%m}"


def first_of(month: str) -> date:
    """Return the first day of a month such as ``2026-10``; raise ``ValueError`` when it is not written so."""
    shape = MONTH_SHAPE.match(month)
    if not shape:
        raise ValueError(Message("'{month}' 不是月份，请写成 2026-10 这样", month=month))
    return date(int(shape[1]), int(shape[2]), 1)


def last_of(month: str) -> date:
    """Return the last day of a month."""
    first = first_of(month)
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def months_until(month: str, count: int) -> list[str]:
    """Return up to ``count`` months that end with ``month``, oldest first, none before the Regulations were in force."""
    found: list[str] = []
    first = first_of(month)
    while len(found) < count and last_of(month_of(first)) >= FIRST_DAY:
        found.append(month_of(first))
        first = (first - timedelta(days=1)).replace(day=1)
    return found[::-1]


class RememberedCalendar(WorkingCalendar):
    """A working calendar that answers a question it was asked before from memory."""

    def __init__(self, calendar: WorkingCalendar) -> None:
        super().__init__(calendar.tables)
        object.__setattr__(self, "_ends", {})
        object.__setattr__(self, "_counts", {})

    _ends: dict[tuple[date, int], date]
    _counts: dict[tuple[date, date], int]

    def after(self, start: date, days: int) -> date:
        """Return the last day of a limit; see :meth:`WorkingCalendar.after`."""
        found = self._ends.get((start, days))
        if found is None:
            found = self._ends[start, days] = super().after(start, days)
        return found

    def between(self, start: date, end: date) -> int:
        """Count working days; see :meth:`WorkingCalendar.between`."""
        found = self._counts.get((start, end))
        if found is None:
            found = self._counts[start, end] = super().between(start, end)
        return found
