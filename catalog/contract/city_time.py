"""The city's time: all of China keeps UTC+8, without summer time. Days of limits, logs and schedules are the city's."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

CITY_TIMEZONE = "Asia/Shanghai"
CITY_TIME = ZoneInfo(CITY_TIMEZONE)


def city_day(at: datetime) -> date:
    """Return the calendar day of a moment in the city."""
    return at.astimezone(CITY_TIME).date()
