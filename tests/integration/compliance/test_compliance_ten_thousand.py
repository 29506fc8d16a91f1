"""The first look at any day over ten thousand entries and thousands of applications costs no more than the design promises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, timedelta
from itertools import product

import pytest
import sqlalchemy as sa
from compliance_city import HEAD, REVIEWER, catalogue_tables, date_publish, load_web_city, noon
from fastapi.testclient import TestClient
from signed_in import sign_in
from work_done import Work

from catalog.access.person import BUREAU
from catalog.access.store import AUDIT, AccessStore
from catalog.compliance.days import end_of, first_of
from catalog.compliance.lake import entries_of_contracts
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.sharing.application import Kind
from catalog.sharing.machine import Event, Role
from catalog.sharing.store import APPLICATION, SharingStore
from catalog.web.app import create_app
from lakehouse.branches import publish_history
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ENTRIES, APPLICATIONS, CALLS_A_DAY = 10_000, 2_000, 300
PROMISED_SECONDS = 0.3
CONTRACTS, DEPARTMENTS = load_contracts(), list(load_vocabulary().departments)
COPIES = ENTRIES // len(CONTRACTS) + 1
PUBLISHES = ("2026-04-09", "2026-05-06", "2026-05-12", "2026-05-17", "2026-05-20", "2026-06-18")
STEPS = (
    (Kind.SAVE, Role.APPLICANT, 0),
    (Kind.SUBMIT, Role.APPLICANT, 0),
    (Kind.APPROVE_OWN, Role.OWN_OFFICE, 1),
    (Kind.ACCEPT, Role.BUREAU, 1),
    (Kind.AGREE, Role.PROVIDER, 9),
    (Kind.PROVIDE, Role.PROVIDER, 20),
    (Kind.USE, Role.APPLICANT, 40),
)


@pytest.fixture(scope="module")
def large_city(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Every entry published 334 times under other keys, six times, each time with something changed; what happened in spring."""
    settings = Settings(home=tmp_path_factory.mktemp("large") / "home", threads=1)
    web_city = load_web_city()
    for number, day in enumerate(PUBLISHES):
        tables = catalogue_tables({"gaj.resident": {"summary": f"第 {number} 版"}})
        copied = {table: copies(sql) for table, sql in tables.items()}
        copied["catalogue.supply_status"] = supply(copied["catalogue.catalogue_entry"], number)
        copied["ops.quality_result"] = checks(copied["catalogue.catalogue_entry"])
        web_city.publish_tables(settings, f"p{number}", web_city.city_tables() | copied)
        date_publish(settings, publish_history(settings, 1)[0].snapshot, f"{day}T02:00:00+00:00")
    with closing(SharingStore(app_database(settings))) as sharing:
        sharing._journal.open_all("SQ2026-", [application(number) for number in range(APPLICATIONS)])
    keep_calls(settings)
    return settings


@pytest.fixture(scope="module")
def clients(large_city: Settings, work: Work) -> Iterator[dict[str, TestClient]]:
    application = create_app(large_city)
    with TestClient(application, base_url="http://127.0.0.1", follow_redirects=False):
        signed = [sign_in(application, app_database(large_city), person) for person in (REVIEWER, HEAD)]
        wait_until_idle()  # the start of the doors replays what happened, beside the first visitors
        yield dict(zip(("reviewer", "head"), signed, strict=True))


def wait_until_idle() -> None:
    spent = 1.0
    while spent > 0.05:
        started = time.process_time()
        time.sleep(1)
        spent = time.process_time() - started


def copies(sql: str) -> str:
    key = "e.resource_key || case when i = 0 then '' else '_' || i end as resource_key"
    return f"select e.* replace ({key}) from ({sql}) e cross join range({COPIES}) r(i)"


def supply(entries: str, late: int) -> str:
    return f"""
    select resource_key, dept, resource, update_cycle, 24 as max_age_hours, 41::bigint as row_count,
        date '2026-03-18' as newest_on, 12 as age_days, 1 as delivery_count, 0 as failed_count,
        case when hash(resource_key) % 20 = {late} then '逾期' else '按时' end as status
    from ({entries})
    """


def checks(entries: str) -> str:
    return f"""
    select resource_key as table_name, 'expect' as expectation_type, 'c' as column_name, 'warning' as severity,
        '完整性' as dimension, 'rule_' || k as rule, hash(resource_key, k) % 40 > 0 as success,
        41::bigint as element_count, 0::bigint as unexpected_count
    from ({entries}) cross join range(10) s(k)
    """


