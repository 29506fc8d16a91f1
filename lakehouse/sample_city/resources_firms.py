"""Rows about firms: register, licences, taxes, projects and hazards."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from lakehouse.sample_city import names
from lakehouse.sample_city.clock import DAY_SECONDS, Days, dates, day, moments
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.firms import ACTIVE, REVOKED
from lakehouse.sample_city.identifiers import serial
from lakehouse.sample_city.resource import FreshKeys, ResourceRows, constant, decimal_text, numbered
from lakehouse.sample_city.resources_people import update_times
from lakehouse.sample_city.schedule import DAILY, MONTHLY
from lakehouse.sample_city.world import World

TAXPAYER_NORMAL, TAXPAYER_SUSPENDED, TAXPAYER_CANCELLED, TAXPAYER_IRREGULAR = "03", "05", "07", "08"
LATEST_LICENCE = day(date(2026, 6, 20))
CHEMICALS = ("液氨", "液氯", "甲醇", "乙醇", "汽油", "柴油", "丙酮", "硫酸", "盐酸", "环氧乙烷", "氢气", "液化石油气")
TRADES = (
    "产业园",
    "研发中心",
    "安置房",
    "道路改造",
    "综合体",
    "污水处理厂",
    "学校迁建",
    "智能工厂",
    "仓储物流中心",
    "社区配套",
)


def fresh_codes(world: World, name: str, kind_offset: int = 0) -> FreshKeys:
    """Make credit codes of firms that are in no register."""
    first = len(world.firms.table) + kind_offset
    return lambda count: pl.DataFrame({name: world.firms.credit_codes(first, count)})


def enterprise(world: World) -> ResourceRows:
    """scjg.enterprise: every firm, whatever its status."""
    dice, table = world.dice("scjg.enterprise"), world.firms.table
    count = len(table)
    people = world.population.residents
    district = world.divisions.villages[table["village"]]
    text = pl.DataFrame({"c": district["county"], "t": district["town"], "n": dice.integers(1, 999, count)})
    frame = pl.DataFrame(
        {
            "credit_code": table["credit_code"],
            "org_name": table["name"],
            "legal_rep_name": people["person_name"].gather(table["representative"]),
            "legal_rep_resident_id": people["resident_id"].gather(table["representative"]),
            "industry_code": table["industry"],
            "registered_capital": decimal_text(np.round(10 ** dice.uniform(1, 4.2, count)).astype(np.int64) * 100),
            "established_on": dates(table["established"].to_numpy()),
            "status_code": table["status"],
            "division_code": district["division_code"],
            "address_text": text.select(pl.format("示例市{}{}工业路{}号", "c", "t", "n")).to_series(),
            "updated_at": update_times(dice, table["established"].to_numpy()),
        }
    )
    return ResourceRows(
        "scjg.enterprise",
        frame,
        fresh_codes(world, "credit_code"),
        variant="address_text",
        protected=world.planted.firm_rows,
    )


def taxed(world: World) -> Ints:
    """Return the firms on the tax register, in register order."""
    return np.setdiff1d(np.arange(len(world.firms.table)), world.planted.firm_without_tax)


def tax_registration(world: World) -> ResourceRows:
    """swj.tax_registration: every firm but those left out on purpose."""
    dice, row = world.dice("swj.tax_registration"), taxed(world)
    table = world.firms.table[row]
    count = len(row)
    register = table["status"].to_numpy()
    busy = np.where(dice.chance(0.93, count), TAXPAYER_NORMAL, TAXPAYER_SUSPENDED)
    idle = np.where(register == REVOKED, TAXPAYER_IRREGULAR, TAXPAYER_CANCELLED)
    status = np.where(register == ACTIVE, busy, idle)
    status[np.isin(row, world.planted.firm_status_differs)] = TAXPAYER_NORMAL
    name = table["name"]
    wrong = np.flatnonzero(np.isin(row, world.planted.firm_name_differs))
    if len(wrong):
        name = name.scatter(wrong, name.gather(wrong).str.replace("示例市", "", literal=True))
    registered = np.minimum(table["established"].to_numpy() + dice.integers(0, 30, count), day(DAILY.first))
    new = DAILY.spread(dice, registered, per_day=3)
    registered = np.where(new >= table["established"].to_numpy(), new, registered)
    frame = pl.DataFrame(
        {
            "taxpayer_no": table["credit_code"],
            "taxpayer_name": name,
            "status_code": pl.Series(status.tolist(), dtype=pl.String),
            "taxpayer_kind_code": dice.pick(["1", "2"], count, [0.3, 0.7]),
            "registered_on": dates(registered),
        }
    )
    return ResourceRows(
        "swj.tax_registration",
        frame,
        fresh_codes(world, "taxpayer_no", 100_000),
        variant="taxpayer_kind_code",
        protected=np.flatnonzero(np.isin(row, world.planted.firm_rows)),
    )


def voucher_numbers(numbers: Ints) -> pl.Series:
    """Return tax voucher numbers."""
    return serial("3301", numbers + 1, 14)


def tax_payment(world: World) -> ResourceRows:
    """swj.tax_payment: monthly payments of firms in business; refunds are negative."""
    dice, row = world.dice("swj.tax_payment"), taxed(world)
    paying = row[world.firms.table["status"].to_numpy()[row] == ACTIVE]
    months = [date(2026, m, 1) for m in range(1, 6)]
    kinds = (("01", 0.8), ("10", 0.6), ("06", 0.5), ("04", 0.25), ("12", 0.08), ("02", 0.03))
    rows, kind_codes, periods, paid = [], [], [], []
    for number, month in enumerate(months, start=2):
        for kind, share in kinds:
            chosen = paying[dice.chance(share, len(paying))]
            rows.append(chosen)
            kind_codes.append(constant(kind, len(chosen)))
            periods.append(constant(f"{month:%Y-%m}", len(chosen)))
            paid.append(dice.integers(day(date(2026, number, 1)), day(date(2026, number, 18)), len(chosen)))
    firm, days = np.concatenate(rows), np.concatenate(paid)
    count = len(firm)
    days = DAILY.spread(dice, days, per_day=max(5, count // 150))
    cents = np.round(10 ** dice.uniform(2.0, 5.2, count) * 100).astype(np.int64)
    cents = np.where(dice.chance(0.004, count), -cents // 10, cents)
    frame = pl.DataFrame(
        {
            "voucher_no": voucher_numbers(np.arange(count)),
            "taxpayer_no": world.firms.table["credit_code"].gather(firm),
            "tax_kind_code": pl.concat(kind_codes),
            "period": pl.concat(periods),
            "amount": decimal_text(cents),
            "paid_on": dates(days),
        }
    )
    return ResourceRows("swj.tax_payment", frame, numbered("voucher_no", voucher_numbers, count), variant="amount")


def food_numbers(numbers: Ints) -> pl.Series:
    """Return numbers of food business licences."""
    return serial("JY3330100", numbers + 1, 8)


def _spans(dice: Dice, established: Days, years_valid: int) -> tuple[Days, Days]:
    low = np.maximum(established + 5, day(date(2020, 1, 1)))
    first = dice.between(np.minimum(low, LATEST_LICENCE), np.full(len(low), LATEST_LICENCE))
    return first, first + 365 * years_valid


def food_licence(world: World) -> ResourceRows:
    """scjg.food_licence: firms that sell or serve food; some have a second licence."""
    dice, table = world.dice("scjg.food_licence"), world.firms.table
    trade = table["industry"].is_in(["H", "F", "A"]).to_numpy()
    first = np.flatnonzero(trade & dice.chance(0.7, len(table)))
    row = np.sort(np.concatenate([first, dice.sample(first, max(1, len(first) // 10)), world.firms.rows(ACTIVE)[:12]]))
    count = len(row)
    begin, end = _spans(dice, table["established"].to_numpy()[row], 5)
    changed = np.minimum(
        begin * DAY_SECONDS + dice.integers(9 * 3600, 200 * DAY_SECONDS, count), (LATEST_LICENCE + 8) * DAY_SECONDS
    )
    frame = pl.DataFrame(
        {
            "licence_no": food_numbers(np.arange(count)),
            "credit_code": table["credit_code"].gather(row),
            "business_kind_code": dice.pick(world.codes("food_business"), count, [0.5, 0.4, 0.1]),
            "valid_from": dates(begin),
            "valid_until": dates(end - 1),
            "updated_at": moments(changed),
        }
    )
    fresh = numbered("licence_no", food_numbers, count)
    return ResourceRows("scjg.food_licence", frame, fresh, variant="business_kind_code")


def licence_numbers(numbers: Ints) -> pl.Series:
    """Return numbers of administrative licences."""
    return serial("XK330100-", numbers + 1, 9)


def licence(world: World) -> ResourceRows:
    """xzsp.licence: administrative licences of firms."""
    dice, table = world.dice("xzsp.licence"), world.firms.table
    active = world.firms.rows(ACTIVE)
    row = np.sort(active[dice.index(len(active), max(60, len(active) // 2))])
    count = len(row)
    begin, end = _spans(dice, table["established"].to_numpy()[row], 4)
    changed = begin * DAY_SECONDS + dice.integers(9 * 3600, 7 * DAY_SECONDS, count)
    frame = pl.DataFrame(
        {
            "licence_no": licence_numbers(np.arange(count)),
            "licence_kind_code": dice.pick(world.codes("licence_kind"), count),
            "holder_credit_code": table["credit_code"].gather(row),
            "holder_name": table["name"].gather(row),
            "decided_on": dates(begin),
            "valid_until": dates(end),
            "updated_at": moments(changed),
        }
    )
    fresh = numbered("licence_no", licence_numbers, count)
    return ResourceRows("xzsp.licence", frame, fresh, variant="licence_kind_code")


def project_codes(numbers: Ints) -> pl.Series:
    """Return project codes of the approval platform (form 2606-330100-04-01-000001)."""
    return constant("2606-330100-04-01-", len(numbers)) + serial("", numbers + 1, 6)


def project_count(world: World) -> int:
    """Return how many investment projects there are."""
    return 40 + world.people // 400


def investment_project(world: World) -> ResourceRows:
    """fgw.investment_project: projects with a firm as owner."""
    dice, table = world.dice("fgw.investment_project"), world.firms.table
    count = project_count(world)
    active = world.firms.rows(ACTIVE)
    row = active[dice.index(len(active), count)]
    place = world.divisions.villages[world.divisions.choose(dice, count)]
    name = pl.DataFrame(
        {"c": place["county"], "b": dice.pick(list(names.BRANDS), count), "t": dice.pick(TRADES, count)}
    )
    approved = MONTHLY.spread(
        dice, dice.integers(day(date(2023, 1, 1)), day(MONTHLY.first), count), per_day=max(4, count // 40)
    )
    frame = pl.DataFrame(
        {
            "project_code": project_codes(np.arange(count)),
            "project_name": name.select(pl.format("{}{}和{}项目", "c", "b", "t")).to_series(),
            "owner_credit_code": table["credit_code"].gather(row),
            "total_investment": decimal_text(np.round(10 ** dice.uniform(2.5, 5.5, count) * 100).astype(np.int64)),
            "stage_code": dice.pick(["1", "2", "3", "4", "5"], count, [0.15, 0.2, 0.4, 0.2, 0.05]),
            "division_code": place["division_code"],
            "approved_on": dates(approved),
        }
    )
    fresh = numbered("project_code", project_codes, count)
    return ResourceRows("fgw.investment_project", frame, fresh, variant="total_investment")


def permit_numbers(numbers: Ints) -> pl.Series:
    """Return construction permit numbers."""
    return serial("330100202606", numbers + 1, 6)


def construction_project(world: World) -> ResourceRows:
    """zjj.construction_project: building permits of the projects that got so far."""
    dice, table = world.dice("zjj.construction_project"), world.firms.table
    stage = investment_project(world).frame["stage_code"].to_numpy()
    project = np.flatnonzero(np.isin(stage, ["3", "4"]))
    count = len(project)
    builders = np.flatnonzero((table["industry"] == "E").to_numpy() & (table["status"] == ACTIVE).to_numpy())
    builders = builders if len(builders) else world.firms.rows(ACTIVE)
    issued = MONTHLY.spread(
        dice, dice.integers(day(date(2024, 1, 1)), day(MONTHLY.first), count), per_day=max(4, count // 40)
    )
    start = issued + dice.integers(5, 60, count)
    frame = pl.DataFrame(
        {
            "permit_no": permit_numbers(np.arange(count)),
            "project_code": project_codes(project),
            "builder_credit_code": table["credit_code"].gather(builders[dice.index(len(builders), count)]),
            "contract_amount": decimal_text(np.round(10 ** dice.uniform(2.0, 5.0, count) * 100).astype(np.int64)),
            "floor_area": decimal_text(dice.integers(50_000, 20_000_000, count)),
            "planned_start": dates(start),
            "planned_finish": dates(start + dice.integers(200, 1100, count)),
            "issued_on": dates(issued),
        }
    )
    fresh = numbered("permit_no", permit_numbers, count)
    return ResourceRows("zjj.construction_project", frame, fresh, variant="contract_amount")


def hazard_numbers(numbers: Ints) -> pl.Series:
    """Return filing numbers of hazard sources."""
    return serial("BA330100-", numbers + 1, 6)


def hazard_source(world: World) -> ResourceRows:
    """yjj.hazard_source: where dangerous chemicals are kept."""
    dice, table = world.dice("yjj.hazard_source"), world.firms.table
    count = 18 + world.people // 3000
    active = world.firms.rows(ACTIVE)
    row = active[dice.index(len(active), count)]
    longitude, latitude = world.divisions.points(dice, table["village"].to_numpy()[row])
    frame = pl.DataFrame(
        {
            "hazard_no": hazard_numbers(np.arange(count)),
            "credit_code": table["credit_code"].gather(row),
            "chemical_name": dice.pick(CHEMICALS, count),
            "level_no": dice.integers(1, 4, count),
            "quantity_t": decimal_text(dice.integers(500, 2_000_000, count)),
            "longitude": longitude,
            "latitude": latitude,
        }
    )
    return ResourceRows("yjj.hazard_source", frame, numbered("hazard_no", hazard_numbers, count), variant="quantity_t")
