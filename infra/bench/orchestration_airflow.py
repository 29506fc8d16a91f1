"""A real Airflow for one arm of ``bench orchestration``: as the demo configures it, started and ended around the arm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.airflow.client import ACTIVE, AirflowClient
from infra.airflow.configuration import (
    ADMIN,
    PROJECT,
    AirflowPlan,
    AirflowSecrets,
    components,
    write_configuration,
)
from infra.bench.harness import ArmFailed
from infra.demo.places import Places
from infra.demo.surroundings import demo_environment
from infra.demo.watching import wait_until_up
from infra.host.ports import HOST, bindable
from infra.host.processes import Service, start, stop, tail

POLL_SECONDS = 0.3
LOG_CHARACTERS = 3000
PEER_SECONDS = 3600.0
IDLE_SECONDS, PRELOAD_SECONDS = 3.0, 120.0
TRIGGERER = "airflow-triggerer"


@dataclass(frozen=True)
class BenchAirflow:
    """What Airflow is to run: ``dags`` is its DAG folder (None: ours), ``pools`` are slots by name."""

    home: Path
    city: Path
    api_url: str
    dag_count: int
    dags: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    with_triggerer: bool = False


@dataclass(frozen=True)
class RunningAirflow:
    """An Airflow that is up and has taken in its DAGs, all of them paused."""

    client: AirflowClient
    services: list[Service]

    def cpu_seconds(self) -> float:
        """Return the processor time of its processes so far, and of all that they started."""
        return cpu_seconds(service.pid for service in self.services)

    def wait_for(self, dag_id: str, run_id: str) -> None:
        """Wait for the end of a run; raise :class:`ArmFailed` naming the tasks at which it failed."""
        deadline = time.monotonic() + PEER_SECONDS
        while time.monotonic() < deadline:
            (run,) = [run for run in self.client.runs() if run["dag_run_id"] == run_id]
            if run["state"] == "success":
                return
            if run["state"] not in ACTIVE:
                tasks = self.client.task_instances(dag_id, run_id)
                failed = sorted(task["task_id"] for task in tasks if task["state"] == "failed")
                raise ArmFailed(f"{dag_id} failed at {', '.join(failed)}:\n{self._said(failed[:1])}")
            time.sleep(POLL_SECONDS)
        raise ArmFailed(f"{dag_id} did not end in {PEER_SECONDS:.0f} s")

    def _said(self, tasks: list[str]) -> str:
        """Return the end of what these tasks logged."""
        logs = Path(self.services[0].log).parent / "airflow-tasks"
        found = [path for task in tasks for path in sorted(logs.rglob(f"*task_id={task}/*.log"))]
        return "\n".join(path.read_text(encoding="utf-8")[-LOG_CHARACTERS:] for path in found)

    def tasks_run(self) -> int:
        """Return how many task instances ran to their end, of all runs."""
        runs = self.client.runs()
        tasks = [task for run in runs for task in self.client.task_instances(run["dag_id"], run["dag_run_id"])]
        return sum(task["state"] in ("success", "failed", "skipped") and task["duration"] is not None for task in tasks)


@contextmanager
def running_airflow(plan: BenchAirflow) -> Iterator[RunningAirflow]:
    """Start Airflow, wait until it has taken in the DAGs, and end it."""
    places = Places(plan.home)
    port = bindable(0)
    if port is None:
        raise ArmFailed("no free port")
    airflow = AirflowPlan(
        folder=places.airflow,
        logs=places.logs,
        port=port,
        database=f"sqlite:///{places.airflow / 'airflow.db'}",
        secrets=AirflowSecrets(),
    )
    write_configuration(airflow)
    variables = demo_environment(airflow, places, {"airflow": port, "api": 0})
    variables |= {"CITYBRAIN_SOURCE": str(plan.city), "CITYBRAIN_API_URL": plan.api_url, **plan.variables}
    if plan.dags is not None:
        variables["AIRFLOW__CORE__DAGS_FOLDER"] = str(plan.dags)
    _prepare(places, variables, plan.pools)
    commands = components() | ({TRIGGERER: _airflow("triggerer")} if plan.with_triggerer else {})
    services = []
    try:
        for name, command in commands.items():
            log = places.logs / f"{name}.log"
            services.append(start(name, command, environment=variables, log=log, folder=PROJECT))
        client = AirflowClient(f"http://{HOST}:{port}", ADMIN, airflow.secrets.admin)
        wait_until_up(client, services, dag_count=plan.dag_count)
        _wait_until_preloaded(services)
        yield RunningAirflow(client, services)
    finally:
        stop(services)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the user and system time of processes and all below them, those that have ended included."""
    total = 0.0
    for pid in pids:
        for process in _tree(pid):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue  # it ended meanwhile, and its parent has its time
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _wait_until_preloaded(services: Iterable[Service]) -> None:
    """Wait until the process that tasks are forked from has imported what they need: its start is Airflow's start."""
    known, since = -1.0, time.monotonic()
    deadline = since + PRELOAD_SECONDS
    while time.monotonic() < min(since + IDLE_SECONDS, deadline):
        servers = [process for service in services for process in _tree(service.pid) if _is_fork_server(process)]
        spent = cpu_seconds(process.pid for process in servers)
        if not servers or spent != known:
            known, since = spent, time.monotonic()
        time.sleep(POLL_SECONDS)


def _is_fork_server(process: psutil.Process) -> bool:
    try:
        return any("multiprocessing.forkserver" in part for part in process.cmdline())
    except psutil.Error:
        return False


def _airflow(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *arguments]


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _prepare(places: Places, variables: Mapping[str, str], pools: Mapping[str, int]) -> None:
    log = places.logs / "airflow-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    commands = [_airflow("db", "migrate")]
    commands += [_airflow("pools", "set", name, str(slots), "bench") for name, slots in pools.items()]
    with log.open("ab") as sink:
        for command in commands:
            done = subprocess.run(
                command, env=dict(variables), cwd=os.fspath(places.airflow), stdout=sink, stderr=sink, check=False
            )
            if done.returncode:
                raise ArmFailed(f"{' '.join(command[2:])} failed:\n{tail(Service('migrate', 0, '', str(log)))}")
