"""When too many wrong passwords close an account, or an address, for a while."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
MOST_FAILURES = 5
MOST_FROM_ADDRESS = 30


def locked_until(failures: Iterable[datetime], now: datetime, most: int = MOST_FAILURES) -> datetime | None:
    """Return until when no further try is looked at, or None.

    ``failures`` are the moments of wrong passwords since the last right one; ``most`` within the window close the door
    until the window after the last of them is over. Tries while it is closed are not failures and do not prolong it.
    """
    recent = sorted(moment for moment in failures if moment <= now)
    for place in range(len(recent) - 1, most - 2, -1):
        last, first = recent[place], recent[place - most + 1]
        if last - first <= WINDOW and now < last + WINDOW:
            return last + WINDOW
    return None
