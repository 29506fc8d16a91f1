"""Calls to Airflow survive its hiccups, and a start is never done twice."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from infra.airflow import client as airflow_client
from infra.airflow.client import AirflowClient

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_client, "RETRY_SECONDS", 0.0)


class Server:
    """Answers by script and keeps what was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "fresh"})
        status, body = self._answers.pop(0)
        return httpx.Response(status, json=body)


def client(server: Answer) -> AirflowClient:
    return AirflowClient("http://airflow", "admin", "secret", transport=httpx.MockTransport(server))


def test_a_start_is_repeated_under_the_same_run_id_after_a_server_error() -> None:
    server = Server((500, {}), (200, {}))
    run_id = client(server).trigger("ingest_a")
    sent = [json.loads(request.content)["dag_run_id"] for request in server.asked]
    assert sent == [run_id, run_id]


def test_a_start_that_had_worked_before_its_error_is_not_done_again() -> None:
    server = Server((500, {}), (409, {"detail": "exists"}))
    assert client(server).trigger("ingest_a").startswith("demo__")


def test_a_conflict_at_the_first_attempt_is_an_error() -> None:
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        client(Server((409, {"detail": "exists"}))).trigger("ingest_a")


def test_a_server_that_stays_broken_is_told() -> None:
    server = Server(*[(500, {})] * airflow_client.ATTEMPTS)
    with pytest.raises(httpx.HTTPStatusError, match="500"):
        client(server).runs()
    assert len(server.asked) == airflow_client.ATTEMPTS


def test_an_expired_token_is_renewed() -> None:
    server = Server((401, {}), (200, {"dags": [{"dag_id": "a"}], "total_entries": 1}))
    assert client(server).dag_ids() == ["a"]
    assert server.asked[-1].headers["Authorization"] == "Bearer fresh"


def test_lists_are_read_to_their_last_page() -> None:
    pages = [
        (200, {"dags": [{"dag_id": f"d{n}"} for n in part], "total_entries": 230})
        for part in (range(100), range(100, 200), range(200, 230))
    ]
    assert client(Server(*pages)).dag_ids() == [f"d{n}" for n in range(230)]


def test_active_runs_are_asked_for_and_no_others() -> None:
    server = Server((200, {"dag_runs": [{"dag_run_id": "r"}], "total_entries": 1}))
    assert client(server).active_runs() == [{"dag_run_id": "r"}]
    assert server.asked[0].url.params.get_list("state") == ["queued", "running"]


@pytest.mark.parametrize("part", ["metadatabase", "scheduler", "dag_processor"])
def test_airflow_is_up_when_every_part_is_healthy(part: str) -> None:
    healthy = {name: {"status": "healthy"} for name in ("metadatabase", "scheduler", "dag_processor")}
    tasks = {"status": "healthy"}
    server = Server((200, tasks), (200, healthy))
    assert client(server).is_up()
    assert server.asked[0].url.path == "/execution/health"  # made ready by this, before the first task needs it
    assert not client(Server((200, tasks), (200, {**healthy, part: {"status": "unhealthy"}}))).is_up()


def test_airflow_that_does_not_answer_is_not_up() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert not client(refuse).is_up()
    assert not client(Server((503, {}))).is_up()
    assert not client(Server((200, {}), (503, {}))).is_up()
