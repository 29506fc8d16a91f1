"""``citybrain bench orchestration``: what it costs to run the pipeline through Airflow, and what astronomer-cosmos costs.

Ours is the pipeline through a real Airflow, from the first trigger until no topic has anything to publish. The floor is
the same step functions called one after the other in one process that has imported everything before. The peers are
astronomer-cosmos, LOCAL (a task a model, a dbt invocation each) and WATCHER (one ``dbt build``, a sensor a model), in the
same Airflow with the same preloaded processes: the same ingest functions, one build database over all that came in, their
task group on the same dbt project, and the same publish. They check no suite, write no documentation, and publish unchecked.

The peers run in the first round only, since they take many times as long.

Not counted for anyone: the start of Airflow, of the department API, and what is kept from run to run (dbt's parsed
project, which cosmos renders from, and the project's column lineage).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import structlog

from infra.airflow.configuration import PROJECT
from infra.bench.harness import FLOOR, OURS, ArmFailed, ArmResult, run_arms
from infra.bench.orchestration_airflow import BenchAirflow, RunningAirflow, cpu_seconds, running_airflow
from infra.bench.orchestration_peer import (
    DBT_POOL,
    MANIFEST_VARIABLE,
    MODE_VARIABLE,
    PEER_DAG,
    TOPICS_VARIABLE,
    database_of,
    resources_of,
)
from infra.cli.output import UserError
from infra.demo.run import OPERATIONS
from infra.demo.watching import SWEEP, wait_for_ingests, wait_for_topics
from infra.host.http import local_http
from infra.host.ports import HOST, bindable
from infra.host.processes import is_running, start, stop
from lakehouse.connect.settings import Settings

LOCAL, WATCHER = "peer:cosmos_local", "peer:cosmos_watcher"
PEOPLE, SEED = 2_000, 42
API_SECONDS = 120.0
VERSIONS = (
    "citybrain",
    "apache-airflow",
    "astronomer-cosmos",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
)
COSMOS_DAGS = Path(__file__).parent / "cosmos_dags"


@dataclass(frozen=True)
class Stage:
    """What all arms start from; every repetition has a home of its own below ``root``."""

    root: Path
    city: Path
    api_url: str
    topics: tuple[str, ...]

    def new_home(self, arm: str) -> Path:
        """Make a home that has nothing but what is kept from run to run."""
        home = Path(tempfile.mkdtemp(prefix=f"{arm}-", dir=self.root))
        shutil.copytree(self.template / "dbt-cache", home / "dbt-cache")
        return home

    @property
    def template(self) -> Path:
        return self.root / "template"

    @property
    def manifest(self) -> Path:
        return self.template / "parse" / "dbt" / "manifest.json"


def bench_orchestration(
    people: int = PEOPLE,
    repeat: int = 3,
    *,
    topics: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure all arms on a city of ``people``, for the named topics (none: all but the catalogue, which has no peer).

    Raises:
        UserError: astronomer-cosmos is not installed, or there is no such topic.
    """
    wanted = _known(topics)
    if find_spec("cosmos") is None:
        raise UserError("astronomer-cosmos is not installed", hint="uv sync --inexact --group bench-airflow")
    with (
        tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder,
        _stage(Path(folder), people, wanted) as stage,
    ):
        arms = {
            OURS: partial(_ours, stage),
            FLOOR: partial(_floor, stage),
            LOCAL: partial(_peer, stage, "local"),
            WATCHER: partial(_peer, stage, "watcher"),
        }
        params = {
            "people": people,
            "seed": SEED,
            "topics": list(wanted),
            "resources": len(resources_of(list(wanted))),
            "ours_and_floor_do": "ingest, suites, dbt per topic, suites, Data Docs, publish per topic",
            "peers_do": "ingest, dbt once for all topics, publish once",
        }
        once = frozenset({LOCAL, WATCHER})
        return run_arms("orchestration", params, arms, repeat, versions=VERSIONS, once=once, progress=progress)


def _known(topics: Sequence[str]) -> tuple[str, ...]:
    from catalog.contract.load import load_vocabulary

    known = list(load_vocabulary().categories.topics)
    unknown = [topic for topic in topics if topic not in known]
    if unknown:
        raise UserError(f"no topic named {unknown[0]!r}", hint=f"one of: {', '.join(known)}")
    return tuple(topics) or tuple(known)


@contextmanager
def _stage(root: Path, people: int, topics: tuple[str, ...]) -> Iterator[Stage]:
    from lakehouse.sample_city.city import generate_city

    city, port = root / "city", bindable(0)
    generate_city(city, seed=SEED, people=people)
    stage = Stage(root, city, f"http://{HOST}:{port}", topics)
    _parse(stage)
    command = [str(Path(sys.executable).with_name("citybrain")), "sample-api", str(city), "--port", str(port)]
    api = start("sample-api", command, environment=os.environ, log=root / "api.log", folder=PROJECT)
    try:
        deadline = time.monotonic() + API_SECONDS
        while not _answers(stage.api_url):
            if not is_running(api) or time.monotonic() > deadline:
                raise ArmFailed(
                    f"the department API does not answer:\n{(root / 'api.log').read_text(encoding='utf-8')}"
                )
            time.sleep(0.1)
        yield stage
    finally:
        stop([api])


def _parse(stage: Stage) -> None:
    from lakehouse.pipeline.dbt_process import run_command

    folder = stage.template / "parse"
    folder.mkdir(parents=True)
    done = run_command(Settings(home=stage.template), folder / "build.duckdb", ["parse"])
    if done.returncode:
        raise ArmFailed(f"dbt cannot parse the project:\n{done.stdout}")


