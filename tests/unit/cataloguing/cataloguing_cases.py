"""What the tests of cataloguing begin with: the catalogue as it is built in, and a proposal's people and days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from catalog.cataloguing.checking import set_gov
from catalog.cataloguing.proposal import Kind, Origin, Proposal, Purpose
from catalog.cataloguing.published import Published
from catalog.contract.load import contract_paths, load_contract, load_vocabulary, read_yaml
from catalog.sharing.calendar import WorkingCalendar, load_calendar
from catalog.sharing.machine import Event, Parties, Role

TODAY = date(2026, 3, 2)  # a Monday
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
PARTIES = Parties("gaj", "gaj", "dsjj")
ROLE_DEPT = {Role.CATALOGUER: "gaj", Role.PROVIDER: "gaj", Role.BUREAU: "dsjj"}
DATA = {"document": {"name": "甲"}, "reason": "理由", "changed_on": "2026-03-02", "basis": "机构改革方案", "days": 5}


@cache
def published() -> Published:
    texts, contracts = {}, {}
    for path in contract_paths():
        contract = load_contract(path)
        texts[contract.key], contracts[contract.key] = path.read_text("utf-8"), contract
    return Published(load_vocabulary(), contracts, texts)


def calendar() -> WorkingCalendar:
    return load_calendar()


def event(kind: Kind, role: Role, *, day: int = 0, dept: str | None = None, **data: Any) -> Event:
    return Event(
        str(kind), NOON + timedelta(days=day), "某人", role, dept or ROLE_DEPT.get(role, "x"), {**DATA, **data}
    )


def opened() -> Proposal:
    return Proposal("ML2026-000001", PARTIES, Origin(Purpose.NEW), "某人", NOON)


def resident() -> dict[str, Any]:
    """The content of a published contract, as a draft that is complete but for the sign-off."""
    path = next(path for path in contract_paths() if path.name == "resident.odcs.yaml")
    document = {**read_yaml(path), "status": "draft"}
    set_gov(document, "govAssessments", {"secrecy": "2026-01-15", "personal_information": "2026-01-15"})
    return document
