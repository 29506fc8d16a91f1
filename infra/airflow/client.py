"""What is asked of Airflow's REST API v2: is it up, which DAGs are there, start them, how are their runs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx

PAGE = 100
TIMEOUT_SECONDS = 60.0  # start-up on a busy machine is slow; the caller has a deadline of its own
UP = "healthy"
ACTIVE = frozenset({"queued", "running"})
PARTS = ("metadatabase", "scheduler", "dag_processor")
HEALTH_SECONDS = 5.0
ATTEMPTS, RETRY_SECONDS = 6, 0.5


def health(http: httpx.Client, url: str = "") -> dict[str, dict[str, Any]]:
    """Return what the API server says of each part: ``status``, and for those that beat, when they last did.

    ``url`` is that of the server, for a client that has none of its own.

    It is asked by the way that tasks take too, which it makes ready at the first request only, in seconds.

    Raises:
        httpx.HTTPError: it does not answer as it should.
    """
    for path in ("/execution/health", "/api/v2/monitor/health"):
        answer = http.get(f"{url}{path}", timeout=HEALTH_SECONDS)
        answer.raise_for_status()
    found: dict[str, dict[str, Any]] = answer.json()
    return found


class AirflowClient:
    """A logged-in client; raises ``httpx.HTTPError`` when Airflow does not answer."""

    def __init__(self, url: str, user: str, password: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport)
        self._user, self._password = user, password

    def is_up(self) -> bool:
        """Say whether API server, scheduler and DAG processor all answer and beat."""
        try:
            found = health(self._http)
        except httpx.HTTPError:
            return False
        return all(found[part]["status"] == UP for part in PARTS)

    def log_in(self) -> None:
        """Fetch a token for all further calls."""
        answer = self._http.post("/auth/token", json={"username": self._user, "password": self._password})
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def dag_ids(self) -> list[str]:
        """Return the ids of all DAGs that Airflow has taken in."""
        return [dag["dag_id"] for dag in self._pages("/dags", "dags")]

    def import_errors(self) -> list[str]:
        """Return why DAG files could not be parsed."""
        return [error["stack_trace"] for error in self._pages("/importErrors", "import_errors")]

    def unpause(self, pattern: str) -> None:
        """Let the DAGs run whose ids match ``pattern`` (``%`` stands for anything)."""
        self._call("PATCH", "/dags", params={"dag_id_pattern": pattern}, json={"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        """Start a run (a paused DAG keeps it queued), and return its id."""
        run_id = f"demo__{secrets.token_hex(6)}"
        self._call("POST", f"/dags/{dag_id}/dagRuns", json={"dag_run_id": run_id, "logical_date": None})
        return run_id

    def runs(self) -> list[dict[str, Any]]:
        """Return all DAG runs, oldest first: ``dag_id``, ``dag_run_id``, ``state`` …"""
        return list(self._pages("/dags/~/dagRuns", "dag_runs", order_by="id"))

    def active_runs(self) -> list[dict[str, Any]]:
        """Return the DAG runs that are queued or run, oldest first; as :meth:`runs`, for less."""
        return list(self._pages("/dags/~/dagRuns", "dag_runs", order_by="id", state=sorted(ACTIVE)))

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the tasks of one run with their state."""
        return list(self._pages(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances"))

    def _pages(self, path: str, field: str, **params: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._call("GET", path, params={"limit": PAGE, "offset": offset, **params})
            yield from page[field]
            offset += PAGE
            if offset >= page["total_entries"]:
                return

    def _call(self, method: str, path: str, **request: Any) -> Any:
        """Call until there is an answer; every call may be repeated, since a run carries an id of our own.

        On SQLite the API server answers 500 when a task's report holds the lock for more than five seconds.
        """
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._http.request(method, f"/api/v2{path}", **request)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self.log_in()
            elif answer.status_code == httpx.codes.CONFLICT and attempt > 1:
                return {}  # the attempt before had done it
            elif not answer.is_server_error:
                break
            time.sleep(RETRY_SECONDS)
        answer.raise_for_status()
        return answer.json()
