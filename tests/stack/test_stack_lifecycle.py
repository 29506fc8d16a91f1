"""A whole stack of this module's own: up, killed part by part, taken over, down and up again, and never another's."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from minio import Minio
from minio.error import S3Error
from running_stack import quick_stack_up, refuse_missing

from infra.airflow.configuration import ADMIN
from infra.cli.output import UserError
from infra.host.ports import HOST, is_free
from infra.stack.build import build_services
from infra.stack.control import stack_down, stack_up
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.services.trino import Trino
from infra.stack.settings import StackSettings
from infra.stack.state import Phase, read_state
from infra.stack.status import Status, stack_status, supervisor_of

pytestmark = [pytest.mark.stack, pytest.mark.faults]

AIRFLOW = ("airflow-api-server", "airflow-dag-processor", "airflow-scheduler")
HOLDERS = ("postgres", "minio", "nessie", "trino")  # those that hold the data, or are asked for it
SERVERS = (*HOLDERS, *AIRFLOW)
SILENT = ("airflow-dag-processor", "airflow-scheduler")  # they listen to nobody
AGAIN_SECONDS = 180.0
IDLE_BYTES = 4 * 2**30


class Stack:
    """A stack that runs, and what the tests put into it."""

    def __init__(self, places: StackPlaces) -> None:
        self.places = places
        self.settings = _settings(places)
        self.facts: dict[str, str] = json.loads(places.cluster_file.read_text(encoding="utf-8"))
        self.schema = f"lifecycle_{secrets.token_hex(4)}"

    def status(self, name: str) -> Status:
        return next(service for service in stack_status(self.places).services if service.name == name)

    def ports(self) -> set[int]:
        """The ports that its servers listen at."""
        services = build_services(self.places, self.settings).values()
        return {port for service in services for port in service.ports.values()}

    def query(self, statement: str) -> list[list[Any]]:
        return Trino(self.places, self.settings, Parts()).query(statement)

    def write(self) -> None:
        """Put a table into the catalogue, which needs all four servers, and a row into the register's database."""
        self.query(f"create schema if not exists lake.{self.schema}")
        self.query(f"create table if not exists lake.{self.schema}.numbers as select * from (values 1, 2, 3) as t (n)")
        with psycopg.connect(self.facts["database_uri"], autocommit=True) as db:
            db.execute("create table if not exists lifecycle (n int primary key)")
            db.execute("insert into lifecycle values (1) on conflict do nothing")

    def holds_its_data(self) -> bool:
        with psycopg.connect(self.facts["database_uri"]) as db:
            registered = db.execute("select count(*) from lifecycle").fetchone()
        return registered == (1,) and self.query(f"select sum(n) from lake.{self.schema}.numbers") == [[6]]

    def wait_for(self, name: str, fits: Callable[[Status], bool]) -> Status:
        """Ask the server only when its supervisor says that it serves: to ask all of them takes the machine they start on."""
        deadline = time.monotonic() + AGAIN_SECONDS
        while time.monotonic() < deadline:
            if read_state(self.places)[name].phase is Phase.HEALTHY and fits(status := self.status(name)):
                return status
            threading.Event().wait(0.2)
        raise AssertionError(f"{name} did not come to that within {AGAIN_SECONDS:.0f} s: {self.status(name)}")


def _settings(places: StackPlaces) -> StackSettings:
    settings = StackSettings.load(places)
    assert settings is not None
    return settings


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one whose parent was killed may leave its exit status behind."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def stack(own_places: StackPlaces) -> Stack:
    refuse_missing(SERVERS)
    assert quick_stack_up(own_places).is_well
    stack = Stack(own_places)
    stack.write()
    return stack


@pytest.fixture(scope="module")
def small_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackPlaces]:
    """A home for a stack that has the object store alone."""
    refuse_missing(("minio",))
    places = StackPlaces(tmp_path_factory.mktemp("small"))
    yield places
    stack_down(places)


def test_every_server_answers_and_the_command_says_so(stack: Stack) -> None:
    environment = {**os.environ, "CITYBRAIN_HOME": str(stack.places.home)}
    command = [str(Path(sys.executable).with_name("citybrain")), "stack", "status", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)

    assert done.returncode == 0
    assert {each["name"]: each["phase"] for each in told["services"]} == dict.fromkeys(SERVERS, "healthy")
    assert all(each["pid"] and each["memory"] and each["since"] for each in told["services"])


def test_everything_idle_holds_less_than_four_gib(stack: Stack) -> None:
    assert sum(service.memory for service in stack_status(stack.places).services) < IDLE_BYTES


