"""What time it is in the city."""

from __future__ import annotations

from datetime import date, datetime

from catalog.contract.city_time import CITY_TIME


def now() -> datetime:
    """Return the moment that events of the desk carry."""
    return datetime.now(CITY_TIME)


def today() -> date:
    """Return the day that expiry dates are compared with."""
    return datetime.now(CITY_TIME).date()


def beijing(moment: str) -> str:
    """Return an ISO moment with zone as ``YYYY-MM-DD HH:MM`` in the city's time."""
    return datetime.fromisoformat(moment).astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
