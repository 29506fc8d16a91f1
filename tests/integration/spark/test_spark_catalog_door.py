"""The door that Spark comes through: only with its token, and never past another writer's commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyiceberg.catalog import Catalog

from lakehouse.branches import join_branch, open_branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings
from lakehouse.tables import ensure_table
from spark_jobs.catalog_door import open_door

pytestmark = pytest.mark.integration

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "schema-id": 0,
    "fields": [{"id": 1, "name": "a", "required": False, "type": "string"}],
}
TABLE = "/v1/namespaces/x/tables/t"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, profile="embedded")


@pytest.fixture
def catalog(settings: Settings) -> Catalog:
    catalog = open_catalog(settings, open_branch(settings, "b").catalog_name)
    ensure_table(catalog, "x.t", SCHEMA, {})
    return catalog


@pytest.fixture
def client(catalog: Catalog) -> Iterator[httpx.Client]:
    with (
        open_door(catalog) as (address, token),
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client,
    ):
        yield client


def set_property(value: str, snapshot: int | None = None) -> dict[str, Any]:
    updates = [{"action": "set-properties", "updates": {"p": value}}]
    required = [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": snapshot}] if snapshot else []
    return {"requirements": required, "updates": updates}


def test_door_shows_the_stored_metadata_and_commits(client: httpx.Client, catalog: Catalog) -> None:
    assert client.get("/v1/config").json() == {"defaults": {}, "overrides": {}}
    before = client.get(TABLE).json()
    assert before["metadata-location"] == catalog.load_table("x.t").metadata_location
    done = client.post(TABLE, json=set_property("1"))
    assert done.status_code == 200
    assert catalog.load_table("x.t").properties["p"] == "1"
    assert done.json()["metadata"]["properties"]["p"] == "1"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
def test_door_stays_shut_without_its_token(header: dict[str, str], client: httpx.Client) -> None:
    bare = httpx.Client(base_url=client.base_url, headers=header, trust_env=False)
    for answer in (bare.get(TABLE), bare.post(TABLE, json=set_property("1")), bare.get("/v1/config")):
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "NotAuthorizedException"


def test_commit_on_another_version_is_a_conflict(client: httpx.Client, catalog: Catalog) -> None:
    answer = client.post(TABLE, json=set_property("1", snapshot=7))
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "CommitFailedException")
    assert "p" not in catalog.load_table("x.t").properties


def test_writer_that_lost_its_branch_commits_nothing(client: httpx.Client, settings: Settings) -> None:
    open_branch(settings, "b", takeover=True)
    answer = client.post(TABLE, json=set_property("1"))
    assert answer.status_code in (404, 409)
    successor = open_catalog(settings, join_branch(settings, "b").catalog_name)
    assert "p" not in successor.load_table("x.t").properties


def test_what_is_not_there_is_said_so(client: httpx.Client) -> None:
    assert client.get("/v1/namespaces/x/tables/none").json()["error"]["code"] == 404
    assert client.head("/v1/namespaces/none").status_code == 404
    assert client.head("/v1/namespaces/x").status_code == 200
    assert client.post("/v1/namespaces/x/tables", json={"name": "new"}).status_code == 400


def test_request_that_cannot_be_read_is_refused(client: httpx.Client) -> None:
    assert client.post(TABLE, json={"updates": [{"action": "unheard-of"}]}).status_code == 400


def test_table_of_a_table_is_not_asked_for_in_the_catalog(client: httpx.Client) -> None:
    """Spark looks for ``x.t.files`` in a namespace of two levels before it looks into the table."""
    assert client.get("/v1/namespaces/x%1Ft/tables/files").json()["error"]["type"] == "NoSuchTableException"


@pytest.mark.parametrize(
    ("is_unknown", "status", "kind"),
    [(True, 504, "CommitStateUnknownException"), (False, 409, "CommitFailedException")],
)
def test_lost_acknowledgement_is_not_taken_for_a_refusal(
    is_unknown: bool, status: int, kind: str, client: httpx.Client, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a refusal Spark removes the files that it wrote, which would be a loss if the commit had landed."""

    def down(*_: Any) -> None:
        raise ServerUnavailable("Nessie", "http://nessie", "no answer", is_unknown=is_unknown)

    monkeypatch.setattr(catalog, "commit_table", down)
    answer = client.post(TABLE, json=set_property("1"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    monkeypatch.setattr(catalog, "load_table", down)
    assert client.get(TABLE).status_code == 503


def test_fault_of_ours_is_not_taken_for_a_refusal(
    client: httpx.Client, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(catalog, "commit_table", broken)
    answer = client.post(TABLE, json=set_property("1"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "CommitStateUnknownException")
