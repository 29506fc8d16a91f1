"""The whole product from outside: ``citybrain demo`` with real Airflow, then news that come in while it is up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from infra.airflow.client import AirflowClient
from infra.airflow.configuration import ADMIN, admin_password
from infra.demo.places import Places
from infra.host.processes import Service, read_services

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]
PEOPLE, SEED = 400, 11
TOPIC_MARTS = {"population", "legal_person", "livelihood", "city_operation", "economy", "governance", "catalogue"}
CITYBRAIN = str(Path(sys.executable).with_name("citybrain"))
PATIENCE = 900
PORTS = {f"CITYBRAIN_DEMO_{name}_PORT": "0" for name in ("AIRFLOW", "WEB", "API")}

# Other tests share the machine's two cores meanwhile; how fast pages are is measured elsewhere.
ask = partial(httpx.get, timeout=60)

Cli = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("demo") / "home")


@pytest.fixture(scope="module")
def cli(places: Places) -> Iterator[Cli]:
    """Run ``citybrain`` in the demo's home; what the demo started is stopped in the end."""
    environment = {**os.environ, **PORTS, "CITYBRAIN_HOME": str(places.home)}

    def run(*arguments: str, code: int = 0) -> dict[str, Any]:
        command = [CITYBRAIN, *arguments, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == code, f"{done.stderr}\n{_logs(places)}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    yield run
    run("demo", "--stop")


@pytest.fixture(scope="module")
def demo(cli: Cli) -> dict[str, Any]:
    return cli("demo", "--people", str(PEOPLE), "--seed", str(SEED))


@pytest.fixture(scope="module")
def services(demo: dict[str, Any], places: Places) -> list[Service]:
    return read_services(places.processes)


@pytest.fixture(scope="module")
def airflow(demo: dict[str, Any], places: Places) -> AirflowClient:
    client = AirflowClient(demo["urls"]["airflow"], ADMIN, admin_password(places.airflow))
    client.log_in()
    return client


def _logs(places: Places) -> str:
    logs = sorted(places.logs.glob("*.log"))
    return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in logs)


def _wait_until(condition: Callable[[], Any], seconds: int = 300) -> Any:
    """Ask another process every second until ``condition`` gives something."""
    pause = threading.Event()
    for _ in range(seconds):
        found = condition()
        if found:
            return found
        pause.wait(1.0)
    raise AssertionError("it did not happen")


def test_every_row_is_accounted_for_and_every_topic_is_published(demo: dict[str, Any]) -> None:
    assert demo["failed"] == {}
    assert demo["received"] == demo["accepted"] + demo["quarantined"] + demo["deduplicated"] > PEOPLE
    assert len({batch["resource"] for batch in demo["batches"]}) == 30
    assert {name.split(".")[0] for name in demo["published"]} >= TOPIC_MARTS
    assert demo["published"]["population.dim_person"] >= PEOPLE
    assert demo["published"]["catalogue.catalogue_entry"] == 30


def test_what_was_planted_is_found_and_nothing_else(demo: dict[str, Any], cli: Cli, places: Places) -> None:
    found = cli("truth", str(places.city))
    assert found
    assert {kind: counts for kind, counts in found.items() if counts["missed"] or counts["false"]} == {}


def test_every_door_answers(demo: dict[str, Any], places: Places) -> None:
    for name, url in demo["urls"].items():
        answer = ask(url, follow_redirects=True)
        assert answer.status_code == 200, name
        assert "text/html" in answer.headers["content-type"], name
    base = demo["urls"]["catalogue"].removesuffix("/catalogue")
    rows = f"{base}/api/v1/data/dsjj/division?limit=2"
    assert ask(rows).status_code == 401
    key = places.api_key.read_text().strip()
    assert len(ask(rows, headers={"Authorization": f"Bearer {key}"}).json()["data"]) == 2


