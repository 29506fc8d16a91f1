"""The real divisions of the city, from city to village, and where the sample city puts them on the map."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.contract.vocabulary import Bounds
from lakehouse.sample_city.dice import Dice, Floats, Ints

DATA = Path(__file__).parent / "data" / "divisions_330100.csv"
WIDTH = 12
LEVEL_OF_DIGITS = {6: 3, 9: 4, 12: 5}
CITY_CODE = "330100"

# Rough centre (degrees), radius (degrees) and share of the population of each county; only the codes are exact.
CENTRES: dict[str, tuple[float, float, float, float]] = {
    "330102": (120.19, 30.25, 0.05, 0.11),
    "330105": (120.15, 30.32, 0.05, 0.10),
    "330106": (120.07, 30.22, 0.08, 0.10),
    "330108": (120.19, 30.18, 0.04, 0.05),
    "330109": (120.33, 30.10, 0.15, 0.16),
    "330110": (119.95, 30.35, 0.13, 0.11),
    "330111": (119.85, 30.00, 0.16, 0.07),
    "330112": (119.45, 30.22, 0.22, 0.06),
    "330113": (120.27, 30.43, 0.07, 0.09),
    "330114": (120.47, 30.29, 0.09, 0.06),
    "330122": (119.60, 29.82, 0.16, 0.04),
    "330127": (118.95, 29.60, 0.24, 0.03),
    "330182": (119.35, 29.45, 0.18, 0.04),
}
EDGE = 0.01  # keeps every synthetic point clear of the city's bounding box


@dataclass(frozen=True)
class Divisions:
    """All codes of the city: ``table`` is the contract's rows, ``villages`` those in force that people live in."""

    table: pl.DataFrame
    villages: pl.DataFrame
    weights: Floats
    bounds: Bounds

    @cached_property
    def ended(self) -> list[str]:
        """Codes that are no longer in force."""
        return self.table.filter(pl.col("valid_until").is_not_null())["division_code"].to_list()

    @cached_property
    def known(self) -> set[str]:
        """Every code there is or was."""
        return set(self.table["division_code"].to_list())

    def choose(self, dice: Dice, count: int) -> Ints:
        """Draw rows of ``villages`` by population."""
        return dice.index(len(self.villages), count, self.weights)

    def points(self, dice: Dice, village: Ints, spread: float = 0.004) -> tuple[Floats, Floats]:
        """Return longitudes and latitudes near each village, inside the city."""
        longitude = self.villages["longitude"].gather(village).to_numpy() + dice.normal(spread, len(village))
        latitude = self.villages["latitude"].gather(village).to_numpy() + dice.normal(spread, len(village))
        return clip(longitude, self.bounds.west, self.bounds.east), clip(latitude, self.bounds.south, self.bounds.north)


def clip(values: Floats, low: float, high: float) -> Floats:
    """Round to six places (about 0.1 m) and keep clear of both bounds."""
    inside: Floats = np.clip(values, low + EDGE, high - EDGE).astype(np.float64)
    rounded: Floats = inside.round(6)
    return rounded


def load_divisions(dice: Dice, bounds: Bounds) -> Divisions:
    """Read the codes and give each township and village a synthetic place in its county."""
    with DATA.open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    span = {r["code"]: (r["valid_from"], r["valid_until"]) for r in records if len(r["code"]) == 6}
    table = pl.DataFrame([_row(r, span) for r in records], schema=TABLE_SCHEMA, orient="row")
    table = table.with_columns(pl.col("valid_from", "valid_until").str.to_date("%Y-%m-%d"))
    return Divisions(table, *_place_villages(dice, table), bounds)


TABLE_SCHEMA = {
    "division_code": pl.String,
    "division_name": pl.String,
    "level_no": pl.Int64,
    "parent_code": pl.String,
    "valid_from": pl.String,
    "valid_until": pl.String,
}


def _row(record: dict[str, str], span: dict[str, tuple[str, str]]) -> tuple[str, str, int, str | None, str, str | None]:
    code = record["code"]
    first, last = span[code[:6]]
    if code == CITY_CODE:
        return code.ljust(WIDTH, "0"), record["name"], 2, None, first, None
    parent = {6: CITY_CODE, 9: code[:6], 12: code[:9]}[len(code)]
    level = LEVEL_OF_DIGITS[len(code)]
    return code.ljust(WIDTH, "0"), record["name"], level, parent.ljust(WIDTH, "0"), first, last or None


