from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from croniter import croniter

from catalog.contract.load import load_contracts
from catalog.contract.model import Contract
from catalog.derive.schedule import CYCLE_LENGTH, ingestion_schedule

CONTRACTS = load_contracts()


def _with(contract: Contract, *, resource: str = "x", cycle: str = "每日") -> Contract:
    table = contract.tables[0].model_copy(update={"name": resource})
    gov = contract.gov.model_copy(update={"update_cycle": cycle})
    return contract.model_copy(update={"tables": [table], "gov": gov})


@pytest.mark.parametrize("cycle", CYCLE_LENGTH)
def test_every_cycle_has_a_valid_cron_and_ages(cycle: str) -> None:
    schedule = ingestion_schedule(_with(CONTRACTS["gaj.resident"], cycle=cycle))
    assert croniter.is_valid(schedule.cron)
    assert (schedule.timetable, schedule.timezone) == ("CronTriggerTimetable", "Asia/Shanghai")
    assert schedule.late_after - schedule.max_age == timedelta(days=2)


def test_the_same_resource_always_starts_at_the_same_minute() -> None:
    crons = {ingestion_schedule(CONTRACTS["gaj.resident"]).cron for _ in range(3)}
    assert crons == {"42 4 * * *"}  # a change of the spreading rule moves every DAG: decide it, do not slip into it


def test_starts_are_spread_over_the_night() -> None:
    base = CONTRACTS["gaj.resident"]
    starts = Counter(ingestion_schedule(_with(base, resource=f"r{n}")).cron for n in range(1000))
    assert len(starts) > 250
    assert max(starts.values()) <= 15
    assert all(1 <= int(cron.split()[1]) <= 5 for cron in starts)
