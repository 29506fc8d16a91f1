"""Addresses, houses, schools, hospitals, street furniture and measuring stations: where things are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lakehouse.sample_city.dice import Dice, Floats, Ints
from lakehouse.sample_city.divisions import Divisions
from lakehouse.sample_city.identifiers import credit_codes, digits, serial, text
from lakehouse.sample_city.names import ROADS
from lakehouse.sample_city.people import Population

DEVICE_METRICS = {"01": ("PM25", "PM10", "O3", "NO2"), "02": ("PH", "DO"), "03": ("LAEQ",)}
SCHOOL_KINDS = (("21", "小学"), ("31", "初级中学"), ("34", "高级中学"), ("33", "九年一贯制学校"))


@dataclass
class Places:
    """Frames with a ``village`` row each: ``address`` (first those of the households), ``school`` …"""

    address: pl.DataFrame  # address_id, address_text, division_code, longitude, latitude, village
    school: pl.DataFrame  # school_id, kind, name, village
    institution: pl.DataFrame  # institution_id, name, credit_code, village
    component: pl.DataFrame  # component_code, kind, village, longitude, latitude
    device: pl.DataFrame  # device_id, kind, village, longitude, latitude


def build_places(dice: Dice, divisions: Divisions, population: Population) -> Places:
    """Place everything; each household has an address of its own, and one address in six belongs to no household."""
    people = len(population.residents)
    home = population.residents.group_by("household", maintain_order=True).first()["village"].to_numpy()
    other = divisions.choose(dice, max(30, population.households // 6))
    return Places(
        address=_addresses(dice, divisions, np.concatenate([home, other])),
        school=_schools(dice, divisions, people),
        institution=_institutions(dice, divisions, people),
        component=_components(dice, divisions, max(200, people // 12)),
        device=_devices(dice, divisions, 18 + people // 4000),
    )


def address_ids(numbers: Ints, division: pl.Series | None = None) -> pl.Series:
    """Return address codes: the division and a running number."""
    lead = division if division is not None else pl.Series(["330100000000"]).new_from_index(0, len(numbers))
    return lead + serial("", numbers + 1, 8)


def _addresses(dice: Dice, divisions: Divisions, village: Ints) -> pl.DataFrame:
    count = len(village)
    longitude, latitude = divisions.points(dice, village)
    place = divisions.villages[village]
    road = dice.pick(ROADS, count)
    number, building, unit = dice.integers(1, 399, count), dice.integers(1, 40, count), dice.integers(1, 4, count)
    room = dice.integers(1, 24, count) * 100 + dice.integers(1, 4, count)
    lettered = pl.Series(dice.chance(0.004, count))
    parts = pl.DataFrame({"road": road, "number": number, "building": building, "unit": unit, "room": room})
    plain = parts.select(pl.format("{}{}号{}幢{}单元{}室", "road", "number", "building", "unit", "room")).to_series()
    # A few texts hold commas and quotes, as typed by hand: the CSV writer has to quote them.
    typed = parts.select(pl.format('{}{}号"嘉苑公寓",{}幢{}室', "road", "number", "building", "room")).to_series()
    prefix = pl.DataFrame({"county": place["county"], "town": place["town"]}).select(
        pl.format("示例市{}{}", "county", "town")
    )
    return pl.DataFrame(
        {
            "address_id": address_ids(np.arange(count), place["division_code"]),
            "address_text": prefix.to_series() + typed.zip_with(lettered, plain),
            "division_code": place["division_code"],
            "longitude": longitude,
            "latitude": latitude,
            "village": village,
        }
    )


def school_ids(numbers: Ints) -> pl.Series:
    """Return ten-digit school codes."""
    return serial("3133", numbers + 1, 6)


def _schools(dice: Dice, divisions: Divisions, people: int) -> pl.DataFrame:
    """Schools of four kinds; every kind is there at any size."""
    count = max(16, people // 1500)
    kind = np.arange(count) % 8
    kind = np.select([kind < 4, kind < 6, kind < 7], [0, 1, 2], 3)
    village = divisions.choose(dice, count)
    longitude, latitude = divisions.points(dice, village)
    town = divisions.villages[village]["town"].str.replace("街道$|镇$|乡$", "")
    label = pl.Series([SCHOOL_KINDS[k][1] for k in kind])
    nth = pl.Series(np.arange(count) // 8 + 1).cast(pl.String)
    return pl.DataFrame(
        {
            "school_id": school_ids(np.arange(count)),
            "kind": [SCHOOL_KINDS[k][0] for k in kind],
            "name": pl.DataFrame({"t": town, "n": nth, "l": label})
            .select(pl.format("{}第{}{}", "t", "n", "l"))
            .to_series(),
            "village": village,
            "longitude": longitude,
            "latitude": latitude,
        }
    )


def institution_ids(numbers: Ints) -> pl.Series:
    """Return twelve-character codes of medical institutions."""
    return serial("PDY3301", numbers + 1, 5)


def _institutions(dice: Dice, divisions: Divisions, people: int) -> pl.DataFrame:
    count = 18 + people // 4000
    village = divisions.choose(dice, count)
    longitude, latitude = divisions.points(dice, village)
    place = divisions.villages[village]
    level = dice.pick(["30", "20", "10", "90"], count, [0.08, 0.2, 0.5, 0.22])
    label = level.replace_strict({"30": "人民医院", "20": "中医医院", "10": "社区卫生服务中心", "90": "门诊部"})
    name = pl.DataFrame({"c": place["county"], "t": place["town"], "l": label}).select(
        pl.format("{}{}{}", "c", "t", "l")
    )
    return pl.DataFrame(
        {
            "institution_id": institution_ids(np.arange(count)),
            "name": name.to_series(),
            "credit_code": credit_codes("12", place["county_number"].to_numpy(), np.arange(count)),
            "level": level,
            "village": village,
            "longitude": longitude,
            "latitude": latitude,
        }
    )


def component_codes(county: Ints, kind: pl.Series, numbers: Ints) -> pl.Series:
    """Return component codes of GB/T 30428: division (6), kind (4), running number (6, here 8)."""
    return text(
        digits(county, 6), digits(kind.cast(pl.Int64).to_numpy(), 4), digits(numbers + 1, 8), count=len(numbers)
    )


def _components(dice: Dice, divisions: Divisions, count: int) -> pl.DataFrame:
    kinds = ["0101", "0102", "0103", "0110", "0201", "0302", "0401", "0501", "0601"]
    kind = dice.pick(kinds, count, [0.1, 0.12, 0.12, 0.2, 0.08, 0.06, 0.2, 0.07, 0.05])
    village = divisions.choose(dice, count)
    longitude, latitude = divisions.points(dice, village)
    county = divisions.villages["county_number"].gather(village).to_numpy()
    return pl.DataFrame(
        {
            "component_code": component_codes(county, kind, np.arange(count)),
            "kind": kind,
            "village": village,
            "longitude": longitude,
            "latitude": latitude,
        }
    )


def device_ids(kind: pl.Series, numbers: Ints) -> pl.Series:
    """Return device codes: ``HJ``, kind, running number."""
    return pl.Series(["HJ"]).new_from_index(0, len(numbers)) + kind + serial("3301", numbers + 1, 6)


def _devices(dice: Dice, divisions: Divisions, count: int) -> pl.DataFrame:
    kind = pl.Series(list(DEVICE_METRICS)).gather(np.arange(count) % len(DEVICE_METRICS))
    village = divisions.choose(dice, count)
    longitude, latitude = divisions.points(dice, village)
    return pl.DataFrame(
        {
            "device_id": device_ids(kind, np.arange(count)),
            "kind": kind,
            "village": village,
            "longitude": longitude,
            "latitude": latitude,
        }
    )


def near(dice: Dice, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Return points within some thirty metres."""
    count = len(longitude)
    return np.round(longitude + dice.uniform(-3e-4, 3e-4, count), 6), np.round(
        latitude + dice.uniform(-3e-4, 3e-4, count), 6
    )
