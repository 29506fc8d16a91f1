"""A small city with a published catalogue, applications and 校核 of the autumn of 2026."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from catalog.access.person import BUREAU, Person, Post
from catalog.contract.city_time import CITY_TIME
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.derive.catalogue import TABLE_COLUMNS, contract_tables
from catalog.sharing.application import Kind
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.store import Opening, SharingStore
from catalog.sharing.verification import Kind as Step
from catalog.sharing.verification import Report
from lakehouse.branches import publish_history
from lakehouse.branches.register import written
from lakehouse.connect.app_database import app_database
from lakehouse.connect.database import transaction
from lakehouse.connect.settings import Settings

HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>"
PUBLISHED = "2026-09-01T02:00:00+00:00"
REVIEWER = Person("reviewer", "审核员甲", BUREAU, frozenset({Post.REVIEWER}))
HEAD = Person("head", "负责人乙", "gaj", frozenset({Post.HEAD}))
APPLICANT = Person("applicant", "经办人丙", "wjw", frozenset({Post.APPLICANT}))
PEOPLE = {person.account: person for person in (REVIEWER, HEAD, APPLICANT)}
_DEPT = {Role.BUREAU: BUREAU, Role.SYSTEM: ""}


def catalogue_tables(changed: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, str]:
    """Return the catalogue marts of the project's own contracts, with changes by resource key, as queries."""
    tables = contract_tables(load_contracts(), load_vocabulary())
    entries = [{**row, **(changed or {}).get(row["resource_key"], {})} for row in tables["resource"]]
    return {
        "catalogue.catalogue_entry": values_sql("resource", entries),
        "catalogue.catalogue_item": values_sql("property", tables["property"]),
    }


def values_sql(table: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a query that gives rows of a contract table with its types."""
    columns = TABLE_COLUMNS[table]
    casts = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
    values = ", ".join(f"({', '.join(_literal(row[name]) for name in columns)})" for row in rows)
    return f"select {casts} from (values {values}) t({', '.join(columns)})"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def make_city(settings: Settings) -> None:
    """Publish the small city as of 1 September 2026, and let departments apply, answer and doubt in October."""
    web_city = load_web_city()
    tables = web_city.city_tables() | catalogue_tables({"gaj.resident": {"privacy_assessed_on": None, "name": HOSTILE}})
    web_city.publish_tables(settings, "city", tables)
    date_publish(settings, publish_history(settings, 1)[0].snapshot, PUBLISHED)
    store = SharingStore(app_database(settings))
    answered_late = ask(store, "wjw", "gaj.resident", 2, "2026-09-25")
    go_on(store, answered_late, (Kind.AGREE, "2026-10-26"), (Kind.PROVIDE, "2026-10-27"))
    ask(store, "mzj", "gaj.resident", 2, "2026-10-09")
    refused = ask(store, "jyj", "gaj.resident", 2, "2026-10-12")
    go_on(store, refused, (Kind.REFUSE, "2026-10-14"))
    in_time = ask(store, "wjw", "dsjj.division", 1, "2026-10-12")
    go_on(store, in_time, (Kind.AGREE, "2026-10-13"), (Kind.PROVIDE, "2026-10-13"))
    doubt(store, "wjw", "gaj.resident", "2026-09-30")
    answered = doubt(store, "rsj", "gaj.resident", "2026-10-12")
    store.move_verification(answered, event(store, answered, Step.UPHOLD, "2026-10-13"), seen=0)
    store.close()


def ask(store: SharingStore, applicant: str, resource: str, share_type: int, day: str) -> str:
    """Open an application that its office approved and the bureau accepted on a day; return its number."""
    parties = Parties(applicant, resource.partition(".")[0], BUREAU)
    number = store.apply_for(Opening(parties, resource, noon(day), "经办人"), share_type).number
    go_on(store, number, *((kind, day) for kind in (Kind.SAVE, Kind.SUBMIT, Kind.APPROVE_OWN, Kind.ACCEPT)))
    return number


def go_on(store: SharingStore, number: str, *steps: tuple[Kind, str]) -> None:
    """Let more happen to an application."""
    for kind, day in steps:
        seen = len(store.application(number).events)
        store.move_application(number, event(store, number, kind, day), seen=seen)


def doubt(store: SharingStore, reporter: str, resource: str, day: str) -> str:
    """Report a 校核; return its number."""
    report = Report(resource=resource, key="K1", found="旧", believed="新", evidence="居民来电", snapshot="s")
    parties = Parties(reporter, resource.partition(".")[0], BUREAU)
    return store.report(Opening(parties, resource, noon(day), "经办人"), report).number


def event(store: SharingStore, number: str, kind: Kind | Step, day: str) -> Event:
    """Return an event at noon of a day by whoever may cause it."""
    from catalog.sharing import application, verification

    is_step = isinstance(kind, Step)
    matter = store.verification(number) if is_step else store.application(number)
    machine = verification.MACHINE if is_step else application.MACHINE
    role = min(machine.rules[str(kind)].roles, key=lambda one: one.name)
    dept = _DEPT.get(role) if role in _DEPT else matter.parties.of(role) or ""
    resource = matter.report.resource if is_step else matter.resource  # type: ignore[union-attr]
    form = {
        "resource": resource,
        "basis": "《基本医疗卫生与健康促进法》第二十条",
        "scenario": "家庭医生签约对象核对",
        "scope": "市卫生健康委基层处",
        "method": "service",
        "starts_on": "2026-09-01",
        "ends_on": "2027-08-31",
        "columns": ["resident_id"],
    }
    data = {"form": form, "reason": HOSTILE, "finding": "无误"}
    return Event(str(kind), noon(day), "某人", role, dept or "", data)


def date_publish(settings: Settings, snapshot: str, at: str) -> None:
    """Say that a publish was made at another moment: the log has the wall clock's."""
    with transaction(settings) as db:
        db.execute(
            "update publish_log set published_at = ? where snapshot = ?",
            (written(datetime.fromisoformat(at)), snapshot),
        )


def noon(day: str) -> datetime:
    """Return noon in the city on a day."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), CITY_TIME).replace(hour=12)


def load_web_city() -> ModuleType:
    """Return the small city of the web tests."""
    path = Path(__file__).parents[1] / "web" / "web_city.py"
    spec = importlib.util.spec_from_file_location("web_city", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
