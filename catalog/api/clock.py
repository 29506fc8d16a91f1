"""The city's time: all of China keeps UTC+8, without summer time."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "北京时间")


def now() -> datetime:
    """Return the moment that events of the desk carry."""
    return datetime.now(BEIJING)


def today() -> date:
    """Return the day that expiry dates are compared with."""
    return datetime.now(BEIJING).date()


def beijing(moment: str) -> str:
    """Return an ISO moment with zone as ``YYYY-MM-DD HH:MM`` in the city's time."""
    return datetime.fromisoformat(moment).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
