"""Working days 工作日 of the State Council's yearly notice: weekdays without holidays, and weekends made up for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import chinese_calendar
from pydantic import Field, model_validator

from catalog.contract.load import CATALOG_ROOT, read_yaml
from catalog.contract.message import Message
from catalog.contract.model import Strict

HOLIDAYS_FILE = CATALOG_ROOT / "sharing" / "holidays.yaml"
_SATURDAY = 5
_LONGEST_REACH = timedelta(days=3660)


class NoHolidayTable(LookupError):
    """A clock reaches a year whose holidays are not known: no deadline may be guessed."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            Message(
                "{year} 年的放假安排没有录入，不能计算跨入该年的法定时限：请按国务院办公厅当年的通知，在 catalog/sharing/holidays.yaml 的 years 下增加 '{year}'",
                year=year,
            )
        )


class YearTable(Strict):
    """The notice of one year; ``holidays`` need not name weekends, ``workdays`` are the weekends made up for."""

    source: str
    holidays: list[date]
    workdays: list[date]

    @model_validator(mode="after")
    def _no_day_is_both(self) -> YearTable:
        both = sorted(set(self.holidays) & set(self.workdays))
        if both:
            raise ValueError(f"既放假又上班的日子：{', '.join(map(str, both))}")
        weekdays = sorted(day for day in self.workdays if day.weekday() < _SATURDAY)
        if weekdays:
            raise ValueError(f"调休上班日应在周末：{', '.join(map(str, weekdays))}")
        return self


class HolidayTables(Strict):
    """The tables that the package does not have, or that override it."""

    years: dict[int, YearTable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _days_are_of_their_year(self) -> HolidayTables:
        for year, table in self.years.items():
            strange = sorted(day for day in (*table.holidays, *table.workdays) if day.year != year)
            if strange:
                raise ValueError(f"{year} 年的表里有别的年份的日子：{', '.join(map(str, strange))}")
        return self


@dataclass(frozen=True)
class WorkingCalendar:
    """Tells working days; a year without a table raises :class:`NoHolidayTable`, whatever the day."""

    tables: Mapping[int, YearTable] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        """Tell whether offices work on a day."""
        table = self.tables.get(day.year)
        if table is None:
            return _works(day)
        return day in table.workdays or (day.weekday() < _SATURDAY and day not in table.holidays)

    def after(self, start: date, days: int) -> date:
        """Return the last day of a limit of ``days`` working days that begins after ``start``.

        The day itself does not count (民法典第二百零一条); with ``days`` 0 it is the limit's last day.
        """
        if days < 0:
            raise ValueError("a limit has no negative days")
        day, left = start, days
        while left:
            day += timedelta(days=1)
            left -= self.is_working(day)
        return day

    def between(self, start: date, end: date) -> int:
        """Count the working days after ``start`` up to and including ``end``; negative when ``end`` comes first."""
        if end < start:
            return -self.between(end, start)
        if end - start > _LONGEST_REACH:
            raise ValueError(f"{start} 到 {end} 超过十年，不是法定时限")
        return sum(self.is_working(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))


@lru_cache(maxsize=20_000)
def _works(day: date) -> bool:
    """Return what the package says; it looks through its whole table at each question, lists ask for the same days."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        raise NoHolidayTable(day.year) from None


@lru_cache(maxsize=4)
def load_calendar(file: Path = HOLIDAYS_FILE) -> WorkingCalendar:
    """Return the calendar with the tables that were added."""
    return WorkingCalendar(HolidayTables.model_validate(read_yaml(file)).years)
