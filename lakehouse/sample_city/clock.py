"""The city's fixed calendar. The wall clock is never read: the same seed gives the same bytes on any day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

TODAY = date(2026, 6, 30)
EPOCH = date(1970, 1, 1)
YEAR = 365.25
DAY_SECONDS = 86_400

Days = npt.NDArray[np.int64]  # days since 1970-01-01


def day(value: date) -> int:
    """Return ``value`` as days since 1970-01-01."""
    return (value - EPOCH).days


def to_date(days: int) -> date:
    """Return the calendar day of days since 1970-01-01."""
    return EPOCH + timedelta(days=int(days))


TODAY_DAY = day(TODAY)


def dates(days: npt.ArrayLike) -> pl.Series:
    """Return days since 1970-01-01 as a polars ``Date`` series."""
    return pl.Series(np.asarray(days, dtype=np.int32)).cast(pl.Date)


def moments(seconds: npt.ArrayLike) -> pl.Series:
    """Return seconds since 1970-01-01 as a polars ``Datetime`` series."""
    milliseconds = np.asarray(seconds, dtype=np.int64) * 1000
    return pl.Series(milliseconds).cast(pl.Datetime("ms"))


def years(days: npt.ArrayLike) -> Days:
    """Return the calendar year of each day."""
    stamps = np.asarray(days, dtype="datetime64[D]")
    return stamps.astype("datetime64[Y]").astype(np.int64) + 1970


def at(value: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a time of day."""
    return datetime(value.year, value.month, value.day, hour, minute, second)
