"""The demo from nothing to open doors: sample city, real Airflow, every topic published, catalogue served."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock, Timeout

from catalog.derive.rules import DIVISION_REFERENCE
from infra.airflow.client import AirflowClient
from infra.airflow.configuration import (
    ADMIN,
    PROJECT,
    admin_password,
    components,
    write_configuration,
)
from infra.cli.output import UserError
from infra.demo.people import make_accounts
from infra.demo.places import Places, choose_ports, stack_ports
from infra.demo.summary import make_api_key, what_happened, where_to_look
from infra.demo.surroundings import airflow_plan, demo_environment
from infra.demo.watching import DemoError, Ended, Progress, wait_for_ingests, wait_for_topics, wait_until_up
from infra.host.http import local_http
from infra.host.ports import HOST, is_free
from infra.host.processes import Service, is_running, read_services, start, stop, tail, write_services
from infra.stack.control import stack_up
from infra.stack.parts import Say
from infra.stack.status import stack_status
from lakehouse.connect.settings import Settings

DOOR_SECONDS = 60.0
POLL_SECONDS = 0.3
OPERATIONS = {"embedded": 2, "cluster": 4}  # the sweep and the maintenance DAG; on the cluster those of Spark too


@dataclass(frozen=True)
class DemoState:
    """What a demo was started with; a second start finds it by this."""

    people: int
    seed: int
    ports: dict[str, int]
    profile: str = "embedded"

    def __str__(self) -> str:
        return f"{self.people} people, seed {self.seed}, profile {self.profile}"


@dataclass
class DemoReport:
    """What a demo brought about; ``phases`` are seconds, ``failed`` DAGs with the task at which they failed."""

    state: DemoState
    was_up: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: ``batches``, ``quarantined``, ``published``, ``urls``, ``seconds`` …"""
        return {
            **self.results,
            "urls": where_to_look(self.state.ports),
            "failed": self.failed,
            "was_up": self.was_up,
            "people": self.state.people,
            "seed": self.state.seed,
            "profile": self.state.profile,
            "phases": {name: round(seconds, 1) for name, seconds in self.phases.items()},
            "seconds": round(sum(self.phases.values()), 1),
        }


def start_demo(settings: Settings, *, people: int, seed: int, progress: Progress, say: Say) -> DemoReport:
    """Bring the demo up, or find it up; return what it brought about.

    Raises:
        UserError: the home holds another demo, a port is taken, or a part failed (with its log).
    """
    places = Places.of(settings)
    with _alone(places):
        known = _known_state(places)
        if known and (known.people, known.seed, known.profile) != (people, seed, settings.profile):
            raise UserError(
                f"this home holds a demo of {known}",
                hint="repeat it with these, or choose another home: CITYBRAIN_HOME=DIR make demo",
            )
        if known and _is_up(places):
            return DemoReport(known, was_up=True, results=what_happened(settings))
        stop(read_services(places.processes))
        state = DemoState(people, seed, _ports(places, known), settings.profile)
        try:
            return _Demo(settings, places, state, progress, say).run()
        except UserError:
            stop(read_services(places.processes))
            raise
        except (DemoError, httpx.HTTPError) as error:
            stop(read_services(places.processes))
            raise UserError(str(error), hint=f"logs: {places.logs}; then run it again", exit_code=1) from error
        except KeyboardInterrupt:
            stop(read_services(places.processes))
            raise UserError("interrupted; everything the demo had started is stopped", exit_code=130) from None


def stop_demo(settings: Settings) -> list[str]:
    """End exactly what the demo of this home started, of which the stack is no part; return the names of what ran."""
    places = Places.of(settings)
    ended = stop(read_services(places.processes))
    places.processes.unlink(missing_ok=True)
    return ended


