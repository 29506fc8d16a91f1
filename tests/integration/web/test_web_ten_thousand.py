"""Pages over ten thousand entries: every one costs no more than the design promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from signed_in import sign_in
from starlette.testclient import TestClient
from work_done import Work

import catalog.web.rooms as web_rooms
from catalog.access.person import Person, Post
from catalog.api.granted import SHOWN_GRANTS
from catalog.cataloguing.published import Published
from catalog.cataloguing.shelf import Shelf
from catalog.contract.load import contract_paths, load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.store import Opening, SharingStore
from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
ENTRIES = 10_000
PROMISED_SECONDS = 0.3
PAGES = [
    "/",
    "/index.json",
    "/catalogue",
    "/catalogue.json",
    "/catalogue?q=户籍",
    "/catalogue?q=hjrk&share=2",
    "/catalogue?sort=-name&page=400",
    "/catalogue?group=101&quality=none",
    "/catalogue/gaj/resident",
    "/catalogue/gaj/resident.json",
    "/quality",
    "/governance",
    "/api/docs",
    "/api/v1/suggest?q=shebao",
    "/api/v1/divisions?q=区划17",
]


def many_contracts(count: int) -> dict[str, Contract]:
    """Return the real contracts, and copies of them under other names and codes."""
    real = list(load_contracts().values())
    found = {contract.key: contract for contract in real}
    for number in range(len(real), count):
        contract = real[number % len(real)]
        table = contract.tables[0]
        name = f"{table.name}_{number}"
        code = f"{contract.gov.resource_code.partition('/')[0]}/{number}"
        extra = [
            prop.model_copy(update={"value": code}) if prop.property == "govResourceCode" else prop
            for prop in contract.custom_properties
        ]
        copy = contract.model_copy(
            update={
                "tables": [table.model_copy(update={"name": name})],
                "name": f"{contract.name}{number}",
                "custom_properties": extra,
            }
        )
        found[copy.key] = copy
    return found


class FullShelf(Shelf):
    """A shelf on which the real contracts and their copies stand."""

    held = Published(load_vocabulary(), {}, {})

    def now(self) -> Published:
        return self.held


@pytest.fixture(scope="module")
def large_client(web_home: Path, work: Work) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        contracts = many_contracts(ENTRIES)
        text = (contract_paths()[0]).read_text("utf-8")
        patch.setattr(FullShelf, "held", Published(load_vocabulary(), contracts, dict.fromkeys(contracts, text)))
        patch.setattr(web_rooms, "Shelf", FullShelf)
        with TestClient(create_app(Settings(home=web_home, threads=1))) as client:
            client.get("/catalogue?q=户籍")  # the index is there from now on
            yield client


@pytest.mark.timeout(300)
@pytest.mark.parametrize("url", PAGES)
def test_a_page_over_ten_thousand_entries_is_quick(large_client: TestClient, work: Work, url: str) -> None:
    large_client.get(url)
    with work.counted():
        assert large_client.get(url).status_code == 200
    assert 0 < work.seconds < PROMISED_SECONDS, work.calls


def many_grants(store: SharingStore, resource: str, count: int) -> None:
    """Put applications in use into a store, all for one resource."""
    at, form = datetime.now(UTC), {"resource": resource, "basis": "法定职责", "scenario": "核对信息", "scope": "基层处"}
    form |= {"method": "service", "starts_on": "2026-01-01", "ends_on": "2099-12-31", "columns": ["resident_id"]}
    steps: list[tuple[str, Role, str]] = [
        ("保存", Role.APPLICANT, "wjw"),
        ("提交", Role.APPLICANT, "wjw"),
        ("本部门同意", Role.OWN_OFFICE, "wjw"),
        ("受理", Role.BUREAU, "dsjj"),
        ("同意", Role.PROVIDER, "gaj"),
        ("提供", Role.PROVIDER, "gaj"),
    ]
    for _ in range(count):
        number = store.apply_for(Opening(Parties("wjw", "gaj", "dsjj"), resource, at, "某人"), 2).number
        for seen, (kind, role, dept) in enumerate(steps):
            data = {"form": form} if kind == "保存" else {}
            store.move_application(number, Event(kind, at, "某人", role, dept, data), seen=seen)


@pytest.mark.timeout(300)
def test_an_entry_with_many_grants_is_quick_for_who_sees_them_all(
    large_client: TestClient, work: Work, settings: Settings
) -> None:
    key = next(key for key in FullShelf.held.contracts if key.startswith("gaj.resident_"))
    store, url = SharingStore(app_database(settings)), f"/catalogue/{key.replace('.', '/')}"
    many_grants(store, key, 150)
    store.close()
    assert isinstance(large_client.app, FastAPI)
    reviewer = Person("many_grants", "孙审核", "dsjj", frozenset({Post.REVIEWER}))
    client = sign_in(large_client.app, app_database(settings), reviewer)
    client.get(url, headers={"accept": "text/html"})
    with work.counted():
        found = client.get(url, headers={"accept": "text/html"})
    assert found.status_code == 200
    assert 0 < work.seconds < PROMISED_SECONDS, work.calls
    assert found.text.count('href="/desk/applications/') == SHOWN_GRANTS


def test_the_list_says_how_many_there_are(large_client: TestClient) -> None:
    assert large_client.get("/catalogue.json").json()["page"]["total"] == ENTRIES
