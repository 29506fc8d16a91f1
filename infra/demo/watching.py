"""Follow the demo through Airflow until every topic is published, or it is clear that one will not be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.airflow.client import AirflowClient
from infra.host.processes import Service, is_running, tail

POLL_SECONDS = 0.5
# A list of many runs costs the API server what the runs themselves could use.
FEW_RUNS, OF_FEW_POLL_SECONDS, OF_MANY_POLL_SECONDS = 3, 0.25, 1.0
START_SECONDS = 300.0
RUN_SECONDS = 3600.0
MAX_SWEEPS = 3
QUIET_POLLS = 12
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


def wait_for_ingests(
    client: AirflowClient, services: Sequence[Service], started: Mapping[str, str], progress: Progress
) -> None:
    """Wait until the runs that were ``started`` (DAG id -> run id) have ended, well or not."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        ended = len(started) - _active(client.active_runs(), started)
        progress("ingest", ended, len(started))
        if ended == len(started):
            return
        _check(services, deadline, f"{len(started) - ended} ingest runs did not end")
        _pause(len(started) - ended)


def wait_for_topics(
    client: AirflowClient,
    services: Sequence[Service],
    pending_topics: Callable[[], list[str]],
    topic_count: int,
    progress: Progress,
) -> Ended:
    """Wait until every topic is published, and return what failed.

    The sweep starts the topics that have no active run; those start the topics that read them. It is asked again
    when all is quiet and a topic is still behind, as it would be by itself every quarter of an hour.

    Raises:
        DemoError: a process ended, or it takes too long.
    """
    deadline, sweeps, quiet_polls = time.monotonic() + RUN_SECONDS, 0, 0
    known: set[str] | None = None
    waiting: list[str] = []
    while True:
        active = {run["dag_run_id"]: run for run in client.active_runs()}
        if known != {*active} or not _is_publishing(active.values()):
            known, waiting = {*active}, pending_topics()
            progress("topics", topic_count - len(waiting), topic_count)
        if _is_publishing(active.values()):
            quiet_polls = 0
        elif not waiting:
            return Ended(_failures(client))
        elif quiet_polls < QUIET_POLLS:  # an event takes a moment to become a run
            quiet_polls += 1
        else:
            failed = _failures(client)
            if sweeps == MAX_SWEEPS or all(f"topic_{topic}" in failed for topic in waiting):
                return Ended(failed)
            client.trigger(SWEEP)
            sweeps, quiet_polls = sweeps + 1, 0
        _check(services, deadline, f"waited for topics {', '.join(waiting)}")
        _pause(len(active))


def _pause(active: int) -> None:
    time.sleep(OF_FEW_POLL_SECONDS if active <= FEW_RUNS else OF_MANY_POLL_SECONDS)


def _active(runs: Iterable[dict[str, Any]], started: Mapping[str, str]) -> int:
    return sum(started.get(run["dag_id"]) == run["dag_run_id"] for run in runs)


def _is_publishing(active: Iterable[dict[str, Any]]) -> bool:
    return any(run["dag_id"].startswith(("topic_", SWEEP)) for run in active)


def _failures(client: AirflowClient) -> dict[str, str]:
    """Return the DAGs whose latest run failed, and the task at which each did."""
    found = {}
    for dag_id, run in {run["dag_id"]: run for run in client.runs()}.items():
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