def test_bringing_it_up_again_leaves_what_runs_alone(stack: Stack) -> None:
    before = {service.name: service.pid for service in stack_status(stack.places).services}
    supervisor, facts = supervisor_of(stack.places), stack.places.cluster_file.read_text(encoding="utf-8")

    again = stack_up(stack.places)

    assert again.is_well
    assert {service.name: service.pid for service in again.services} == before
    assert supervisor_of(stack.places) == supervisor
    assert stack.places.cluster_file.read_text(encoding="utf-8") == facts


def test_nothing_listens_beyond_the_loopback_interface(stack: Stack) -> None:
    pids = {stack.status(name).pid for name in SERVERS}
    family = {child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True)} | pids
    listening = [
        each.laddr for each in psutil.net_connections("tcp") if each.pid in family and each.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= len(SERVERS) - len(SILENT)
    assert {address.ip for address in listening} <= {HOST, "::1", f"::ffff:{HOST}"}


def test_no_secret_is_in_a_log_or_on_a_command_line(stack: Stack) -> None:
    kept = stack.settings.secrets.model_dump()
    passwords = {name: value for name, value in kept.items() if "user" not in name and "access" not in name}
    files = [path for path in stack.places.logs.rglob("*") if path.is_file()]
    logs = "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    lines = " ".join(" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))

    assert not [name for name, value in passwords.items() if value in logs]
    assert not [name for name, value in passwords.items() if value in lines]


def test_files_with_secrets_are_private(stack: Stack) -> None:
    places = stack.places
    private = [
        *(places.settings, places.cluster_file, places.compose_environment),
        *places.folder("trino").rglob("*.p*"),
        *places.folder("airflow").glob("*.*"),
    ]

    assert {stat.S_IMODE(path.stat().st_mode) for path in private if path.is_file()} == {0o600}


@pytest.mark.parametrize("database", ["citybrain", "airflow", "nessie"])
def test_a_wrong_password_of_the_database_is_refused(stack: Stack, database: str) -> None:
    address = f"postgresql://{database}:wrong@{HOST}:{stack.settings.ports.postgres}/{database}"

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(address)


def test_a_role_of_the_database_reaches_its_own_and_no_other(stack: Stack) -> None:
    with psycopg.connect(stack.facts["airflow_database_uri"]) as db:
        assert db.execute("select current_database()").fetchone() == ("airflow",)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(re.sub(r"/airflow$", "/citybrain", stack.facts["airflow_database_uri"]))


def test_airflow_refuses_who_has_no_password(stack: Stack) -> None:
    url = f"http://{HOST}:{stack.settings.ports.airflow}"
    answers = [
        httpx.post(f"{url}/auth/token", json={"username": ADMIN, "password": password}, trust_env=False).status_code
        for password in ("admin", stack.settings.secrets.airflow_admin)
    ]

    assert httpx.get(f"{url}/api/v2/dags", trust_env=False).status_code == 401
    assert answers == [401, 201]


def test_airflows_metadata_is_in_its_database_of_this_version(stack: Stack) -> None:
    with psycopg.connect(stack.facts["airflow_database_uri"]) as db:
        known = db.execute("select count(*) from serialized_dag").fetchone()

    assert known is not None
    assert known[0] > 0
    assert not list(stack.places.folder("airflow").glob("*.db"))


def test_trino_refuses_a_wrong_password_and_any_without_tls(stack: Stack) -> None:
    ports = stack.settings.ports
    answers = [
        httpx.post(
            f"{scheme}://{HOST}:{port}/v1/statement",
            content="select 1",
            auth=(stack.settings.trino_user, password),
            verify=ssl.create_default_context(cafile=stack.facts["trino_ca"]),
            trust_env=False,
        ).status_code
        for scheme, port, password in [
            ("https", ports.trino, "wrong"),
            ("http", ports.trino_internal, stack.settings.secrets.trino_password),
            ("https", ports.trino, stack.settings.secrets.trino_password),
        ]
    ]

    assert answers == [401, 403, 200]


