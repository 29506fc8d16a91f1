"""When departments deliver files: data dates and delivery times by update cycle, all before the city's today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from lakehouse.sample_city.clock import Days, at, day
from lakehouse.sample_city.dice import Dice


@dataclass(frozen=True)
class Schedule:
    """Data dates of the ordinary deliveries, the first being the initial load; ``late`` is delivered out of order."""

    data_dates: tuple[date, ...]
    delay_days: int
    hour: int
    late: date | None = None
    late_delivery: datetime | None = None

    @property
    def first(self) -> date:
        """The data date of the initial load."""
        return self.data_dates[0]

    @property
    def last(self) -> date:
        """The data date of the latest delivery."""
        return self.data_dates[-1]

    def delivered_at(self, data_date: date, minute: int) -> datetime:
        """Return when the delivery of a data date arrives."""
        return at(data_date + timedelta(days=self.delay_days), self.hour, minute % 60, minute * 7 % 60)

    def spread(self, dice: Dice, days: Days, *, per_day: int, late_too: bool = False) -> Days:
        """Move some days to each data date after the first, so that no delivery is empty; keep the others."""
        targets = [day(d) for d in self.data_dates[1:]] + ([day(self.late)] if late_too and self.late else [])
        wanted = np.repeat(targets, max(1, min(per_day, len(days) // (3 * len(targets)))))
        rows = dice.rng.permutation(len(days))[: min(len(wanted), len(days))]
        moved = days.copy()
        if late_too and self.late:  # the initial load does not know of the day that comes late
            moved[moved == day(self.late)] -= 1
        moved[rows] = wanted[: len(rows)]
        return moved


def _days(month: int, first: int, last: int) -> tuple[date, ...]:
    return tuple(date(2026, month, d) for d in range(first, last + 1))


DAILY = Schedule(_days(6, 24, 29), 1, 2, late=date(2026, 6, 23), late_delivery=at(date(2026, 6, 29), 16, 12, 9))
REALTIME = Schedule(_days(6, 24, 29), 1, 0, late=date(2026, 6, 23), late_delivery=at(date(2026, 6, 29), 9, 41, 3))
MONTHLY = Schedule((date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)), 3, 9)
QUARTERLY = Schedule((date(2025, 12, 31), date(2026, 3, 31)), 8, 10)
YEARLY = Schedule((date(2024, 9, 30), date(2025, 9, 30)), 12, 10)

OF_CYCLE = {"实时": REALTIME, "每日": DAILY, "每周": DAILY, "每月": MONTHLY, "每季度": QUARTERLY, "每年": YEARLY}
