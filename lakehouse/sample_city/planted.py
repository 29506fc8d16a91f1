"""Contradictions between departments and entities that one of them lacks: chosen before the resources are made.

Everything not chosen here agrees in every department, so that the plain SQL of the facts finds these and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from lakehouse.sample_city.clock import TODAY_DAY, YEAR, day
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.firms import ACTIVE, CANCELLED, Firms
from lakehouse.sample_city.life import NORMAL, WEDDING, Life
from lakehouse.sample_city.people import Mask, Population

# Clearly of school age on any day near the city's today: the exact age limits are 7 and 14.
SCHOOL_BORN_FROM, SCHOOL_BORN_UNTIL = day(date(2013, 1, 1)), day(date(2017, 12, 31))
PEOPLE_A_CASE = 2_500  # one contradiction of a sort for so many people, at least one


@dataclass(frozen=True)
class Planted:
    """Rows of residents or firms that carry a planted contradiction or lack."""

    dead_but_registered: Ints
    dead_but_insured: Ints
    unmarried_on_register: Ints
    name_differs_in_insurance: Ints
    name_differs_in_medical: Ints
    firm_name_differs: Ints
    firm_status_differs: Ints
    firm_without_tax: Ints
    not_enrolled: Ints
    mothers_of_unregistered: Ints

    @property
    def resident_rows(self) -> Ints:
        """Return the residents in whose own register row something is planted."""
        return np.concatenate(
            [
                self.dead_but_registered,
                self.dead_but_insured,
                self.unmarried_on_register,
                self.name_differs_in_insurance,
                self.name_differs_in_medical,
                self.not_enrolled,
                self.mothers_of_unregistered,
            ]
        )

    @property
    def firm_rows(self) -> Ints:
        """Return the firms with something planted."""
        return np.concatenate([self.firm_name_differs, self.firm_status_differs, self.firm_without_tax])


def choose_planted(dice: Dice, population: Population, life: Life, firms: Firms, enrolled: Mask) -> Planted:
    """Choose who contradicts; no person and no firm carries two."""
    count = max(1, round(len(population.residents) / PEOPLE_A_CASE))
    birth, sex = (population.residents[c].to_numpy() for c in ("birth", "sex"))
    free = np.ones(len(birth), dtype=bool)

    def take(candidates: Mask, wanted: int) -> Ints:
        rows = dice.sample(np.flatnonzero(candidates & free), wanted)
        free[rows] = False
        return rows

    dead, normal = life.death >= 0, life.status == NORMAL
    age = (TODAY_DAY - birth) / YEAR
    grown = normal & (age >= 20) & (age < 60)
    active, cancelled = firms.rows(ACTIVE), firms.rows(CANCELLED)
    firm_count = max(1, min(count, len(active) // 6))
    names, untaxed = np.split(dice.sample(active, 2 * firm_count)[dice.rng.permutation(2 * firm_count)], 2)
    return Planted(
        dead_but_registered=take(dead, count),
        dead_but_insured=take(dead & (age < 90), count),
        unmarried_on_register=take(_just_married(population, life) & normal, count),
        name_differs_in_insurance=take(grown, count),
        name_differs_in_medical=take(grown, count),
        firm_name_differs=np.sort(names),
        firm_status_differs=dice.sample(cancelled, min(count, len(cancelled) // 2)),
        firm_without_tax=np.sort(untaxed),
        not_enrolled=take(enrolled & (birth >= SCHOOL_BORN_FROM) & (birth <= SCHOOL_BORN_UNTIL), count),
        mothers_of_unregistered=take(normal & (sex == 2) & (age >= 23) & (age < 42), count),
    )


def _just_married(population: Population, life: Life) -> Mask:
    """Residents whose latest event is a wedding to a living partner."""
    rows = pl.concat(
        [life.events.select("kind", "day", pl.col(side).alias("row")) for side in ("husband", "wife")]
    ).filter(pl.col("row") >= 0)
    latest = rows.sort("day").group_by("row", maintain_order=True).last().filter(pl.col("kind") == WEDDING)
    mask = np.zeros(len(population.residents), dtype=bool)
    mask[latest["row"].to_numpy()] = True
    return mask & np.isin(life.marital, ["20", "21", "22"]) & (life.death < 0)
