"""When a process of Airflow counts as healthy: its own beat counts, not that of the one before it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.service import Unhealthy
from infra.stack.services.airflow import AirflowApiServer, AirflowProcess, AirflowScheduler
from infra.stack.settings import StackSettings


@pytest.fixture
def answering() -> Iterator[Callable[[dict[str, Any]], int]]:
    """Let a port answer with a health of Airflow."""
    told: dict[str, Any] = {}

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def tell(health: dict[str, Any]) -> int:
            told.update(health)
            return server.server_port

        yield tell
        server.shutdown()


@pytest.fixture
def make(places: StackPlaces, stack_settings: StackSettings, parts: Parts) -> Callable[..., AirflowProcess]:
    def build(kind: type[AirflowProcess], port: int) -> AirflowProcess:
        ports = stack_settings.ports.model_copy(update={"airflow": port})
        service = kind(places, stack_settings.model_copy(update={"ports": ports}), parts)
        service.prepare()
        return service

    return build


def _health(beat: datetime | None, status: str = "healthy") -> dict[str, Any]:
    scheduler = {"status": status, "latest_scheduler_heartbeat": beat and beat.isoformat()}
    return {"metadatabase": {"status": "healthy"}, "scheduler": scheduler}


def test_a_beat_of_the_process_before_does_not_count(
    answering: Callable[[dict[str, Any]], int], make: Callable[..., AirflowProcess]
) -> None:
    old = datetime.now(UTC) - timedelta(seconds=5)
    service = make(AirflowScheduler, answering(_health(old)))
    service.check()  # asked by somebody who did not start it, its beat is as good as any
    service.launch()

    with pytest.raises(Unhealthy, match="before it was started"):
        service.check()

    answering(_health(datetime.now(UTC) + timedelta(seconds=1)))
    service.check()


def test_one_that_has_stopped_to_beat_is_told_with_its_last(
    answering: Callable[[dict[str, Any]], int], make: Callable[..., AirflowProcess]
) -> None:
    beat = datetime(2026, 7, 1, tzinfo=UTC)
    service = make(AirflowScheduler, answering(_health(beat, "unhealthy")))

    with pytest.raises(Unhealthy, match="scheduler is unhealthy, last seen 2026-07-01"):
        service.check()


def test_the_api_server_is_asked_whether_it_reaches_its_database(
    answering: Callable[[dict[str, Any]], int], make: Callable[..., AirflowProcess]
) -> None:
    port = answering(_health(None, "unhealthy"))
    make(AirflowApiServer, port).check()
    answering({"metadatabase": {"status": "unhealthy"}})

    with pytest.raises(Unhealthy, match="metadatabase"):
        make(AirflowApiServer, port).check()


def test_one_that_does_not_answer_is_named_with_its_address(make: Callable[..., AirflowProcess]) -> None:
    with pytest.raises(Unhealthy, match="that http://127"):
        make(AirflowApiServer, 7).check()
