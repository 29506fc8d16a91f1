"""Firms: what the market regulator registers, and what the other departments know of the same firms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from lakehouse.sample_city import names
from lakehouse.sample_city.clock import Days, day
from lakehouse.sample_city.dice import Dice, Floats, Ints
from lakehouse.sample_city.divisions import Divisions
from lakehouse.sample_city.identifiers import credit_codes
from lakehouse.sample_city.people import Population

ACTIVE, REVOKED, CANCELLED, MOVED = "1", "2", "3", "4"
INDUSTRY_SHARES = {
    "F": 0.32, "C": 0.13, "L": 0.1, "M": 0.08, "I": 0.08, "H": 0.09, "E": 0.07, "G": 0.03, "O": 0.03, "K": 0.02,
    "R": 0.02, "A": 0.01, "P": 0.01, "J": 0.005, "N": 0.005, "D": 0.003, "Q": 0.005, "B": 0.001,
}  # fmt: skip
FIRST_FIRM = day(date(1998, 1, 1))
LAST_FIRM = day(date(2026, 6, 10))
MIN_FIRMS = 60


@dataclass
class Firms:
    """``table``: credit_code, name, industry, status, established (day), village, representative (row of residents)."""

    table: pl.DataFrame
    size: Floats  # relative number of employees

    def credit_codes(self, first: int, count: int) -> pl.Series:
        """Return codes of firms that do not exist, from running number ``first`` on."""
        numbers = np.arange(first, first + count, dtype=np.int64)
        return credit_codes("91", np.full(count, 330106, dtype=np.int64), numbers)

    def rows(self, status: str = ACTIVE) -> Ints:
        """Return the rows of firms with a register status."""
        return np.flatnonzero(self.table["status"].to_numpy() == status)


def build_firms(dice: Dice, divisions: Divisions, population: Population, adults: Ints) -> Firms:
    """Make about 55 firms for 1,000 people; of each status there are some at any size."""
    count = max(MIN_FIRMS, round(len(population.residents) * 0.055))
    industry = dice.pick(list(INDUSTRY_SHARES), count, list(INDUSTRY_SHARES.values()))
    status = dice.pick([ACTIVE, REVOKED, CANCELLED, MOVED], count, [0.88, 0.02, 0.08, 0.02]).to_list()
    status[:12] = [CANCELLED, CANCELLED, CANCELLED, REVOKED, MOVED, *[ACTIVE] * 7]
    village = divisions.choose(dice, count)
    established: Days = dice.integers(FIRST_FIRM, LAST_FIRM, count)
    county = divisions.villages["county_number"].gather(village).to_numpy()
    # Later changes of a county code do not change a credit code; the newest codes are kept as they are.
    table = pl.DataFrame(
        {
            "credit_code": credit_codes("91", county, np.arange(count, dtype=np.int64)),
            "name": names.firm_names(dice, "示例市", industry),
            "industry": industry,
            "status": pl.Series(status, dtype=pl.String),
            "established": established,
            "village": village,
            "representative": adults[dice.index(len(adults), count)],
        }
    )
    return Firms(table, np.exp(dice.normal(1.2, count)))