def _place_villages(dice: Dice, table: pl.DataFrame) -> tuple[pl.DataFrame, Floats]:
    villages = table.filter(pl.col("level_no") == 5).select(
        "division_code",
        pl.col("division_name").alias("village"),
        pl.col("division_code").str.head(9).alias("town_code"),
        pl.col("division_code").str.head(6).alias("county_code"),
    )
    names = dict(zip(table["division_code"], table["division_name"], strict=True))
    towns = villages["town_code"].unique(maintain_order=True)
    centre = np.array([CENTRES[code[:6]] for code in towns.to_list()])
    angle, distance = dice.uniform(0, 2 * np.pi, len(towns)), np.sqrt(dice.rng.random(len(towns)))
    town_weight = np.exp(dice.normal(0.6, len(towns)))
    row = _positions(towns, villages["town_code"])
    longitude = centre[:, 0] + centre[:, 2] * distance * np.cos(angle)
    latitude = centre[:, 1] + centre[:, 2] * distance * np.sin(angle) * 0.8
    weight = np.exp(dice.normal(0.5, len(villages))) * town_weight[row]
    share = centre[row, 3] / _totals(villages["county_code"], weight)
    placed = villages.with_columns(
        pl.Series("longitude", longitude[row] + dice.normal(0.008, len(villages))),
        pl.Series("latitude", latitude[row] + dice.normal(0.008, len(villages))),
        pl.Series("county", [names[code.ljust(WIDTH, "0")] for code in villages["county_code"]]),
        pl.Series("town", [names[code.ljust(WIDTH, "0")] for code in villages["town_code"]]),
        villages["county_code"].cast(pl.Int64).alias("county_number"),
    )
    return placed, weight * share


def _positions(values: pl.Series, wanted: pl.Series) -> npt.NDArray[np.int64]:
    order = {value: position for position, value in enumerate(values.to_list())}
    return np.array([order[value] for value in wanted.to_list()], dtype=np.int64)


def _totals(group: pl.Series, weight: Floats) -> Floats:
    frame = pl.DataFrame({"group": group, "weight": weight})
    return frame.select(pl.col("weight").sum().over("group")).to_series().to_numpy()


# (county, last year, area code): what GB/T 2260 called the place when its people were born. Codes that began later than
# the birth year would fail the place check of ``stdnum.cn.ric``, so earlier births fall back to a code of their time.
_BIRTHPLACE: dict[int, list[tuple[int, int]]] = {
    330102: [(1982, 330100), (9999, 330102)],
    330105: [(1982, 330100), (9999, 330105)],
    330106: [(1982, 330100), (9999, 330106)],
    330108: [(1982, 330100), (1995, 330106), (9999, 330108)],
    330109: [(1987, 330121), (1988, 330100), (2000, 330181), (9999, 330109)],
    330110: [(1993, 330125), (2000, 330184), (9999, 330110)],
    330111: [(1993, 330123), (2013, 330183), (9999, 330111)],
    330112: [(1995, 330124), (2016, 330185), (9999, 330112)],
    330113: [(1993, 330125), (2000, 330184), (9999, 330110)],
    330114: [(1982, 330100), (2020, 330104), (9999, 330109)],
    330122: [(9999, 330122)],
    330127: [(9999, 330127)],
    330182: [(1991, 330126), (9999, 330182)],
}


# Before 1983 the register keeps no code of the city's inner districts: their people came from the city or its counties.
_BEFORE_1983 = np.array([330100, 330121, 330123, 330124, 330125, 330126])


def birthplace_codes(county: Ints, year: Ints) -> Ints:
    """Return the area code that an ID of that county and birth year begins with."""
    result = county.copy()
    for code, spans in _BIRTHPLACE.items():
        here = county == code
        last = np.array([limit for limit, _ in spans])
        codes = np.array([area for _, area in spans])
        result[here] = codes[np.searchsorted(last, year[here], side="left")]
    inner = (result == 330100) & (year < 1983)
    result[inner] = _BEFORE_1983[np.flatnonzero(inner) % len(_BEFORE_1983)]
    return result