def _ours(stage: Stage) -> ArmResult:
    from lakehouse.pipeline.inputs import load_inputs
    from lakehouse.pipeline.steps import pending_topics

    inputs = load_inputs(checked=False)
    home = stage.new_home("ours")
    count = len(inputs.contracts) + len(inputs.topics) + OPERATIONS["embedded"]
    keys = resources_of(list(stage.topics))
    with running_airflow(BenchAirflow(home, stage.city, stage.api_url, count)) as airflow:
        client, services = airflow.client, airflow.services
        cpu, started = airflow.cpu_seconds(), time.perf_counter()
        runs = {dag_id: client.trigger(dag_id) for dag_id in map(_ingest_dag, keys)}
        first = _ingest_dag(keys[0])
        client.unpause(first)
        wait_for_ingests(client, services, {first: runs[first]}, lambda *_: None)
        for pattern in ("ingest_%", *(f"topic_{topic}" for topic in stage.topics), SWEEP):
            client.unpause(pattern)
        wait_for_ingests(client, services, runs, lambda *_: None)
        came_in = time.perf_counter()
        done: float | None = None  # since when there is nothing to publish; runs that do nothing may still follow

        def behind() -> list[str]:
            nonlocal done
            left = pending_topics(Settings(home=home), stage.topics)
            done = None if left else done or time.perf_counter()
            return left

        ended = wait_for_topics(client, services, behind, len(stage.topics), lambda *_: None)
        seconds = (done or time.perf_counter()) - started
        notes = _notes(airflow, cpu, seconds, came_in - started)
    if ended.failed:
        raise ArmFailed(f"failed: {ended.failed}")
    return ArmResult(seconds, _marts(home, stage.topics), notes)


def _floor(stage: Stage) -> ArmResult:
    from expectations.gx import load_great_expectations
    from lakehouse.pipeline.dbt_process import run_command
    from lakehouse.pipeline.steps import ingest_step
    from lakehouse.sources import SourceSystem

    _quiet_logs()
    home = stage.new_home("floor")
    settings, source = Settings(home=home), SourceSystem.from_dir(stage.city, api_url=stage.api_url)
    load_great_expectations()
    run_command(settings, home / "warm" / "build.duckdb", ["--version"])
    cpu, started = _own_cpu(), time.perf_counter()
    for key in resources_of(list(stage.topics)):
        ingest_step(settings, key, source)
    came_in = time.perf_counter()
    _build_all(settings, stage.topics)
    seconds = time.perf_counter() - started
    notes = {"cpu_seconds": round(_own_cpu() - cpu, 2), "ingest_seconds": round(came_in - started, 2)}
    return ArmResult(seconds, _marts(home, stage.topics), notes)


def _build_all(settings: Settings, topics: Sequence[str]) -> None:
    from lakehouse.pipeline.steps import check_step, open_topic_branch, pending_topics, publish_step, transform_step

    while todo := pending_topics(settings, topics):
        for topic in todo:
            branch = open_topic_branch(settings, topic)["branch"]
            if branch is None:
                continue
            for step in (transform_step, check_step):
                verdict = step(settings, branch, topic)
                if verdict["blocked"]:
                    raise ArmFailed(f"{topic} is blocked: {verdict['reason']}")
            publish_step(settings, branch, topic)


def _peer(stage: Stage, mode: str) -> ArmResult:
    home = stage.new_home(mode)
    settings = Settings(home=home)
    variables = {
        MODE_VARIABLE: mode,
        MANIFEST_VARIABLE: str(stage.manifest),
        TOPICS_VARIABLE: ",".join(stage.topics),
        "CITYBRAIN_BUILD_DB": str(database_of(settings)),
        "CITYBRAIN_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
    }
    plan = BenchAirflow(
        home, stage.city, stage.api_url, 1, COSMOS_DAGS, variables, {DBT_POOL: 1}, with_triggerer=mode == "watcher"
    )
    with running_airflow(plan) as airflow:
        airflow.client.unpause(PEER_DAG)
        cpu, started = airflow.cpu_seconds(), time.perf_counter()
        airflow.wait_for(PEER_DAG, airflow.client.trigger(PEER_DAG))
        seconds = time.perf_counter() - started
        notes = _notes(airflow, cpu, seconds, None)
    return ArmResult(seconds, _marts(home, stage.topics), notes)


def _notes(airflow: RunningAirflow, cpu: float, seconds: float, ingest: float | None) -> dict[str, Any]:
    notes = {"cpu_seconds": round(airflow.cpu_seconds() - cpu, 2), "tasks": airflow.tasks_run()}
    return notes | ({} if ingest is None else {"ingest_seconds": round(ingest, 2)})


def _marts(home: Path, topics: Sequence[str]) -> dict[str, str]:
    """Return, by table, the number of rows and a hash of them in any order."""
    from lakehouse.query import open_reader

    found = {}
    with open_reader(Settings(home=home)) as reader:
        for name in sorted(reader.tables()):
            if name.split(".")[0] in topics:
                rows = sorted(json.dumps(row, default=str) for row in reader.arrow(f"select * from {name}").to_pylist())
                found[name] = f"{len(rows)} {hashlib.sha256('|'.join(rows).encode()).hexdigest()[:16]}"
    return found


def _quiet_logs() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def _ingest_dag(key: str) -> str:
    return f"ingest_{key.replace('.', '_')}"


def _own_cpu() -> float:
    return cpu_seconds([os.getpid()])


def _answers(url: str) -> bool:
    try:
        local_http().get(url, timeout=5.0)
    except httpx.HTTPError:
        return False
    return True
