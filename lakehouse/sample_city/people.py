"""Residents in households, and persons from elsewhere: who exists, with whom, and since when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from lakehouse.sample_city import names
from lakehouse.sample_city.clock import TODAY_DAY, YEAR, Days, dates, years
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.divisions import Divisions, birthplace_codes
from lakehouse.sample_city.identifiers import resident_ids, serial

HEAD, SPOUSE, CHILD, PARENT = 0, 1, 2, 3
# Roles of a household, its share of all households, youngest and oldest head.
FAMILIES: list[tuple[tuple[int, ...], float, int, int]] = [
    ((HEAD,), 0.20, 20, 92),
    ((HEAD, SPOUSE), 0.20, 24, 86),
    ((HEAD, SPOUSE, CHILD), 0.25, 25, 58),
    ((HEAD, SPOUSE, CHILD, CHILD), 0.13, 27, 55),
    ((HEAD, CHILD), 0.06, 25, 60),
    ((HEAD, SPOUSE, CHILD, PARENT, PARENT), 0.08, 28, 52),
    ((HEAD, SPOUSE, CHILD, CHILD, PARENT), 0.04, 30, 52),
    ((HEAD, PARENT), 0.04, 22, 60),
]
MEMBERS = 5
ETHNIC_SHARES = {"01": 0.984, "22": 0.006, "15": 0.002, "06": 0.002, "08": 0.002, "03": 0.002, "11": 0.001, "02": 0.001}

# County codes outside the city that are valid for every birth year used here, with the year they begin.
ELSEWHERE = np.array([341124, 360426, 411524, 421083, 430726, 510727, 520123, 320830, 370826, 410326])
ELSEWHERE_SINCE = 1998

Mask = npt.NDArray[np.bool_]


@dataclass
class Population:
    """Everybody. ``residents`` are on the household register, ``migrants`` known to single departments only, and
    ``spare`` persons to none: they become defective extra rows.

    Columns of all three: resident_id, person_name, sex (1, 2), birth (day), village (row of ``Divisions.villages``);
    residents also have household, role and ethnic, migrants and spare persons the area code of their ID.
    """

    residents: pl.DataFrame
    migrants: pl.DataFrame
    spare: pl.DataFrame
    households: int

    def adults(self, status: npt.NDArray[np.str_]) -> Ints:
        """Return the rows of residents between 20 and 75 whose register status is normal."""
        age = (TODAY_DAY - self.residents["birth"].to_numpy()) / YEAR
        return np.flatnonzero((age >= 20) & (age < 75) & (status == "1"))


def build_population(dice: Dice, divisions: Divisions, people: int, spares: int) -> Population:
    """Make ``people`` residents, migrants of about 7 % of that, and ``spares`` persons nobody refers to."""
    household, role, head_age = _families(dice, people)
    place = divisions.choose(dice, int(household[-1]) + 1)
    sex = _sexes(dice, household, role)
    birth = _births(dice, household, role, sex, head_age)
    family = pl.DataFrame({"household": household, "role": role, "sex": sex, "birth": birth})
    family = family.with_columns(pl.Series("village", place[household]))
    migrants = _strangers(dice, divisions, max(60, round(people * 0.07)), 1998)
    spare = _strangers(dice, divisions, spares, 2000)
    everybody = pl.concat([family.select("sex", "birth", "village"), migrants.drop("area"), spare.drop("area")])
    county = divisions.villages["county_number"].gather(everybody["village"]).to_numpy()
    birth_days = everybody["birth"].to_numpy()
    area = birthplace_codes(county, years(birth_days))
    first_migrant, first_spare = people, people + len(migrants)
    area[first_migrant:first_spare] = migrants["area"].to_numpy()
    ids = resident_ids(area, birth_days, everybody["sex"].to_numpy())
    family = family.with_columns(
        ids[:people].alias("resident_id"),
        _family_names(dice, family).alias("person_name"),
        dice.pick(list(ETHNIC_SHARES), people, list(ETHNIC_SHARES.values())).alias("ethnic"),
    )
    return Population(
        residents=family,
        migrants=_named(dice, migrants, ids[first_migrant:first_spare]),
        spare=_named(dice, spare, ids[first_spare:]),
        households=len(place),
    )


def _families(dice: Dice, people: int) -> tuple[Ints, Ints, Ints]:
    """Return household, role and the head's age for each of ``people`` rows; the last household may be cut short."""
    roles = np.full((len(FAMILIES), MEMBERS), -1)
    for row, (members, *_) in enumerate(FAMILIES):
        roles[row, : len(members)] = members
    kind = dice.index(len(FAMILIES), people, [share for _, share, *_ in FAMILIES])
    low, high = np.array([f[2] for f in FAMILIES]), np.array([f[3] for f in FAMILIES])
    age = low[kind] + np.floor((high - low)[kind] * dice.rng.beta(1.6, 2.0, people)).astype(np.int64)
    matrix = roles[kind]
    present = matrix >= 0
    rows = np.repeat(np.arange(people), present.sum(axis=1))[:people]
    return rows, matrix[present][:people], age[rows]


