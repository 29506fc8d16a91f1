"""Rows about people's livelihood: insurance, allowances, schools, pupils and the hotline."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from lakehouse.sample_city import names
from lakehouse.sample_city.clock import DAY_SECONDS, TODAY_DAY, YEAR, dates, day, moments, years
from lakehouse.sample_city.dice import Ints
from lakehouse.sample_city.firms import ACTIVE
from lakehouse.sample_city.identifiers import serial
from lakehouse.sample_city.life import DECEASED, NORMAL
from lakehouse.sample_city.people import HEAD, Mask
from lakehouse.sample_city.places import school_ids
from lakehouse.sample_city.resource import ResourceRows, decimal_text, numbered
from lakehouse.sample_city.resources_people import phones, update_times
from lakehouse.sample_city.schedule import MONTHLY, REALTIME
from lakehouse.sample_city.world import World

PAYING, PAUSED, ENDED = "1", "2", "3"
INSURANCE_KINDS = (("110", 1.0), ("310", 0.55), ("410", 0.3))
EMPLOYEES, CITIZENS = "31", "39"


def insurance_numbers(numbers: Ints) -> pl.Series:
    """Return social insurance numbers."""
    return serial("SI3301", numbers + 1, 10)


def _employed(world: World) -> Mask:
    """Residents with a job now: the same set for both insurances."""
    dice, people = world.dice("employed"), world.population.residents
    age = (TODAY_DAY - people["birth"].to_numpy()) / YEAR
    employed: Mask = (world.life.status == NORMAL) & (age >= 20) & (age < 60) & dice.chance(0.62, len(people))
    employed[world.planted.name_differs_in_insurance] = True
    return employed


def social_insurance(world: World) -> ResourceRows:
    """rsj.social_insurance: one row a person and kind of insurance; the dead and the retired have ended."""
    dice, people, planted = world.dice("rsj.social_insurance"), world.population.residents, world.planted
    age = (TODAY_DAY - people["birth"].to_numpy()) / YEAR
    employed = _employed(world)
    retired = (world.life.status == NORMAL) & (age >= 60) & dice.chance(0.2, len(people))
    dead = (world.life.status == DECEASED) & dice.chance(0.5, len(people))
    dead[planted.dead_but_insured] = True
    rows, kinds = [], []
    for kind, share in INSURANCE_KINDS:
        chosen = np.flatnonzero((employed | retired | dead) & ((share == 1.0) | dice.chance(share, len(people))))
        rows.append(chosen)
        kinds.append(np.full(len(chosen), kind))
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    row, kind_codes = row[order], np.concatenate(kinds)[order]
    count = len(row)
    status = np.where(employed[row], np.where(dice.chance(0.05, count), PAUSED, PAYING), ENDED)
    status[np.isin(row, planted.dead_but_insured)] = PAYING
    firms = world.firms.rows(ACTIVE)
    employer = firms[dice.index(len(firms), len(people), world.firms.size[firms])]
    name = people["person_name"].gather(row)
    frame = pl.DataFrame(
        {
            "insurance_no": insurance_numbers(np.arange(count)),
            "resident_id": people["resident_id"].gather(row),
            "person_name": _with_misspelt(name, np.isin(row, planted.name_differs_in_insurance)),
            "employer_credit_code": world.firms.table["credit_code"].gather(employer[row]),
            "insurance_kind_code": pl.Series(kind_codes.tolist(), dtype=pl.String),
            "payment_base": decimal_text(dice.integers(481_200, 2_480_000, len(people))[row]),
            "status_code": pl.Series(status.tolist(), dtype=pl.String),
            "updated_at": update_times(dice, np.maximum(world.life.death[row], 0)),
        }
    )
    marked = np.concatenate([planted.name_differs_in_insurance, planted.dead_but_insured])
    return ResourceRows(
        "rsj.social_insurance",
        frame,
        numbered("insurance_no", insurance_numbers, count),
        variant="payment_base",
        protected=np.flatnonzero(np.isin(row, marked)),
    )


def _with_misspelt(name: pl.Series, wrong: Mask) -> pl.Series:
    rows = np.flatnonzero(wrong)
    return name.scatter(rows, names.misspelt(name.gather(rows))) if len(rows) else name


def medical_numbers(numbers: Ints) -> pl.Series:
    """Return medical insurance numbers."""
    return serial("YB3301", numbers + 1, 10)


def medical_insurance(world: World) -> ResourceRows:
    """ylbj.medical_insurance: nearly all residents, and half of those from elsewhere."""
    dice, people = world.dice("ylbj.medical_insurance"), world.population.residents
    insured = (world.life.status == NORMAL) & dice.chance(0.93, len(people))
    insured[world.planted.name_differs_in_medical] = True
    row = np.flatnonzero(insured)
    migrants = world.population.migrants
    guests = migrants[dice.sample(np.arange(len(migrants)), len(migrants) // 2)]
    count = len(row) + len(guests)
    wrong = np.isin(row, world.planted.name_differs_in_medical)
    scheme = np.concatenate([np.where(_employed(world)[row], EMPLOYEES, CITIZENS), np.full(len(guests), EMPLOYEES)])
    village = np.concatenate([people["village"].to_numpy()[row], guests["village"].to_numpy()])
    since = dice.integers(day(date(2008, 1, 1)), day(MONTHLY.first), count)
    born = np.concatenate([people["birth"].to_numpy()[row], guests["birth"].to_numpy()])
    since = MONTHLY.spread(
        dice, np.maximum(since, np.minimum(born + 20, day(MONTHLY.last))), per_day=max(6, count // 300)
    )
    frame = pl.DataFrame(
        {
            "insured_no": medical_numbers(np.arange(count)),
            "resident_id": pl.concat([people["resident_id"].gather(row), guests["resident_id"]]),
            "person_name": pl.concat([_with_misspelt(people["person_name"].gather(row), wrong), guests["person_name"]]),
            "scheme_code": pl.Series(scheme.tolist(), dtype=pl.String),
            "division_code": world.divisions.villages["division_code"].gather(village),
            "insured_on": dates(since),
        }
    )
    return ResourceRows(
        "ylbj.medical_insurance",
        frame,
        numbered("insured_no", medical_numbers, count),
        variant="division_code",
        protected=np.flatnonzero(wrong),
    )


def allowance_numbers(numbers: Ints) -> pl.Series:
    """Return certificate numbers of the subsistence allowance."""
    return serial("DB3301", numbers + 1, 8)


def subsistence_allowance(world: World) -> ResourceRows:
    """mzj.subsistence_allowance: about one household in ninety, named by its head."""
    dice, people = world.dice("mzj.subsistence_allowance"), world.population.residents
    heads = np.flatnonzero((people["role"].to_numpy() == HEAD) & (world.life.status == NORMAL))
    row = dice.sample(heads, min(len(heads) // 2, 18 + len(heads) // 90))
    count = len(row)
    members = np.bincount(
        people["household"].to_numpy()[world.life.status == NORMAL], minlength=world.population.households
    )
    secured = np.maximum(1, members[people["household"].to_numpy()[row]])
    frame = pl.DataFrame(
        {
            "certificate_no": allowance_numbers(np.arange(count)),
            "resident_id": people["resident_id"].gather(row),
            "person_name": people["person_name"].gather(row),
            "member_count": secured,
            "monthly_amount": decimal_text(secured * dice.integers(40_000, 119_900, count)),
            "division_code": world.divisions.villages["division_code"].gather(people["village"].gather(row)),
            "approved_on": dates(dice.integers(day(date(2018, 1, 1)), day(MONTHLY.first), count)),
        }
    )
    fresh = numbered("certificate_no", allowance_numbers, count)
    return ResourceRows("mzj.subsistence_allowance", frame, fresh, variant="monthly_amount")


def school(world: World) -> ResourceRows:
    """jyj.school: schools of all kinds."""
    dice, schools = world.dice("jyj.school"), world.places.school
    frame = pl.DataFrame(
        {
            "school_id": schools["school_id"],
            "school_name": schools["name"],
            "school_kind_code": schools["kind"],
            "capacity": dice.integers(8, 60, len(schools)) * 45,
            "division_code": world.divisions.villages["division_code"].gather(schools["village"]),
            "longitude": schools["longitude"],
            "latitude": schools["latitude"],
        }
    )
    return ResourceRows("jyj.school", frame, numbered("school_id", school_ids, len(schools)), variant="capacity")


def student(world: World) -> ResourceRows:
    """jyj.student: everybody of school age but those left out on purpose; the number is ``G`` and the resident ID."""
    dice, people = world.dice("jyj.student"), world.population.residents
    pupils = world.pupils.copy()
    pupils[world.planted.not_enrolled] = False
    row = np.flatnonzero(pupils)
    birth = people["birth"].to_numpy()[row]
    year = years(birth)
    month = birth.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    entry = year + 6 + (month >= 9)
    grade = np.clip(2025 - entry + 1, 1, 12)
    stage_entry = 2025 - np.select([grade <= 6, grade <= 9], [grade - 1, grade - 7], grade - 10)
    enrolled = ((stage_entry - 1970) * 12 + 8).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    schools = world.places.school["kind"].to_list()
    kinds = np.select([grade <= 6, grade <= 9], ["21", "31"], "34")
    chosen = np.zeros(len(row), dtype=np.int64)
    for stage, names_of_stage in {"21": ("21", "33"), "31": ("31", "33"), "34": ("34",)}.items():
        options = np.array([i for i, kind in enumerate(schools) if kind in names_of_stage])
        here = kinds == stage
        chosen[here] = options[dice.index(len(options), int(here.sum()))]
    frame = pl.DataFrame(
        {
            "student_no": pl.Series(["G"]).new_from_index(0, len(row)) + people["resident_id"].gather(row),
            "resident_id": people["resident_id"].gather(row),
            "person_name": people["person_name"].gather(row),
            "school_id": world.places.school["school_id"].gather(chosen),
            "grade_no": grade,
            "enrolled_on": dates(enrolled),
        }
    )
    spare = world.population.spare

    def fresh(count: int) -> pl.DataFrame:
        pupil = spare.tail(count)
        return pupil.select(pl.format("G{}", "resident_id").alias("student_no"), "resident_id", "person_name")

    return ResourceRows("jyj.student", frame, fresh, variant="grade_no")


def ticket_numbers(numbers: Ints) -> pl.Series:
    """Return numbers of hotline tickets."""
    return serial("HT2026", numbers + 1, 9)


def hotline_ticket(world: World) -> ResourceRows:
    """dsjj.hotline_ticket: calls of the last months; most were closed some days after."""
    dice = world.dice("dsjj.hotline_ticket")
    count = max(150, world.people // 12)
    created = np.sort(dice.integers(day(date(2026, 3, 1)), day(REALTIME.first), count))
    updated = np.minimum(created + dice.integers(0, 14, count), day(REALTIME.first))
    updated = REALTIME.spread(dice, updated, per_day=max(4, count // 60))
    created = np.maximum(created, updated - 20)
    opened = created * DAY_SECONDS + dice.integers(7 * 3600, 12 * 3600, count)
    changed = updated * DAY_SECONDS + dice.integers(12 * 3600 + 1, 22 * 3600, count)
    topics, statuses = world.codes("hotline_topic"), world.codes("ticket_status")
    frame = pl.DataFrame(
        {
            "ticket_no": ticket_numbers(np.arange(count)),
            "caller_phone": phones(dice, count),
            "topic_code": dice.pick(topics, count),
            "handler_dept_code": dice.pick(list(world.vocabulary.departments), count),
            "division_code": world.divisions.villages["division_code"].gather(world.divisions.choose(dice, count)),
            "status_code": dice.pick(statuses[1:], count),
            "created_at": moments(opened),
            "updated_at": moments(changed),
        }
    )

    def as_opened(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(status_code=pl.lit(statuses[0]), updated_at=pl.col("created_at"))

    fresh = numbered("ticket_no", ticket_numbers, count)
    return ResourceRows("dsjj.hotline_ticket", frame, fresh, variant="topic_code", earlier=as_opened)