def application(number: int) -> tuple[dict[str, object], list[Event]]:
    """Return an application opened somewhere in the spring of 2026, and what happened to it."""
    contract = list(CONTRACTS.values())[number % len(CONTRACTS)]
    resource = f"{contract.key}_{number % (COPIES - 1) + 1}"
    applicant = next(dept for dept in DEPARTMENTS[number % 15 :] if dept != contract.dept)
    opened = date(2026, 1, 4) + timedelta(days=number % 120)
    side = {Role.BUREAU: BUREAU, Role.PROVIDER: contract.dept}
    form = {
        "resource": resource,
        "basis": "《基本医疗卫生与健康促进法》第二十条",
        "scenario": "家庭医生签约对象核对",
        "scope": "基层处",
        "method": "service",
        "starts_on": "2026-01-01",
        "ends_on": "2026-12-31",
        "columns": ["id"],
    }
    said = {Kind.SAVE: {"form": form}, Kind.USE: {"record": "记录"}}
    events = [
        Event(
            str(kind),
            noon(str(opened + timedelta(days=days))),
            "某人",
            role,
            side.get(role, applicant),
            said.get(kind, {}),
        )
        for kind, role, days in STEPS[: len(STEPS) - number % 5]
    ]
    row = {
        "kind": APPLICATION,
        "resource": resource,
        "applicant": applicant,
        "provider": contract.dept,
        "bureau": BUREAU,
        "opened_at": noon(str(opened)).isoformat(),
        "opened_by": "某人",
        "facts": {"share_type": 2},
    }
    return row, events


def keep_calls(settings: Settings) -> None:
    """Keep calls of the data service, some hundreds each day of the spring."""
    AccessStore(app_database(settings)).close()
    resources, engine = list(CONTRACTS), sa.create_engine(app_database(settings))
    rows = [
        {
            "at": (noon(str(date(2026, 3, 1) + timedelta(days=day))) + timedelta(seconds=call))
            .astimezone(UTC)
            .isoformat(timespec="milliseconds"),
            "request_id": "r",
            "dept": DEPARTMENTS[call % len(DEPARTMENTS)],
            "action": "read_rows",
            "resource": f"{resources[call % len(resources)]}_{call % 20 + 1}",
            "filters": [],
            "row_count": 5,
            "allowed": True,
            "code": "allowed",
            "reason": "",
            "basis": "",
        }
        for day, call in product(range(120), range(CALLS_A_DAY))
    ]
    with engine.begin() as db:
        db.execute(AUDIT.insert(), rows)
    engine.dispose()


@pytest.mark.parametrize(
    ("account", "page", "days"),
    [
        ("reviewer", "/compliance", ("2026-06-03", "2026-06-10", "2026-06-16")),
        ("reviewer", "/compliance", ("2026-05-08", "2026-05-13", "2026-05-18")),  # publishes that nobody looked at yet
        ("reviewer", "/compliance/gaj", ("2026-04-20", "2026-04-21", "2026-04-22")),
        ("reviewer", "/compliance/dsjj", ("2026-05-04", "2026-04-06", "2026-05-05")),
        ("head", "/compliance", ("2026-06-04", "2026-06-11", "2026-06-17")),
    ],
)
def test_the_first_look_at_a_day_is_quick(
    clients: dict[str, TestClient], work: Work, account: str, page: str, days: tuple[str, ...]
) -> None:
    for day in days:
        with work.counted():
            answer = clients[account].get(f"{page}?on={day}", headers={"Accept": "text/html"})
        assert answer.status_code == 200
        assert 0 < work.seconds < PROMISED_SECONDS, work.calls


def test_the_entries_of_ten_thousand_contracts_are_quick(work: Work) -> None:
    contracts = {f"{key}_{number}": contract for (key, contract), number in product(CONTRACTS.items(), range(COPIES))}
    with work.counted():
        assert len(entries_of_contracts(contracts, load_vocabulary())) >= ENTRIES
    assert 0 < work.seconds < PROMISED_SECONDS, work.calls


def test_calls_are_counted_by_day_of_the_city(large_city: Settings) -> None:
    with closing(AccessStore(app_database(large_city))) as access:
        days = [
            access.uses(end_of(day - timedelta(days=1)), end_of(day)) for day in (date(2026, 3, 1), date(2026, 3, 2))
        ]
        both = access.uses(end_of(first_of("2026-03") - timedelta(days=1)), end_of(date(2026, 3, 2)))
    assert [sum(calls for *_, calls, _ in found) for found in days] == [CALLS_A_DAY, CALLS_A_DAY]
    assert [(dept, key, calls) for dept, key, calls, _ in both] == [(d, k, 2 * c) for d, k, c, _ in days[0]]