def test_a_branch_has_a_trino_catalog_of_its_own_while_it_is_needed(stack: Stack) -> None:
    facts = stack.facts
    options = {
        "iceberg.catalog.type": "rest",
        "iceberg.rest-catalog.uri": f"{facts['nessie_uri']}/iceberg/main",
        "iceberg.rest-catalog.warehouse": facts["warehouse"],
        "fs.native-s3.enabled": "true",
        "s3.endpoint": facts["s3_endpoint"],
        "s3.region": facts["s3_region"],
        "s3.path-style-access": "true",
        "s3.aws-access-key": facts["s3_access_key"],
        "s3.aws-secret-key": facts["s3_secret_key"],
    }
    listed = ", ".join(f"\"{name}\" = '{value}'" for name, value in options.items())

    stack.query(f"create catalog run_lifecycle using iceberg with ({listed})")
    try:
        assert stack.query(f"select sum(n) from run_lifecycle.{stack.schema}.numbers") == [[6]]
    finally:
        stack.query("drop catalog run_lifecycle")


@pytest.mark.parametrize("names", [*((name,) for name in HOLDERS), AIRFLOW], ids="-".join)
def test_a_server_that_is_killed_is_started_again_and_holds_its_data(stack: Stack, names: tuple[str, ...]) -> None:
    before = {name: stack.status(name) for name in names}

    for name in names:
        os.kill(before[name].pid, signal.SIGKILL)
    for name, killed in before.items():
        after = stack.wait_for(name, lambda status, old=killed.pid: status.is_healthy and status.pid not in {0, old})
        assert after.restarts == killed.restarts + 1
    for other in SERVERS:
        stack.wait_for(other, lambda status: status.is_healthy)
    assert stack.holds_its_data()


def test_a_supervisor_that_is_killed_takes_no_server_with_it_and_the_next_takes_them_over(stack: Stack) -> None:
    before = {service.name: service.pid for service in stack_status(stack.places).services}
    supervisor = supervisor_of(stack.places)
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _lives(supervisor.pid) and time.monotonic() < deadline:
        threading.Event().wait(0.05)

    alone = stack_status(stack.places)
    assert not alone.is_well
    assert all(service.is_healthy for service in alone.services)
    again = stack_up(stack.places)
    assert again.is_well
    assert {service.name: service.pid for service in again.services} == before


def test_two_stacks_of_one_machine_never_meet(stack: Stack, small_places: StackPlaces) -> None:
    assert stack_up(small_places, only=["minio"]).is_well
    other = _settings(small_places)

    assert stack.ports()
    assert not set(other.ports.all()) & stack.ports()
    crossed = Minio(
        f"{HOST}:{other.ports.object_store}",
        access_key=stack.facts["s3_access_key"],
        secret_key=stack.facts["s3_secret_key"],
        secure=False,
        region=other.region,
    )
    with pytest.raises(S3Error, match=r"AccessDenied|InvalidAccessKeyId"):
        crossed.bucket_exists(other.bucket) or crossed.stat_object(other.bucket, "x")

    assert stack_down(small_places) == ["minio"]
    assert stack_status(stack.places).is_well


def test_a_port_that_was_taken_meanwhile_is_named_and_another_can_be_had(small_places: StackPlaces) -> None:
    stack_up(small_places, only=["minio"])
    stack_down(small_places)
    port = _settings(small_places).ports.object_store

    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, port))
        holder.listen()
        with pytest.raises(UserError, match=f"{port} of MinIO"):
            stack_up(small_places, only=["minio"])
        moved = stack_up(small_places, only=["minio"], new_ports=True)

    assert moved.is_well
    assert _settings(small_places).ports.object_store != port
    facts = json.loads(small_places.cluster_file.read_text(encoding="utf-8"))
    assert facts["s3_endpoint"] == f"http://{HOST}:{_settings(small_places).ports.object_store}"
    stack_down(small_places)


def test_a_server_that_cannot_start_is_given_up_with_its_own_words(small_places: StackPlaces) -> None:
    stack_up(small_places, only=["minio"])
    stack_down(small_places)
    damaged = small_places.folder("minio") / "data" / ".minio.sys" / "format.json"
    kept = damaged.read_bytes()
    damaged.write_bytes(b"{")
    try:
        with pytest.raises(UserError, match=r"(?s)minio was given up: .*drive"):
            stack_up(small_places, only=["minio"])
        assert stack_status(small_places).services[0].phase is Phase.FAILED
    finally:
        stack_down(small_places)
        damaged.write_bytes(kept)


def test_down_leaves_nothing_but_the_data_which_the_next_up_finds(stack: Stack) -> None:
    pids = [service.pid for service in stack_status(stack.places).services]

    assert stack_down(stack.places) == sorted(SERVERS)

    assert not [pid for pid in pids if _lives(pid)]
    assert supervisor_of(stack.places) is None
    assert all(map(is_free, stack.ports()))
    assert stack_up(stack.places, only=HOLDERS).is_well
    assert stack.holds_its_data()
