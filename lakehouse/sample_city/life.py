"""What happened to the residents: deaths, moves, weddings, divorces, births; and what the registers say of it.

The household register agrees with every event here; contradictions are planted later, in ``trouble``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from lakehouse.sample_city.clock import TODAY_DAY, YEAR, Days, day
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.people import CHILD, HEAD, PARENT, SPOUSE, Mask, Population

UNMARRIED, MARRIED, FIRST_MARRIAGE, REMARRIED, WIDOWED, DIVORCED = "10", "20", "21", "22", "30", "40"
NORMAL, MOVED_OUT, DECEASED = "1", "2", "3"
WEDDING, DIVORCE, REISSUE = "1", "2", "3"

FIRST_RECORD = day(date(2003, 10, 1))  # the marriage registration rules now in force began on this day
FIRST_DEATH = day(date(2024, 7, 1))
LAST_DEATH = day(date(2026, 6, 18))
LAST_WEDDING = day(date(2026, 6, 20))
NEW_WEDDINGS = np.array([day(date(2026, 6, d)) for d in (25, 26, 27, 28, 29)])
ENROLLED_BORN_UNTIL = day(date(2019, 12, 31))
ENROLLED_BORN_FROM = day(date(2007, 9, 1))


@dataclass
class Life:
    """Columns by resident row; ``weddings`` and other events refer to residents or migrants by their ID."""

    marital: np.ndarray
    status: np.ndarray
    death: Days
    events: pl.DataFrame  # kind, husband_id, husband_name, wife_id, wife_name, day (husband, wife: row or -1)


def live(dice: Dice, population: Population) -> Life:
    """Give every resident a marital status and a register status, and list the events behind them."""
    people = population.residents
    role, household = people["role"].to_numpy(), people["household"].to_numpy()
    age = (TODAY_DAY - people["birth"].to_numpy()) / YEAR
    partner = _partners(household, role)
    marital = _marital(dice, household, role, age, partner)
    death = _deaths(dice, role, age)
    moved = (role == CHILD) & (age >= 19) & (age < 28) & dice.chance(0.03, len(role)) & (death < 0)
    status = np.where(death >= 0, DECEASED, np.where(moved, MOVED_OUT, NORMAL))
    bereaved = (partner >= 0) & (death[partner] >= 0) & (death < 0)
    events = _events(dice, population, partner, marital, death)
    marital[bereaved] = WIDOWED
    return Life(marital=marital, status=status, death=death, events=events)


def _partners(household: Ints, role: Ints) -> Ints:
    """Return for each resident the row of the husband or wife in the same household, or -1."""
    partner = np.full(len(role), -1, dtype=np.int64)
    spouse = np.flatnonzero(role == SPOUSE)
    partner[spouse], partner[spouse - 1] = spouse - 1, spouse
    second = np.flatnonzero((role[1:] == PARENT) & (role[:-1] == PARENT) & (household[1:] == household[:-1])) + 1
    partner[second], partner[second - 1] = second - 1, second
    return partner


def _marital(dice: Dice, household: Ints, role: Ints, age: np.ndarray, partner: Ints) -> np.ndarray:
    count = len(role)
    children = np.bincount(household[role == CHILD], minlength=int(household[-1]) + 1)[household]
    chance = dice.rng.random(count)
    single = np.select(
        [age < 26, age < 62],
        [UNMARRIED, np.where(chance < 0.45, UNMARRIED, np.where(chance < 0.92, DIVORCED, WIDOWED))],
        np.where(chance < 0.1, UNMARRIED, np.where(chance < 0.35, DIVORCED, WIDOWED)),
    )
    parent = np.where(chance < 0.7, DIVORCED, WIDOWED)
    married = np.where(chance < 0.8, FIRST_MARRIAGE, np.where(chance < 0.9, REMARRIED, MARRIED))
    alone = np.where((role == HEAD) & (children > 0), parent, np.where(role == HEAD, single, UNMARRIED))
    alone = np.where(role == PARENT, WIDOWED, alone)
    return np.where(partner >= 0, married, alone).astype("U2")


def _deaths(dice: Dice, role: Ints, age: np.ndarray) -> Days:
    """Return the day of death or -1. Heads stay alive, so that every household keeps one."""
    weight = np.where((role != HEAD) & (age > 20), np.exp((age - 75) / 9), 0.0)
    dead = dice.weighted_sample(weight, max(6, round(len(role) * 0.012)))
    death = np.full(len(role), -1, dtype=np.int64)
    death[dead] = dice.integers(FIRST_DEATH, LAST_DEATH, len(dead))
    return death


def _events(dice: Dice, population: Population, partner: Ints, marital: np.ndarray, death: Days) -> pl.DataFrame:
    people = population.residents
    birth, sex = people["birth"].to_numpy(), people["sex"].to_numpy()
    role = people["role"].to_numpy()
    husband = np.flatnonzero((partner >= 0) & (sex == 1) & (role != PARENT))
    wife = partner[husband]
    wed = _wedding_days(dice, birth, husband, wife, death)
    newly = _newlyweds(dice, people, husband, wife, marital, death)
    wed[newly] = NEW_WEDDINGS[np.arange(len(newly)) % len(NEW_WEDDINGS)]
    recorded = (wed >= FIRST_RECORD) & ((death[husband] < 0) | (death[husband] > wed))
    recorded &= (death[wife] < 0) | (death[wife] > wed)
    couples = pl.DataFrame({"kind": WEDDING, "husband": husband, "wife": wife, "day": wed}).filter(recorded)
    again = couples.filter(pl.Series(dice.chance(0.03, len(couples))))
    again_day = dice.between(again["day"].to_numpy() + 30, np.full(len(again), FIRST_DEATH - 1))
    reissued = again.with_columns(kind=pl.lit(REISSUE), day=pl.Series(again_day, dtype=pl.Int64))
    reissued = reissued.filter(pl.col("day") < FIRST_DEATH)
    parted = _divorces(dice, birth, sex, marital)
    earlier = _earlier_marriages(dice, couples, marital)
    rows = pl.concat([couples, reissued, parted, earlier]).sort("day", "husband", "wife")
    return _with_names(dice, population, rows)


def _wedding_days(dice: Dice, birth: Days, husband: Ints, wife: Ints, death: Days) -> Days:
    legal = np.maximum(birth[husband] + round(22 * YEAR), birth[wife] + round(20 * YEAR)) + 30
    dead = (death[husband] >= 0) | (death[wife] >= 0)
    last = np.where(dead, FIRST_DEATH - 30, LAST_WEDDING)
    latest = np.maximum(last - dice.integers(0, 400, len(legal)), legal)
    wed: Days = np.minimum(legal + dice.integers(0, round(6 * YEAR), len(legal)), latest)
    return wed


def _newlyweds(dice: Dice, people: pl.DataFrame, husband: Ints, wife: Ints, marital: np.ndarray, death: Days) -> Ints:
    """Choose couples without children who married in the last days, so that every day's delivery has a few."""
    household, role = people["household"].to_numpy(), people["role"].to_numpy()
    children = np.bincount(household[role == CHILD], minlength=int(household[-1]) + 1)[household]
    fresh = (children[husband] == 0) & (marital[husband] == FIRST_MARRIAGE) & (marital[wife] == FIRST_MARRIAGE)
    fresh &= (death[husband] < 0) & (death[wife] < 0)
    candidates = np.flatnonzero(fresh)
    return dice.sample(candidates, min(3 * len(NEW_WEDDINGS), len(candidates) // 2))


def _divorces(dice: Dice, birth: Days, sex: Ints, marital: np.ndarray) -> pl.DataFrame:
    """Pair divorced men and women by age: each pair has a wedding, long ago, and a divorce as the latest event."""
    pool = [np.flatnonzero((marital == DIVORCED) & (sex == number)) for number in (1, 2)]
    count = min(map(len, pool))
    husband, wife = (
        rows[np.argsort(birth[rows], kind="stable")][dice.sample(np.arange(len(rows)), count)] for rows in pool
    )
    legal = np.maximum(birth[husband] + round(22 * YEAR), birth[wife] + round(20 * YEAR)) + 30
    return _parted(dice, husband, wife, legal)


def _parted(dice: Dice, husband: Ints, wife: Ints, legal: Days) -> pl.DataFrame:
    wed = np.maximum(legal, FIRST_RECORD) + dice.integers(0, 1500, len(legal))
    end = wed + dice.integers(300, 3000, len(legal))
    possible = end <= LAST_WEDDING
    rows = [
        pl.DataFrame({"kind": kind, "husband": husband, "wife": wife, "day": days}).filter(pl.Series(possible))
        for kind, days in ((WEDDING, wed), (DIVORCE, end))
    ]
    return pl.concat(rows)


def _earlier_marriages(dice: Dice, couples: pl.DataFrame, marital: np.ndarray) -> pl.DataFrame:
    """Remarried husbands had a wife from elsewhere before; she is known to the marriage register only (row -1 - n)."""
    remarried = couples.filter(pl.Series(marital[couples["husband"].to_numpy()] == REMARRIED))
    end = remarried["day"].to_numpy() - dice.integers(200, 1500, len(remarried))
    wed = end - dice.integers(400, 2500, len(remarried))
    possible = wed >= FIRST_RECORD
    stranger = -1 - np.arange(len(remarried))
    rows = [
        pl.DataFrame({"kind": kind, "husband": remarried["husband"], "wife": stranger, "day": days}).filter(
            pl.Series(possible)
        )
        for kind, days in ((WEDDING, wed), (DIVORCE, end))
    ]
    return pl.concat(rows)


def _with_names(dice: Dice, population: Population, events: pl.DataFrame) -> pl.DataFrame:
    """Replace rows by IDs and names; a negative wife is one of the migrants (several events may share one)."""
    people = population.residents.select("resident_id", "person_name")
    women = population.migrants.filter(pl.col("sex") == 2).select("resident_id", "person_name")
    wife = events["wife"].to_numpy()
    both = pl.concat([people, women])
    wife_row = np.where(wife >= 0, wife, len(people) + (-1 - wife) % max(1, len(women)))
    husbands, wives = both[events["husband"].to_numpy()], both[wife_row]
    return events.with_columns(
        husbands["resident_id"].alias("husband_id"),
        husbands["person_name"].alias("husband_name"),
        wives["resident_id"].alias("wife_id"),
        wives["person_name"].alias("wife_name"),
    )


def enrolled(dice: Dice, population: Population, life: Life) -> Mask:
    """Tell who goes to school: everybody of compulsory age, and most of those in the last three grades."""
    birth = population.residents["birth"].to_numpy()
    pupil: Mask = (birth <= ENROLLED_BORN_UNTIL) & (birth >= ENROLLED_BORN_FROM) & (life.status == NORMAL)
    compulsory = birth >= day(date(2010, 1, 1))
    pupil &= compulsory | dice.chance(0.8, len(birth))
    return pupil
