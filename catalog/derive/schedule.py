"""When a resource is fetched, and how old its data may be: derived from the update cycle of its contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from catalog.contract.city_time import CITY_TIMEZONE
from catalog.contract.model import Contract, UpdateCycle

TIMETABLE = "CronTriggerTimetable"
LATE_GRACE = timedelta(days=2)  # architecture: late is one cycle plus 2 days after the data date
NIGHT_FIRST_HOUR, NIGHT_HOURS = 1, 5  # departments deliver by midnight, readers come at 8
REALTIME_STEP_MINUTES = 10

CYCLE_LENGTH: dict[UpdateCycle, timedelta] = {
    "实时": timedelta(hours=1),
    "每日": timedelta(days=1),
    "每周": timedelta(days=7),
    "每月": timedelta(days=31),
    "每季度": timedelta(days=92),
    "每年": timedelta(days=366),
}


@dataclass(frozen=True)
class Schedule:
    """When to fetch (``cron`` in ``timezone``, by the Airflow timetable of that name) and how old data may be.

    After ``max_age`` new data are due; a delivery that comes more than ``late_after`` behind its data date is late.
    """

    cron: str
    timetable: str
    timezone: str
    max_age: timedelta
    late_after: timedelta


def ingestion_schedule(contract: Contract) -> Schedule:
    """Return the schedule of a resource; the same contract key always gets the same minute."""
    cycle = contract.gov.update_cycle
    length = CYCLE_LENGTH[cycle]
    return Schedule(_cron(cycle, contract.key), TIMETABLE, CITY_TIMEZONE, length, length + LATE_GRACE)


def _cron(cycle: UpdateCycle, key: str) -> str:
    """Spread starts evenly over the night by a hash of the key, so that no two hundred sources start at once."""
    slot = int.from_bytes(sha256(key.encode()).digest()[:8], "big")
    if cycle == "实时":
        return f"{slot % REALTIME_STEP_MINUTES}-59/{REALTIME_STEP_MINUTES} * * * *"
    minute, slot = slot % 60, slot // 60
    hour, slot = NIGHT_FIRST_HOUR + slot % NIGHT_HOURS, slot // NIGHT_HOURS
    day_of_month = 1 + slot % 5
    match cycle:
        case "每日":
            return f"{minute} {hour} * * *"
        case "每周":
            return f"{minute} {hour} * * {1 + slot % 5}"
        case "每月":
            return f"{minute} {hour} {day_of_month} * *"
        case "每季度":
            return f"{minute} {hour} {day_of_month} 1,4,7,10 *"
        case "每年":
            return f"{minute} {hour} {day_of_month} 1 *"