class _Demo:
    """One demo while it comes up."""

    def __init__(self, settings: Settings, places: Places, state: DemoState, progress: Progress, say: Say) -> None:
        self._settings, self._places, self._state = settings, places, state
        self._progress, self._say = progress, say
        self._services: list[Service] = []
        self._airflow_url = f"http://{HOST}:{state.ports['airflow']}"
        self._plan = airflow_plan(settings, places, state.ports)
        self._environment = demo_environment(self._plan, places, state.ports)
        self._report = DemoReport(state)

    def run(self) -> DemoReport:
        """Do it all; each phase is timed."""
        self._remember_state()
        with ThreadPoolExecutor(max_workers=1) as background, self._phase("city"):
            airflow = background.submit(self._start_airflow)  # its start-up and the city share the cores
            self._make_city()
            self._parse_models()
            airflow.result()
        self._start("sample-api", _citybrain("sample-api", str(self._places.city), port=self._state.ports["api"]))
        client = AirflowClient(self._airflow_url, ADMIN, admin_password(self._places.airflow))
        with self._phase("airflow"):
            queued = self._open_airflow(client)
        with self._phase("pipeline"):
            ended = self._run_pipeline(client, queued)
        with self._phase("doors"):
            self._wait_for_door()
            make_api_key(self._settings, self._places)
            make_accounts(self._settings, self._places)
            self._report.results = what_happened(self._settings)
        self._report.failed = ended.failed
        return self._report

    def _start_airflow(self) -> None:
        """Start Airflow: the stack's on the cluster, with all that its tasks work with; else one of the demo's own."""
        if self._state.profile == "cluster":
            stack_up(self._places.stack, say=self._say)
            return
        write_configuration(self._plan)
        for name, command in components().items():
            self._start(name, command)

    def _make_city(self) -> None:
        from lakehouse.sample_city.city import SampleCityError, generate_city

        if _city_of(self._places.city) == (self._state.people, self._state.seed):
            return
        try:
            generate_city(
                self._places.city,
                seed=self._state.seed,
                people=self._state.people,
                progress=lambda _what, done, total: self._progress("sample city", done, total),
            )
        except SampleCityError as error:
            raise DemoError(str(error)) from error

    def _parse_models(self) -> None:
        """Let dbt compile its project once, before the first topics would each parse it, for their lineage too."""
        from lakehouse.pipeline.transform import lineage_rows

        folder = self._places.home / "demo" / "dbt"
        folder.mkdir(parents=True, exist_ok=True)
        lineage_rows(self._settings, folder / "build.duckdb")

    def _open_airflow(self, client: AirflowClient) -> dict[str, str]:
        """Wait for Airflow, and queue a run of every ingest DAG; return DAG id -> run id.

        New DAGs are paused, so that nothing runs yet: on SQLite the API server is slow at both at once.
        """
        from lakehouse.pipeline.inputs import load_inputs

        inputs = load_inputs(approved=self._settings.contracts)
        expected = len(inputs.contracts) + len(inputs.topics) + OPERATIONS[self._state.profile]
        ids = wait_until_up(client, self._services, dag_count=expected)
        return {dag_id: client.trigger(dag_id) for dag_id in ids if dag_id.startswith("ingest_")}

    def _run_pipeline(self, client: AirflowClient, queued: dict[str, str]) -> Ended:
        """Let the reference come in that row rules look into, then all else; topics start as their resources are in."""
        from lakehouse.pipeline.inputs import load_inputs
        from lakehouse.pipeline.steps import pending_topics

        first = f"ingest_{DIVISION_REFERENCE.replace('.', '_')}"
        client.unpause(first)
        wait_for_ingests(client, self._services, {first: queued[first]}, lambda *_: None)
        client.unpause("%")
        self._start("serve", _citybrain("serve", port=self._state.ports["web"]))
        wait_for_ingests(client, self._services, queued, self._progress)
        topics = len(load_inputs(checked=False, approved=self._settings.contracts).topics)
        return wait_for_topics(client, self._services, lambda: pending_topics(self._settings), topics, self._progress)

    def _wait_for_door(self) -> None:
        url = f"http://{HOST}:{self._state.ports['web']}/healthz"
        deadline = time.monotonic() + DOOR_SECONDS
        while not _answers(url):
            gone = [service for service in self._services if not is_running(service)]
            if gone or time.monotonic() > deadline:
                service = next(iter(gone), self._services[-1])
                raise DemoError(f"{service.name} does not answer; the end of {service.log}:\n{tail(service)}")
            time.sleep(POLL_SECONDS)

    def _start(self, name: str, command: list[str]) -> None:
        log = self._places.logs / f"{name}.log"
        service = start(name, command, environment=self._environment, log=log, folder=PROJECT)
        self._services.append(service)
        write_services(self._places.processes, self._services)

    def _remember_state(self) -> None:
        self._places.state.parent.mkdir(parents=True, exist_ok=True)
        self._places.state.write_text(json.dumps(asdict(self._state)), encoding="utf-8")

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._report.phases[name] = time.monotonic() - started


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    """Hold the home for one demo command at a time."""
    places.processes.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(str(places.processes.with_name("demo.lock")), timeout=0):
            yield
    except Timeout:
        raise UserError("another citybrain demo is coming up in this home", hint="wait for it") from None


def _known_state(places: Places) -> DemoState | None:
    if not places.state.exists():
        return None
    return DemoState(**json.loads(places.state.read_text(encoding="utf-8")))


def _is_up(places: Places) -> bool:
    """Say whether all that a finished demo leaves running still runs."""
    running = {service.name for service in read_services(places.processes) if is_running(service)}
    if places.profile == "cluster":
        return running >= {"sample-api", "serve"} and stack_status(places.stack).is_well
    return running >= {*components(), "sample-api", "serve"}


def _ports(places: Places, known: DemoState | None) -> dict[str, int]:
    """Return the ports of a demo that comes up: those that it had, where they can be had.

    Raises:
        UserError: one that the stack's settings name is taken.
    """
    if places.profile == "embedded":
        return known.ports if known and _are_free(known.ports) else choose_ports()
    ports = stack_ports(places)
    taken = [port for name, port in ports.items() if name != "airflow" and not is_free(port)]
    if taken:
        raise UserError(
            f"port {taken[0]} is taken, which {places.stack.settings} keeps for the demo",
            hint="end what holds it; or stop the stack and write another port there",
        )
    return ports


def _are_free(ports: dict[str, int]) -> bool:
    return all(is_free(port) for port in ports.values())


def _city_of(folder: Path) -> tuple[int, int] | None:
    """Return people and seed of the sample city that is there."""
    try:
        facts = json.loads((folder / "city.json").read_text(encoding="utf-8"))
        return facts["people"], facts["seed"]
    except (OSError, ValueError, KeyError):
        return None


def _citybrain(command: str, *arguments: str, port: int) -> list[str]:
    script = Path(sys.executable).with_name("citybrain")
    return [str(script), command, *arguments, "--port", str(port)]


def _answers(url: str) -> bool:
    try:
        return local_http().get(url, timeout=5.0).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
