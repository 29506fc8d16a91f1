"""Rows of the registers of persons: households, residents, permits, marriages, births and deaths."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from lakehouse.sample_city import names
from lakehouse.sample_city.clock import DAY_SECONDS, TODAY_DAY, YEAR, Days, dates, day, moments, years
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.identifiers import serial
from lakehouse.sample_city.life import NORMAL, UNMARRIED
from lakehouse.sample_city.people import CHILD, HEAD, SPOUSE, birth_dates, household_ids
from lakehouse.sample_city.resource import ResourceRows, constant, numbered
from lakehouse.sample_city.schedule import DAILY
from lakehouse.sample_city.world import World

FIRST_UPDATE = day(date(2016, 1, 1))
LAST_UPDATE = day(date(2026, 6, 28))
BIRTHS_SINCE = day(date(2020, 7, 1))
UNREGISTERED_BIRTHS = (day(date(2025, 9, 1)), day(date(2026, 5, 10)))  # certificates clearly older than 30 days
RECENT_BIRTHS = (day(date(2026, 6, 15)), day(date(2026, 6, 24)))  # too recent to be missed on the register
CAUSES = ("I21", "I63", "C34", "C16", "J44", "I10", "E11", "K74", "R54", "V89")


def update_times(dice: Dice, not_before: Days, last: int = LAST_UPDATE) -> pl.Series:
    """Return times of the latest change in a database, in office hours, never before the day given."""
    low = np.clip(not_before, FIRST_UPDATE, last)
    days = dice.between(low, np.full(len(low), last))
    return moments(days * DAY_SECONDS + dice.integers(8 * 3600, 18 * 3600, len(low)))


def phones(dice: Dice, count: int) -> pl.Series:
    """Return mobile numbers with a prefix of ``1900``."""
    return serial("1900", dice.integers(0, 9_999_999, count), 7)


def resident(world: World) -> ResourceRows:
    """gaj.resident: everybody on the household register, the dead and the departed included."""
    dice, people, life = world.dice("gaj.resident"), world.population.residents, world.life
    count = len(people)
    status, marital = life.status.copy(), life.marital.copy()
    status[world.planted.dead_but_registered] = NORMAL
    marital[world.planted.unmarried_on_register] = UNMARRIED
    household = people["household"].to_numpy()
    address = world.places.address[household]
    unstated = pl.Series(dice.chance(0.02, count) & (years(people["birth"].to_numpy()) > 2006))
    frame = pl.DataFrame(
        {
            "resident_id": people["resident_id"],
            "person_name": people["person_name"],
            "sex_code": people["sex"].cast(pl.String),
            "birth_date": dates(people["birth"].to_numpy()),
            "ethnic_code": people["ethnic"],
            "marital_status_code": pl.Series(marital.tolist(), dtype=pl.String).zip_with(
                ~unstated, pl.Series([None], dtype=pl.String).new_from_index(0, count)
            ),
            "household_id": household_ids(household),
            "relation_code": _relations(people),
            "division_code": address["division_code"],
            "address_text": address["address_text"],
            "phone": _phones_or_none(dice, people["birth"].to_numpy()),
            "registration_status_code": pl.Series(status.tolist(), dtype=pl.String),
            "updated_at": update_times(dice, np.maximum(people["birth"].to_numpy(), life.death) + 3),
        }
    )
    spare = world.population.spare
    return ResourceRows(
        "gaj.resident",
        frame,
        fresh=lambda n: spare.head(n).select(
            "resident_id", "person_name", sex_code=pl.col("sex").cast(pl.String), birth_date=birth_dates(spare.head(n))
        ),
        variant="phone",
        protected=world.planted.resident_rows,
    )


def _relations(people: pl.DataFrame) -> pl.Series:
    role, sex = people["role"].to_numpy(), people["sex"].to_numpy()
    child = np.where(sex == 1, "20", "30")
    codes = np.select([role == HEAD, role == SPOUSE, role == CHILD], ["01", "10", child], "50")
    return pl.Series(codes.tolist(), dtype=pl.String)


def _phones_or_none(dice: Dice, birth: Days) -> pl.Series:
    count = len(birth)
    known = ((TODAY_DAY - birth) / YEAR > 14) & dice.chance(0.93, count)
    return phones(dice, count).zip_with(pl.Series(known), pl.Series([None], dtype=pl.String).new_from_index(0, count))


def household(world: World) -> ResourceRows:
    """gaj.household: the head, the members alive and present, and the address."""
    dice, people = world.dice("gaj.household"), world.population.residents
    number = people["household"].to_numpy()
    heads = np.flatnonzero(people["role"].to_numpy() == HEAD)
    members = np.bincount(number[world.life.status == NORMAL], minlength=world.population.households)
    address = world.places.address[: world.population.households]
    frame = pl.DataFrame(
        {
            "household_id": household_ids(np.arange(world.population.households)),
            "head_resident_id": people["resident_id"].gather(heads),
            "member_count": np.maximum(members, 1),
            "address_id": address["address_id"],
            "division_code": address["division_code"],
            "updated_at": update_times(dice, np.full(len(heads), FIRST_UPDATE)),
        }
    )
    fresh = numbered("household_id", household_ids, world.population.households)
    return ResourceRows("gaj.household", frame, fresh, variant="member_count")


def permit_numbers(numbers: Ints) -> pl.Series:
    """Return residence permit numbers."""
    return serial("JZ3301", numbers + 1, 9)


def residence_permit(world: World) -> ResourceRows:
    """gaj.residence_permit: persons from elsewhere who live here."""
    dice, migrants = world.dice("gaj.residence_permit"), world.population.migrants
    count = len(migrants)
    since = dice.integers(day(date(2023, 1, 1)), day(DAILY.first), count)
    since = DAILY.spread(dice, since, per_day=4, late_too=True)
    frame = pl.DataFrame(
        {
            "permit_no": permit_numbers(np.arange(count)),
            "resident_id": migrants["resident_id"],
            "person_name": migrants["person_name"],
            "origin_division_code": migrants["area"].cast(pl.String) + constant("000000", count),
            "division_code": world.divisions.villages["division_code"].gather(migrants["village"]),
            "registered_on": dates(since),
            "valid_until": dates(since + 365 * dice.integers(1, 5, count)),
        }
    )
    return ResourceRows(
        "gaj.residence_permit", frame, numbered("permit_no", permit_numbers, count), variant="division_code"
    )


def marriage_numbers(numbers: Ints) -> pl.Series:
    """Return numbers of the marriage register."""
    return serial("J330100-2026-", numbers + 1, 7)


def marriage(world: World) -> ResourceRows:
    """mzj.marriage: weddings, divorces and certificates issued again."""
    events = world.life.events
    count = len(events)
    frame = pl.DataFrame(
        {
            "registration_no": marriage_numbers(np.arange(count)),
            "kind_code": events["kind"],
            "husband_resident_id": events["husband_id"],
            "husband_name": events["husband_name"],
            "wife_resident_id": events["wife_id"],
            "wife_name": events["wife_name"],
            "registered_on": dates(events["day"].to_numpy()),
        }
    )
    contradicted = np.isin(events["husband"], world.planted.unmarried_on_register)
    contradicted |= np.isin(events["wife"], world.planted.unmarried_on_register)
    return ResourceRows(
        "mzj.marriage",
        frame,
        numbered("registration_no", marriage_numbers, count),
        variant="wife_name",
        protected=np.flatnonzero(contradicted),
    )


def birth_numbers(numbers: Ints) -> pl.Series:
    """Return birth certificate numbers."""
    return serial("B33", numbers + 1, 9)


def birth(world: World) -> ResourceRows:
    """wjw.birth: children of resident mothers, of mothers from elsewhere, just born, and some never registered."""
    dice = world.dice("wjw.birth")
    parts = [_registered_births(world), _births_elsewhere(dice, world), *_unregistered_births(dice, world)]
    born = pl.concat(parts)
    count = len(born)
    issued = np.minimum(born["birth"].to_numpy() + dice.integers(1, 12, count), LAST_UPDATE)
    institution = world.places.institution
    frame = pl.DataFrame(
        {
            "certificate_no": birth_numbers(np.arange(count)),
            "child_name": born["name"],
            "sex_code": born["sex"].cast(pl.String),
            "birth_date": dates(born["birth"].to_numpy()),
            "mother_resident_id": born["mother"],
            "father_resident_id": born["father"],
            "weight_g": np.clip(3300 + dice.normal(420, count), 1200, 5200).astype(np.int64),
            "institution_id": institution["institution_id"].gather(dice.index(len(institution), count)),
            "issued_at": moments(issued * DAY_SECONDS + dice.integers(8 * 3600, 17 * 3600, count)),
        }
    )
    planted = len(parts[-1])
    return ResourceRows(
        "wjw.birth",
        frame,
        numbered("certificate_no", birth_numbers, count),
        variant="weight_g",
        protected=np.arange(count - planted, count),
    )


def _registered_births(world: World) -> pl.DataFrame:
    """Children on the register whose mother is alive in the same household."""
    people = world.population.residents.with_row_index("row").with_columns(
        pl.Series("status", world.life.status.tolist())
    )
    grown = people.filter(pl.col("role").is_in([HEAD, SPOUSE]) & (pl.col("status") == NORMAL))
    mothers = grown.filter(pl.col("sex") == 2).select("household", pl.col("resident_id").alias("mother"))
    fathers = grown.filter(pl.col("sex") == 1).select("household", pl.col("resident_id").alias("father"))
    children = people.filter(
        (pl.col("role") == CHILD) & (pl.col("birth") >= BIRTHS_SINCE) & (pl.col("status") == NORMAL)
    )
    joined = children.join(mothers, on="household", how="inner").join(fathers, on="household", how="left").sort("row")
    return joined.select(pl.col("person_name").alias("name"), "sex", "birth", "mother", "father")


def _births_elsewhere(dice: Dice, world: World) -> pl.DataFrame:
    women = world.population.migrants.filter(pl.col("sex") == 2)
    mothers = women[dice.sample(np.arange(len(women)), max(3, len(women) // 12))]
    return _newborn(dice, mothers, BIRTHS_SINCE, LAST_UPDATE - 40)


def _unregistered_births(dice: Dice, world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    people, planted = world.population.residents, world.planted.mothers_of_unregistered
    age = (TODAY_DAY - people["birth"].to_numpy()) / YEAR
    possible = (world.life.status == NORMAL) & (people["sex"].to_numpy() == 2) & (age > 23) & (age < 40)
    possible[planted] = False
    recent = people[dice.sample(np.flatnonzero(possible), max(2, len(people) // 2_000))]
    return _newborn(dice, recent, *RECENT_BIRTHS), _newborn(dice, people[planted], *UNREGISTERED_BIRTHS)


def _newborn(dice: Dice, mothers: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    count = len(mothers)
    sex = np.where(dice.chance(0.515, count), 1, 2).astype(np.int64)
    return pl.DataFrame(
        {
            # A name with the digit-like 一 first is in no list of given names: no sibling can have it.
            "name": names.surnames(dice, count) + constant("一", count) + names.given_names(dice, sex),
            "sex": sex,
            "birth": dice.integers(first, last, count),
            "mother": mothers["resident_id"],
            "father": pl.Series([None], dtype=pl.String).new_from_index(0, count),
        }
    )


def death_numbers(numbers: Ints) -> pl.Series:
    """Return death certificate numbers."""
    return serial("D3301", numbers + 1, 9)


def death(world: World) -> ResourceRows:
    """wjw.death: residents who died in the last two years, and a few persons from elsewhere."""
    dice, people = world.dice("wjw.death"), world.population.residents
    dead = np.flatnonzero(world.life.death >= 0)
    migrants = world.population.migrants
    others = migrants[dice.sample(np.arange(len(migrants)), max(12, len(migrants) // 150))]
    died = np.concatenate(
        [world.life.death[dead], dice.integers(day(date(2024, 7, 1)), day(DAILY.first) - 4, len(others))]
    )
    issued = died + dice.integers(0, 4, len(died))
    issued[len(dead) :] = DAILY.spread(dice, issued[len(dead) :], per_day=2)
    died = np.maximum(died, issued - 4)
    persons = pl.concat(
        [people[dead].select("resident_id", "person_name"), others.select("resident_id", "person_name")]
    )
    frame = pl.DataFrame(
        {
            "certificate_no": death_numbers(np.arange(len(died))),
            "resident_id": persons["resident_id"],
            "person_name": persons["person_name"],
            "death_date": dates(died),
            "cause_code": dice.pick(CAUSES, len(died)),
            "issued_on": dates(issued),
        }
    )
    planted = np.isin(dead, np.concatenate([world.planted.dead_but_registered, world.planted.dead_but_insured]))
    return ResourceRows(
        "wjw.death",
        frame,
        numbered("certificate_no", death_numbers, len(died)),
        variant="cause_code",
        protected=np.flatnonzero(planted),
    )