def test_airflow_and_dbt_have_told_the_catalogue_what_is_made_from_what(demo: dict[str, Any]) -> None:
    base = demo["urls"]["catalogue"].removesuffix("/catalogue")
    received = ask(f"{base}/api/v1/lineage", params={"table": "zrzy.address"}).json()["received"]
    tables = {(row["job"], row["upstream"], row["downstream"]) for row in received}
    columns = {(row["upstream_column"], row["downstream_column"]) for row in received if row["upstream_column"]}

    assert ("citybrain.airflow/ingest_zrzy_address.ingest", "zrzy/address", "zrzy.address") in tables
    assert ("citybrain/city_operation.dim_address", "zrzy.address", "city_operation.dim_address") in tables
    assert ("address_text", "address_text") in columns
    page = ask(f"{base}/catalogue/zrzy/address").text
    assert "citybrain.airflow/ingest_zrzy_address.ingest" in page


def test_every_process_listens_on_loopback_only(services: list[Service]) -> None:
    sessions = {service.pid for service in services}
    listening = [
        connection.laddr.ip
        for process in psutil.process_iter()
        if _session_of(process.pid) in sessions
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3  # Airflow, the catalogue, the departments' API
    assert set(listening) == {"127.0.0.1"}


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def test_airflow_refuses_who_has_no_password(demo: dict[str, Any]) -> None:
    url = demo["urls"]["airflow"]
    assert ask(f"{url}/api/v2/dags").status_code == 401
    assert httpx.post(f"{url}/auth/token", json={"username": ADMIN, "password": "admin"}).status_code == 401


def test_a_second_start_finds_the_demo_up(
    demo: dict[str, Any], cli: Cli, services: list[Service], places: Places
) -> None:
    again = cli("demo", "--people", str(PEOPLE), "--seed", str(SEED))
    assert again["was_up"]
    assert again["published"] == demo["published"]
    assert read_services(places.processes) == services


def test_a_correction_that_comes_in_reaches_the_readers_by_its_asset_event(
    airflow: AirflowClient, cli: Cli, places: Places
) -> None:
    """A department delivers its newest file again, one row corrected and later: ingest, event, topic, publish."""
    before = {run["dag_run_id"] for run in airflow.runs()}
    folder = places.city / "zrzy" / "address"
    newest = max(folder.glob("address_*.csv"))
    header, row, *_ = newest.read_bytes().split(b"\n")
    corrected = row.replace("号".encode("gb18030"), "号东".encode("gb18030"), 1)
    assert corrected != row
    data_date, _, delivered = newest.stem.removeprefix("address_").partition("_")
    (folder / f"address_{data_date}_{int(delivered) + 1}.csv").write_bytes(header + b"\n" + corrected + b"\n")
    airflow.trigger("ingest_zrzy_address")

    def published() -> list[dict[str, Any]]:
        fresh = [run for run in airflow.runs() if run["dag_run_id"] not in before]
        return [r for r in fresh if r["dag_id"] == "topic_city_operation" and r["state"] in {"success", "failed"}]

    run = _wait_until(published)[0]
    assert (run["state"], run["run_type"], run["logical_date"]) == ("success", "asset_triggered", None)
    tasks = {task["task_id"]: task["state"] for task in airflow.task_instances(run["dag_id"], run["dag_run_id"])}
    assert tasks == dict.fromkeys(("transform", "check", "publish"), "success")
    found = cli("query", "select address_text from zrzy.address where address_text like '%号东%'")
    assert len(found) == 1


def test_stop_ends_what_was_started_and_nothing_else(cli: Cli, services: list[Service], places: Places) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert set(cli("demo", "--stop")["stopped"]) == {service.name for service in services}
        sessions = {service.pid for service in services}
        left = [p for p in psutil.process_iter(["status"]) if _session_of(p.pid) in sessions]
        assert [p for p in left if p.info["status"] != psutil.STATUS_ZOMBIE] == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert cli("demo", "--stop") == {"stopped": []}


def test_a_home_that_holds_another_city_is_refused(demo: dict[str, Any], places: Places) -> None:
    environment = {**os.environ, "CITYBRAIN_HOME": str(places.home)}
    command = [CITYBRAIN, "demo", "--people", str(PEOPLE), "--seed", str(SEED + 1)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 2
    assert f"seed {SEED}" in done.stderr
    assert "Traceback" not in done.stderr
