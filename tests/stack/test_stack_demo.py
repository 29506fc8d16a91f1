"""``citybrain demo --profile cluster`` from outside: the stack's Airflow, its servers, and what a crash of either leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_stack import SERVERS, refuse_missing

from infra.airflow.client import AirflowClient
from infra.airflow.configuration import ADMIN, admin_password
from infra.demo.places import Places
from infra.stack.places import StackPlaces
from infra.stack.status import Status, stack_status
from lakehouse.branches import diverged
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.steps import INBOUND

pytestmark = [pytest.mark.cluster_demo, pytest.mark.timeout(3600)]
PEOPLE, SEED = 200, 11
TOPICS = {"population", "legal_person", "livelihood", "city_operation", "economy", "governance", "catalogue"}
CITYBRAIN = str(Path(sys.executable).with_name("citybrain"))
PATIENCE = 3000
TOPIC_TASKS = ("transform", "check", "publish")

Cli = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def cli(own_places: StackPlaces) -> Cli:
    """Run ``citybrain`` in the demo's home, on the cluster profile."""
    environment = {**os.environ, "CITYBRAIN_HOME": str(own_places.home), "CITYBRAIN_PROFILE": "cluster"}

    def run(*arguments: str, code: int = 0) -> dict[str, Any]:
        command = [CITYBRAIN, *arguments, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == code, done.stderr[-4000:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


@pytest.fixture(scope="module")
def demo(cli: Cli) -> Iterator[dict[str, Any]]:
    refuse_missing(SERVERS)
    yield cli("demo", "--people", str(PEOPLE), "--seed", str(SEED))
    cli("demo", "--stop")


@pytest.fixture(scope="module")
def places(demo: dict[str, Any], own_places: StackPlaces) -> Places:
    return Places(own_places.home, "cluster")


@pytest.fixture(scope="module")
def settings(places: Places) -> Settings:
    return Settings(home=places.home, profile="cluster", threads=1)


@pytest.fixture
def airflow(demo: dict[str, Any], places: Places) -> AirflowClient:
    client = AirflowClient(demo["urls"]["airflow"], ADMIN, admin_password(places.airflow))
    client.log_in()
    return client


def _wait_until(condition: Callable[[], Any], seconds: int = 900) -> Any:
    """Ask other processes every second until ``condition`` gives something; one that is away may come back."""
    pause = threading.Event()
    for _ in range(seconds):
        try:
            found = condition()
        except httpx.HTTPError:
            found = None
        if found:
            return found
        pause.wait(1.0)
    raise AssertionError("it did not happen")


def _service(places: Places, name: str) -> Status:
    return next(service for service in stack_status(places.stack).services if service.name == name)


def _ended(airflow: AirflowClient, dag_id: str, run_id: str) -> str:
    """Return how a run ended; nothing while it goes on."""
    states = [run["state"] for run in airflow.runs() if (run["dag_id"], run["dag_run_id"]) == (dag_id, run_id)]
    return next((state for state in states if state in {"success", "failed"}), "")


def _deliver_again(places: Places, change: str) -> None:
    """Let a department deliver its newest file again, later, with one row corrected."""
    folder = places.city / "zrzy" / "address"
    newest = max(folder.glob("address_*.csv"))
    header, row, *_ = newest.read_bytes().split(b"\n")
    corrected = row.replace("号".encode("gb18030"), f"号{change}".encode("gb18030"), 1)
    assert corrected != row
    data_date, _, delivered = newest.stem.removeprefix("address_").partition("_")
    (folder / f"address_{data_date}_{int(delivered) + 1}.csv").write_bytes(header + b"\n" + corrected + b"\n")


def test_every_row_is_accounted_for_and_every_topic_is_published(demo: dict[str, Any]) -> None:
    assert demo["failed"] == {}
    assert demo["received"] == demo["accepted"] + demo["quarantined"] + demo["deduplicated"] > PEOPLE
    assert len({batch["resource"] for batch in demo["batches"]}) == 30
    assert {name.split(".")[0] for name in demo["published"]} >= TOPICS
    assert demo["published"]["population.dim_person"] >= PEOPLE
    assert demo["published"]["catalogue.catalogue_entry"] == 30


def test_what_was_planted_is_found_and_nothing_else(demo: dict[str, Any], cli: Cli, places: Places) -> None:
    found = cli("truth", str(places.city))
    assert found
    assert {kind: counts for kind, counts in found.items() if counts["missed"] or counts["false"]} == {}


def test_the_catalogue_shows_it_and_was_told_of_runs_and_builds(demo: dict[str, Any]) -> None:
    base = demo["urls"]["catalogue"].removesuffix("/catalogue")
    received = httpx.get(f"{base}/api/v1/lineage", params={"table": "zrzy.address"}).json()["received"]
    jobs = {(row["job"], row["upstream"], row["downstream"]) for row in received}

    assert ("citybrain.airflow/ingest_zrzy_address.ingest", "zrzy/address", "zrzy.address") in jobs
    assert ("citybrain/city_operation.dim_address", "zrzy.address", "city_operation.dim_address") in jobs
    assert any(row["upstream_column"] for row in received)
    assert {httpx.get(url, follow_redirects=True).status_code for url in demo["urls"].values()} == {200}


def test_an_ingest_and_a_topic_that_run_again_commit_nothing(airflow: AirflowClient, settings: Settings) -> None:
    def pointers() -> tuple[dict[str, str], list[str]]:
        return branch_pointers(settings), diverged(settings, INBOUND)

    before = pointers()
    for dag_id in ("ingest_gaj_resident", "topic_population"):
        run_id = airflow.trigger(dag_id)
        assert _wait_until(lambda dag_id=dag_id, run_id=run_id: _ended(airflow, dag_id, run_id)) == "success"

    tasks = {task["task_id"]: task["state"] for task in airflow.task_instances("topic_population", run_id)}
    assert tasks == dict.fromkeys(TOPIC_TASKS, "skipped")
    assert pointers() == before
    assert before[1] == []


@pytest.mark.parametrize("name", ["airflow-scheduler", "airflow-api-server"])
def test_a_run_ends_well_whose_airflow_is_killed_meanwhile_and_nothing_comes_twice(
    airflow: AirflowClient, cli: Cli, places: Places, name: str
) -> None:
    """A correction comes in; while its topic is built, the process is killed. It is started again, and the run goes on."""
    known = {run["dag_run_id"] for run in airflow.runs()}
    change = name.removeprefix("airflow-")
    _deliver_again(places, change)
    airflow.trigger("ingest_zrzy_address")

    def of_topic() -> list[dict[str, Any]]:
        runs = [run for run in airflow.runs() if run["dag_id"] == "topic_city_operation"]
        return [run for run in runs if run["dag_run_id"] not in known]

    def with_task(task_id: str, state: str) -> list[str]:
        return [
            run["dag_run_id"]
            for run in of_topic()
            for task in airflow.task_instances(run["dag_id"], run["dag_run_id"])
            if (task["task_id"], task["state"]) == (task_id, state)
        ]

    def all_ended() -> bool:
        return {run["state"] for run in of_topic()} <= {"success", "failed"}

    _wait_until(lambda: with_task("transform", "running"))
    killed = _service(places, name)
    os.kill(killed.pid, signal.SIGKILL)

    _wait_until(lambda: _service(places, name).is_healthy and _service(places, name).pid != killed.pid)
    assert _service(places, name).restarts == killed.restarts + 1
    _wait_until(lambda: with_task("publish", "success") and all_ended(), PATIENCE)
    # The sweep, or an event during a run, may start one more, which has nothing to do.
    assert {run["state"] for run in of_topic()} == {"success"}
    assert len(with_task("publish", "success")) == 1
    found = cli("query", f"select count(*) as n from zrzy.address where address_text like '%号{change}%'")
    assert found == [{"n": 1}]
    twice = cli(
        "query", "select batch_id from ops.ingest_outcome where status = 'accepted' group by 1 having count(*) > 1"
    )
    assert twice == []


def test_stop_ends_what_the_demo_started_and_leaves_the_stack(demo: dict[str, Any], cli: Cli, places: Places) -> None:
    assert set(cli("demo", "--stop")["stopped"]) == {"sample-api", "serve"}
    assert stack_status(places.stack).is_well
