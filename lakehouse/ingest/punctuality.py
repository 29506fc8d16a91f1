"""When a delivery is late: more than one update cycle and two days after its data date."""

from __future__ import annotations

from datetime import date, datetime

from catalog.contract.model import Contract, UpdateCycle

LATE = "batch.late"

CYCLE_DAYS: dict[UpdateCycle, int] = {"实时": 0, "每日": 1, "每周": 7, "每月": 31, "每季度": 92, "每年": 366}
GRACE_DAYS = 2


def late_reason(contract: Contract, data_date: date | None, delivered_at: datetime | None) -> str | None:
    """Return why a delivery is late; None when it is in time, or its name does not tell."""
    if data_date is None or delivered_at is None:
        return None
    cycle = contract.gov.update_cycle
    days = (delivered_at.date() - data_date).days
    if days <= CYCLE_DAYS[cycle] + GRACE_DAYS:
        return None
    return f"数据日期 {data_date} 之后 {days} 天才送达，更新周期为{cycle}"
