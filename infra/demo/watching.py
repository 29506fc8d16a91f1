"""Follow the demo through Airflow until every topic is published, or it is clear that one will not be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.demo.airflow_client import AirflowClient
from infra.demo.processes import Service, is_running, tail

POLL_SECONDS = 1.0
START_SECONDS = 300.0
RUN_SECONDS = 3600.0
MAX_SWEEPS = 3
ACTIVE = frozenset({"queued", "running"})
SWEEP = "sweep_lost_events"

Progress = Callable[[str, int, int], None]


class DemoError(Exception):
    """The demo cannot go on: says why and where to look."""


@dataclass(frozen=True)
class Ended:
    """How the runs ended: DAGs that failed, with the reason where Airflow knows one."""

    failed: dict[str, str]


def wait_until_up(client: AirflowClient, services: Sequence[Service], *, dag_count: int) -> list[str]:
    """Wait until Airflow answers and has taken in ``dag_count`` DAGs; return their ids.

    Raises:
        DemoError: a process ended, a DAG file cannot be parsed, or it takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while not client.is_up():
        _check(services, deadline, "Airflow did not come up")
        time.sleep(POLL_SECONDS)
    client.log_in()
    while True:
        ids = client.dag_ids()
        if len(ids) >= dag_count:
            return ids
        errors = client.import_errors()
        if errors:
            raise DemoError(f"Airflow cannot parse the DAGs: {errors[0].strip().splitlines()[-1]}")
        _check(services, deadline, f"Airflow took in {len(ids)} of {dag_count} DAGs")
        time.sleep(POLL_SECONDS)


def wait_for_runs(client: AirflowClient, services: Sequence[Service], dag_ids: Iterable[str]) -> None:
    """Wait until the latest run of each DAG has ended, well or not."""
    wanted, deadline = set(dag_ids), time.monotonic() + RUN_SECONDS
    while wanted - {run["dag_id"] for run in client.runs() if run["state"] not in ACTIVE}:
        _check(services, deadline, f"{', '.join(sorted(wanted))} did not end")
        time.sleep(POLL_SECONDS)


def follow(
    client: AirflowClient,
    services: Sequence[Service],
    ingest_ids: Iterable[str],
    pending_topics: Callable[[], list[str]],
    topic_count: int,
    progress: Progress,
) -> Ended:
    """Wait until everything came in and every topic is published; return what failed.

    Topics start by their asset events. When all is quiet and a topic is still pending, its event was lost, and the
    sweep is started at once instead of at the next quarter of an hour.

    Raises:
        DemoError: a process ended, or it takes too long.
    """
    wanted, deadline, sweeps = set(ingest_ids), time.monotonic() + RUN_SECONDS, 0
    while True:
        runs = client.runs()
        latest = {run["dag_id"]: run for run in runs}
        came_in = sum(latest[dag_id]["state"] not in ACTIVE for dag_id in wanted if dag_id in latest)
        progress("ingest", came_in, len(wanted))
        waiting = pending_topics()
        progress("topics", topic_count - len(waiting), topic_count)
        if came_in == len(wanted) and not _is_anything_active(runs):
            failed = _failures(client, latest)
            blocked = [topic for topic in waiting if f"topic_{topic}" in failed]
            if len(blocked) == len(waiting) or sweeps == MAX_SWEEPS:
                return Ended(failed)
            client.trigger(SWEEP)
            sweeps += 1
        _check(services, deadline, f"waited for topics {', '.join(waiting)}")
        time.sleep(POLL_SECONDS)


def _is_anything_active(runs: Iterable[dict[str, Any]]) -> bool:
    return any(run["state"] in ACTIVE and run["dag_id"] != "maintenance" for run in runs)


def _failures(client: AirflowClient, latest: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the failed DAGs and the task at which each failed."""
    found = {}
    for dag_id, run in latest.items():
        if run["state"] == "failed":
            tasks = client.task_instances(dag_id, run["dag_run_id"])
            found[dag_id] = ", ".join(task["task_id"] for task in tasks if task["state"] == "failed")
    return found


def _check(services: Iterable[Service], deadline: float, what: str) -> None:
    for service in services:
        if not is_running(service):
            raise DemoError(f"{service.name} ended; the end of {service.log}:\n{tail(service)}")
    if time.monotonic() > deadline:
        raise DemoError(f"{what} in time; see the logs in {next(iter(services)).log.rpartition('/')[0]}")
