"""OpenLineage events come in, are kept once, and show in the lineage of a table."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from catalog.access.store import AccessStore
from catalog.web.app import create_app
from lakehouse.connect.settings import Settings
from lakehouse.pipeline import lineage_events
from lakehouse.pipeline.lineage import ColumnEdge
from lakehouse.pipeline.lineage_events import send_build

pytestmark = pytest.mark.integration
URL = "/api/v1/lineage"


def event(kind: str = "COMPLETE", at: str = "2026-07-01T08:00:00+08:00", **changes: Any) -> dict[str, Any]:
    lineage = {
        "fields": {"age": {"inputFields": [{"namespace": "duckdb", "name": "b.gaj.resident", "field": "birth"}]}}
    }
    return {
        "eventTime": at,
        "eventType": kind,
        "producer": "https://example.org/dbt",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, at))},
        "job": {"namespace": "citybrain", "name": "population.dim_person"},
        "inputs": [{"namespace": "duckdb", "name": "build.gaj.resident"}],
        "outputs": [
            {"namespace": "duckdb", "name": "build.population.dim_person", "facets": {"columnLineage": lineage}}
        ],
        **changes,
    }


@pytest.fixture
def bureau(store: AccessStore) -> dict[str, str]:
    return {"Authorization": f"Bearer {store.create_key('dsjj', '平台')}"}


def test_an_event_shows_table_and_column_lineage_and_counts_once(client: TestClient, bureau: dict[str, str]) -> None:
    first, again = (client.post(URL, json=event(), headers=bureau) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["event_id"] == again.json()["event_id"]
    received = client.get(URL, params={"table": "population.dim_person"}).json()["received"]
    edges = [(e["upstream"], e["upstream_column"], e["downstream"], e["downstream_column"]) for e in received]
    assert edges == [
        ("gaj.resident", "", "population.dim_person", ""),
        ("gaj.resident", "birth", "population.dim_person", "age"),
    ]


def test_a_newer_run_replaces_the_edges_and_a_late_one_does_not(client: TestClient, bureau: dict[str, str]) -> None:
    job = {"namespace": "citybrain", "name": "late"}
    out = [{"namespace": "n", "name": "x.economy.late"}]

    def send(at: str, source: str) -> None:
        inputs = [{"namespace": "n", "name": f"x.{source}"}]
        body = event(at=at, job=job, inputs=inputs, outputs=out)
        assert client.post(URL, json=body, headers=bureau).status_code == 201

    send("2026-07-02T00:00:00Z", "swj.tax")
    send("2026-07-03T00:00:00Z", "swj.taxpayer")
    send("2026-07-01T00:00:00Z", "swj.old")
    received = client.get(URL, params={"table": "economy.late"}).json()["received"]
    assert [row["upstream"] for row in received] == ["swj.taxpayer"]


def test_a_run_that_did_not_end_well_leaves_no_edge(client: TestClient, bureau: dict[str, str]) -> None:
    body = event("FAIL", outputs=[{"namespace": "n", "name": "x.economy.failed"}], job={"namespace": "n", "name": "f"})
    assert client.post(URL, json=body, headers=bureau).status_code == 201
    assert client.get(URL, params={"table": "economy.failed"}).json()["received"] == []


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        (b"{", 400, "JSON"),
        (b"[" * 100_000, 400, "JSON"),
        (b"[]", 422, "事件"),
        (json.dumps(event() | {"run": {"runId": "x"}}).encode(), 422, "run.runId"),
        (json.dumps(event(at="2026-07-01T08:00:00")).encode(), 422, "eventTime"),
        (json.dumps(event("DONE")).encode(), 422, "eventType"),
        (json.dumps(event() | {"job": {}}).encode(), 422, "job.namespace"),
        (b" " * (1 << 20) + b"{}", 413, "过大"),
    ],
)
def test_what_is_no_event_is_refused_with_the_field(
    client: TestClient, bureau: dict[str, str], body: bytes, status: int, names: str
) -> None:
    answer = client.post(URL, content=body, headers=bureau)
    assert answer.status_code == status
    assert names in answer.json()["error"]["message"]


def test_only_the_bureau_may_send(client: TestClient, store: AccessStore) -> None:
    assert client.post(URL, json=event()).status_code == 401
    other = {"Authorization": f"Bearer {store.create_key('gaj', '外部门')}"}
    refused = client.post(URL, json=event(), headers=other)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_the_bureau")


def test_hostile_names_come_back_as_text(client: TestClient, bureau: dict[str, str]) -> None:
    name = "<script>alert(1)</script>'; drop table lineage_event; --"
    body = event(outputs=[{"namespace": "n", "name": name}], job={"namespace": "n", "name": "hostile"})
    assert client.post(URL, json=body, headers=bureau).status_code == 201
    answer = client.get(URL, params={"table": name})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["received"][0]["downstream"] == name


def test_a_question_without_a_table_says_what_is_missing(client: TestClient) -> None:
    assert client.get(URL).json()["error"]["code"] == "table_missing"


def test_what_a_build_sends_is_what_the_door_keeps(
    web_home: Path, store: AccessStore, served: str, tmp_path: Path
) -> None:
    """The pipeline's own client against a real server: the events of a build, over HTTP."""
    model = {"schema": "livelihood", "name": "sent", "depends_on": {"nodes": ["source.citybrain.mzj.marriage"]}}
    manifest = {
        "nodes": {"model.citybrain.sent": model},
        "sources": {"source.citybrain.mzj.marriage": {"schema": "mzj", "name": "marriage"}},
    }
    edges = [ColumnEdge("mzj.marriage", "kind_code", "livelihood.sent", "kind")]
    key = tmp_path / "key"
    key.write_text(store.create_key("dsjj", "平台"), encoding="utf-8")
    told = Settings(home=web_home, lineage_url=served, lineage_key_file=key)
    assert send_build(told, manifest, ["livelihood.sent"], edges) == 1
    received = httpx.get(f"{served}{URL}", params={"table": "livelihood.sent"}).json()["received"]
    assert [(row["upstream"], row["upstream_column"], row["downstream_column"]) for row in received] == [
        ("mzj.marriage", "", ""),
        ("mzj.marriage", "kind_code", "kind"),
    ]
    page = httpx.get(f"{served}/catalogue/mzj/marriage").text
    assert "citybrain/livelihood.sent" in page
    key.write_text("cb_wrong", encoding="utf-8")
    assert send_build(told, manifest, ["livelihood.sent"], edges) == 0  # refused, and the build goes on
    gone = told.model_copy(update={"lineage_url": "http://127.0.0.1:9"})
    assert send_build(gone, manifest, ["livelihood.sent"], edges) == 0


def test_a_catalogue_that_takes_the_call_and_says_nothing_costs_a_build_one_short_wait(
    web_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage_events, "TIMEOUT_SECONDS", 0.2)
    manifest = {"nodes": {}, "sources": {}}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Settings(home=web_home, lineage_url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert send_build(settings, manifest, [f"livelihood.t{n}" for n in range(50)], []) == 0
        assert time.monotonic() - began < 2


def test_a_catalogue_that_answers_slowly_is_told_no_more_when_the_time_is_up(
    web_home: Path, store: AccessStore, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text(store.create_key("dsjj", "平台"), encoding="utf-8")
    settings = Settings(home=web_home, lineage_url=served, lineage_key_file=key)
    tables = ["livelihood.first", "livelihood.second"]
    empty: dict[str, Any] = {"nodes": {}, "sources": {}}

    assert send_build(settings, empty, tables, []) == 2
    monkeypatch.setattr(lineage_events, "SEND_SECONDS", 0.0)
    assert send_build(settings, empty, tables, []) == 0


@pytest.fixture
def served(settings: Settings) -> Iterator[str]:
    """The application on a real port of this machine."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