def _sexes(dice: Dice, household: Ints, role: Ints) -> Ints:
    """Heads are men two times in three, spouses the other sex, two parents in a household a man and a woman."""
    count = int(household[-1]) + 1
    head = np.where(dice.chance(0.68, count), 1, 2)[household]
    sex = np.where(dice.chance(0.515, len(role)), 1, 2)
    sex = np.where(role == HEAD, head, np.where(role == SPOUSE, 3 - head, sex))
    second = (role == PARENT) & _same_as_previous(household, role)
    first = np.roll(second, -1) & (role == PARENT)
    sex[first], sex[second] = 1, 2
    return sex.astype(np.int64)


def _same_as_previous(household: Ints, role: Ints) -> Mask:
    same: Mask = (household == np.roll(household, 1)) & (role == np.roll(role, 1))
    same[0] = False
    return same


def _births(dice: Dice, household: Ints, role: Ints, sex: Ints, head_age: Ints) -> Days:
    """Return birth days: spouses near the head's, children 21 to 38 years after the mother, parents a generation before."""
    size, count = len(role), int(household[-1]) + 1
    head = (TODAY_DAY - np.floor(head_age * YEAR) - dice.integers(0, 364, size)).astype(np.int64)
    head = head[np.searchsorted(household, np.arange(count))]
    gap = np.clip(dice.normal(900, size), -3000, 3000).astype(np.int64)
    youngest = TODAY_DAY - round(22.5 * YEAR) - dice.integers(0, 900, size)
    spouse = np.minimum(head[household] + gap, youngest)
    parent_of_children = head.copy()
    wife = (role == SPOUSE) & (sex == 2)
    parent_of_children[household[wife]] = spouse[wife]
    elder = parent_of_children[household]
    child = dice.between(elder + round(21 * YEAR), np.minimum(elder + round(38 * YEAR), TODAY_DAY - 40))
    second = (role == CHILD) & _same_as_previous(household, role)
    firstborn = np.roll(child, 1)
    later = firstborn + dice.integers(550, 2200, size)
    earlier = np.maximum(firstborn - dice.integers(550, 1500, size), elder + round(19 * YEAR))
    child = np.where(second, np.where(later < TODAY_DAY - 40, later, earlier), child)
    parent = head[household] - dice.integers(round(22 * YEAR), round(32 * YEAR), size)
    return np.select([role == HEAD, role == SPOUSE, role == CHILD], [head[household], spouse, child], parent)


def _family_names(dice: Dice, family: pl.DataFrame) -> pl.Series:
    """Children take the father's family name (the head's where there is no father), a male parent has the head's."""
    count = len(family)
    household, role, sex = (family[c].to_numpy() for c in ("household", "role", "sex"))
    own = names.surnames(dice, count)
    first = np.searchsorted(household, household)
    source = np.arange(count)
    father_row = first.copy()
    husband = (role == SPOUSE) & (sex == 1)
    father_of = np.searchsorted(household, np.arange(int(household[-1]) + 1))
    father_of[household[husband]] = np.flatnonzero(husband)
    father_row = father_of[household]
    source = np.where(role == CHILD, father_row, source)
    source = np.where((role == PARENT) & (sex == 1), first, source)
    return own.gather(source) + names.given_names(dice, sex)


def _strangers(dice: Dice, divisions: Divisions, count: int, latest_year: int) -> pl.DataFrame:
    """Return grown-up persons with a place in the city where they stay and an area code from elsewhere."""
    area = ELSEWHERE[dice.index(len(ELSEWHERE), count)]
    first = (ELSEWHERE_SINCE - 1970) * round(YEAR) + 400
    birth = dice.integers(first, first + 3600, count)
    return pl.DataFrame(
        {
            "sex": np.where(dice.chance(0.55, count), 1, 2).astype(np.int64),
            "birth": birth,
            "village": divisions.choose(dice, count),
            "area": area,
        }
    )


def _named(dice: Dice, persons: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    surname = names.surnames(dice, len(persons))
    given = names.given_names(dice, persons["sex"].to_numpy())
    return persons.with_columns(ids.alias("resident_id"), (surname + given).alias("person_name"))


def household_ids(numbers: npt.ArrayLike) -> pl.Series:
    """Return 12-character household numbers."""
    return serial("3301", np.asarray(numbers) + 1, 8)


def birth_dates(persons: pl.DataFrame) -> pl.Series:
    """Return the birth day column as dates."""
    return dates(persons["birth"].to_numpy())
