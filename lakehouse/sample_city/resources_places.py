"""Rows about places and things: divisions, addresses, houses, deeds, vehicles, street furniture, devices."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from lakehouse.sample_city.clock import DAY_SECONDS, dates, day, moments
from lakehouse.sample_city.dice import Dice, Floats, Ints
from lakehouse.sample_city.identifiers import plates, serial, vins
from lakehouse.sample_city.life import NORMAL
from lakehouse.sample_city.people import HEAD, SPOUSE
from lakehouse.sample_city.places import DEVICE_METRICS, address_ids, component_codes, device_ids, institution_ids, near
from lakehouse.sample_city.resource import ResourceRows, constant, decimal_text, numbered
from lakehouse.sample_city.resources_people import update_times
from lakehouse.sample_city.schedule import MONTHLY, QUARTERLY, REALTIME
from lakehouse.sample_city.world import World

READINGS_A_DAY = 24
METRIC_RANGES = {
    "PM25": (4.0, 90.0), "PM10": (8.0, 140.0), "O3": (10.0, 210.0), "NO2": (4.0, 80.0),
    "PH": (6.2, 8.9), "DO": (3.0, 12.0), "LAEQ": (38.0, 78.0),
}  # fmt: skip


def division(world: World) -> ResourceRows:
    """dsjj.division: every code in force, and the county codes that ended."""

    def unused(count: int) -> pl.DataFrame:
        codes = serial("330199", np.arange(100, 100 + count), 6)
        return pl.DataFrame({"division_code": codes})

    table = world.divisions.table
    return ResourceRows("dsjj.division", table, unused, variant="division_name")


def address(world: World) -> ResourceRows:
    """zrzy.address: standard addresses with their point."""
    dice, places = world.dice("zrzy.address"), world.places.address
    count = len(places)
    published = MONTHLY.spread(
        dice, dice.integers(day(date(2015, 1, 1)), day(MONTHLY.first), count), per_day=max(5, count // 200)
    )
    columns = ("address_id", "address_text", "division_code", "longitude", "latitude")
    frame = places.select(columns).with_columns(dates(published).alias("published_on"))
    return ResourceRows("zrzy.address", frame, numbered("address_id", address_ids, count), variant="address_text")


def house_ids(numbers: Ints) -> pl.Series:
    """Return house codes."""
    return serial("3301FW", numbers + 1, 12)


def house(world: World) -> ResourceRows:
    """zjj.house: one house an address, most of them dwellings."""
    dice, places = world.dice("zjj.house"), world.places.address
    count = len(places)
    longitude, latitude = near(dice, places["longitude"].to_numpy(), places["latitude"].to_numpy())
    dwelling = pl.Series(np.arange(count) < world.population.households)
    other = dice.pick(["20", "30", "40", "50", "80"], count, [0.15, 0.4, 0.25, 0.15, 0.05])
    surveyed = dice.integers(day(date(2016, 1, 1)), day(MONTHLY.first), count)
    frame = pl.DataFrame(
        {
            "house_id": house_ids(np.arange(count)),
            "address_id": places["address_id"],
            "usage_code": constant("10", count).zip_with(dwelling, other),
            "floor_area": decimal_text(dice.integers(3_500, 21_000, count)),
            "built_year": dice.integers(1965, 2024, count),
            "longitude": longitude,
            "latitude": latitude,
            "surveyed_on": dates(MONTHLY.spread(dice, surveyed, per_day=max(5, count // 200))),
        }
    )
    return ResourceRows("zjj.house", frame, numbered("house_id", house_ids, count), variant="floor_area")


def deed_numbers(numbers: Ints) -> pl.Series:
    """Return certificate numbers of real estate."""
    return constant("浙(2026)示例市不动产权第", len(numbers)) + serial("", numbers + 1, 8)


def real_estate(world: World) -> ResourceRows:
    """zrzy.real_estate: two households in three own their house, one in five of them by halves."""
    dice, people = world.dice("zrzy.real_estate"), world.population.residents
    role, home = people["role"].to_numpy(), people["household"].to_numpy()
    normal = world.life.status == NORMAL
    owning = dice.chance(0.65, world.population.households)
    couple = np.zeros(world.population.households, dtype=bool)
    couple[home[(role == SPOUSE) & normal]] = True
    halves = couple & dice.chance(0.3, world.population.households)
    owner = np.flatnonzero(owning[home] & normal & ((role == HEAD) | ((role == SPOUSE) & halves[home])))
    count = len(owner)
    registered = dice.integers(day(date(2005, 1, 1)), day(date(2026, 6, 20)), world.population.households)[home[owner]]
    frame = pl.DataFrame(
        {
            "certificate_no": deed_numbers(np.arange(count)),
            "house_id": house_ids(home[owner]),
            "owner_resident_id": people["resident_id"].gather(owner),
            "owner_name": people["person_name"].gather(owner),
            "share_ratio": decimal_text(np.where(halves[home[owner]], 5_000, 10_000), 4),
            "registered_on": dates(registered),
            "updated_at": update_times(dice, registered),
        }
    )
    fresh = numbered("certificate_no", deed_numbers, count)
    return ResourceRows("zrzy.real_estate", frame, fresh, variant="owner_name")


def _plates(numbers: Ints) -> pl.Series:
    return plates(numbers, numbers % 4 == 3)


def vehicle(world: World) -> ResourceRows:
    """gaj.vehicle: about one for four residents, each with a living owner."""
    dice, people = world.dice("gaj.vehicle"), world.population.residents
    count = max(40, world.people // 4)
    owner = world.adults[dice.index(len(world.adults), count)]
    registered = dice.integers(day(date(2008, 1, 1)), day(date(2026, 6, 15)), count)
    frame = pl.DataFrame(
        {
            "plate_no": _plates(np.arange(count)),
            "vehicle_type_code": dice.pick(["K33", "K32", "H31", "M21"], count, [0.62, 0.22, 0.1, 0.06]),
            "owner_resident_id": people["resident_id"].gather(owner),
            "vin": vins(np.arange(count)),
            "registered_on": dates(registered),
            "updated_at": update_times(dice, registered),
        }
    )
    return ResourceRows("gaj.vehicle", frame, numbered("plate_no", _plates, count), variant="vin")


def medical_institution(world: World) -> ResourceRows:
    """wjw.medical_institution: hospitals and surgeries."""
    dice, places = world.dice("wjw.medical_institution"), world.places.institution
    beds = {"30": 900, "20": 350, "10": 40, "90": 0}
    base = np.array([beds[level] for level in places["level"]])
    frame = pl.DataFrame(
        {
            "institution_id": places["institution_id"],
            "institution_name": places["name"],
            "credit_code": places["credit_code"],
            "level_code": places["level"],
            "bed_count": base + dice.integers(0, 60, len(places)) * (base > 0),
            "longitude": places["longitude"],
            "latitude": places["latitude"],
        }
    )
    fresh = numbered("institution_id", institution_ids, len(places))
    return ResourceRows("wjw.medical_institution", frame, fresh, variant="bed_count")


def component(world: World) -> ResourceRows:
    """cgj.component: street furniture; the last twentieth is surveyed for the delivery whose columns have drifted."""
    dice, places = world.dice("cgj.component"), world.places.component
    count = len(places)
    surveyed = dice.integers(day(date(2021, 1, 1)), day(MONTHLY.first), count)
    surveyed = MONTHLY.spread(dice, surveyed, per_day=max(5, count // 40))
    frame = pl.DataFrame(
        {
            "component_code": places["component_code"],
            "component_kind_code": places["kind"],
            "owner_dept_code": dice.pick(["cgj", "zjj", "gaj", "sthj"], count, [0.6, 0.2, 0.1, 0.1]),
            "division_code": world.divisions.villages["division_code"].gather(places["village"]),
            "longitude": places["longitude"],
            "latitude": places["latitude"],
            "is_working": dice.chance(0.95, count),
            "surveyed_on": dates(surveyed),
        }
    )
    return ResourceRows(
        "cgj.component", frame, numbered("component_code", lamp_codes, count), variant="owner_dept_code"
    )


def lamp_codes(numbers: Ints) -> pl.Series:
    """Return component codes of further street lamps."""
    return component_codes(np.full(len(numbers), 330106, dtype=np.int64), constant("0110", len(numbers)), numbers)


def case_numbers(numbers: Ints) -> pl.Series:
    """Return case numbers."""
    return serial("CG2026", numbers + 1, 9)


def case(world: World) -> ResourceRows:
    """cgj.case: reports from the street; half of them are about a known component."""
    dice, places = world.dice("cgj.case"), world.places.component
    count = max(150, world.people // 15)
    components = component(world).frame
    stable = np.flatnonzero((components["surveyed_on"] <= MONTHLY.data_dates[-2]).to_numpy())
    about = stable[dice.index(len(stable), count)]
    known = pl.Series(dice.chance(0.5, count))
    longitude, latitude = near(dice, places["longitude"].to_numpy()[about], places["latitude"].to_numpy()[about])
    reported = dice.integers(day(date(2026, 1, 1)) * DAY_SECONDS, day(date(2026, 6, 28)) * DAY_SECONDS, count)
    stage = dice.index(5, count, [0.04, 0.05, 0.08, 0.08, 0.75]) + 1
    took = dice.integers(1_800, 6 * DAY_SECONDS, count)
    closed = pl.Series(stage == 5)
    ended = np.minimum(reported + took, day(date(2026, 6, 29)) * DAY_SECONDS)
    frame = pl.DataFrame(
        {
            "case_no": case_numbers(np.arange(count)),
            "case_kind_code": dice.pick(world.codes("case_kind"), count),
            "component_code": components["component_code"]
            .gather(about)
            .zip_with(known, pl.Series([None], dtype=pl.String).new_from_index(0, count)),
            "division_code": components["division_code"].gather(about),
            "longitude": longitude,
            "latitude": latitude,
            "stage_code": pl.Series(stage).cast(pl.String),
            "reported_at": moments(reported),
            "closed_at": moments(ended).zip_with(
                closed, pl.Series([None]).cast(pl.Datetime("ms")).new_from_index(0, count)
            ),
            "updated_at": moments(ended),
        }
    )
    return ResourceRows("cgj.case", frame, numbered("case_no", case_numbers, count), variant="case_kind_code")


def device(world: World) -> ResourceRows:
    """sthj.device: measuring stations."""
    dice, places = world.dice("sthj.device"), world.places.device
    count = len(places)
    frame = pl.DataFrame(
        {
            "device_id": places["device_id"],
            "device_kind_code": places["kind"],
            "division_code": world.divisions.villages["division_code"].gather(places["village"]),
            "longitude": places["longitude"],
            "latitude": places["latitude"],
            "installed_on": dates(dice.integers(day(date(2017, 1, 1)), day(QUARTERLY.first), count)),
        }
    )
    fresh = numbered("device_id", lambda n: device_ids(constant("01", len(n)), n), count)
    return ResourceRows("sthj.device", frame, fresh, variant="installed_on")


def device_reading(world: World) -> ResourceRows:
    """sthj.device_reading: a value an hour, of every metric of every device, on each day of the schedule."""
    dice, devices = world.dice("sthj.device_reading"), world.places.device
    pairs = [(i, metric) for i, kind in enumerate(devices["kind"]) for metric in DEVICE_METRICS[kind]]
    days = [REALTIME.data_dates[0] - timedelta(days=1), *REALTIME.data_dates]
    hours = np.array([day(d) * DAY_SECONDS + h * 3600 for d in days for h in range(READINGS_A_DAY)])
    device_row = np.tile([i for i, _ in pairs], len(hours))
    metric = pl.Series([m for _, m in pairs]).gather(np.tile(np.arange(len(pairs)), len(hours)))
    measured = np.repeat(hours, len(pairs))
    frame = pl.DataFrame(
        {
            "device_id": devices["device_id"].gather(device_row),
            "metric_code": metric,
            "measured_at": moments(measured),
            "value": _values(dice, metric, measured),
        }
    )
    first_device, first_metric = devices["device_id"][0], frame["metric_code"][0]

    def fresh(count: int) -> pl.DataFrame:
        odd_minutes = hours[0] + 60 + np.arange(count) * 60 + np.arange(count) // 58 * 120
        ids, metrics = constant(first_device, count), constant(first_metric, count)
        return pl.DataFrame({"device_id": ids, "metric_code": metrics, "measured_at": moments(odd_minutes)})

    return ResourceRows("sthj.device_reading", frame, fresh, variant="value")


def _values(dice: Dice, metric: pl.Series, measured: Ints) -> Floats:
    low = metric.replace_strict({m: r[0] for m, r in METRIC_RANGES.items()}).to_numpy()
    high = metric.replace_strict({m: r[1] for m, r in METRIC_RANGES.items()}).to_numpy()
    wave = 0.5 + 0.3 * np.sin(2 * np.pi * (measured % DAY_SECONDS) / DAY_SECONDS) + dice.normal(0.08, len(measured))
    values: Floats = np.round(low + (high - low) * np.clip(wave, 0.0, 1.0), 1)
    return values
