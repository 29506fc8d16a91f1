"""Ports, secrets and configuration of a demo: its own, private, and kept."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cli.output import UserError
from infra.demo.places import Places, choose_ports, stack_ports
from infra.demo.surroundings import airflow_plan, demo_environment
from infra.host.files import write_private
from infra.host.ports import HOST, is_free
from lakehouse.connect.settings import Settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind((HOST, 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_taken_usual_port_moves_to_a_free_one(monkeypatch: pytest.MonkeyPatch, taken_port: int) -> None:
    monkeypatch.setattr("infra.demo.places.PREFERRED_PORTS", {"airflow": taken_port})
    chosen = choose_ports()["airflow"]
    assert chosen != taken_port
    assert is_free(chosen)
    assert not is_free(taken_port)


def test_a_port_that_was_asked_for_is_taken_or_refused(monkeypatch: pytest.MonkeyPatch, taken_port: int) -> None:
    monkeypatch.setenv("CITYBRAIN_DEMO_WEB_PORT", str(taken_port))
    with pytest.raises(UserError, match=f"CITYBRAIN_DEMO_WEB_PORT={taken_port}: the port is taken"):
        choose_ports()


@pytest.mark.parametrize("wrong", ["http", "-1", "70000", ""])
def test_what_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("CITYBRAIN_DEMO_AIRFLOW_PORT", wrong)
    with pytest.raises(UserError, match="is not a port"):
        choose_ports()


def test_another_airflow_of_the_user_does_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    places, ports = Places(tmp_path), {"api": 1, "airflow": 2, "web": 3}
    found = demo_environment(airflow_plan(Settings(home=tmp_path), places, ports), places, ports)
    assert "AIRFLOW__CORE__EXECUTOR" not in found
    assert found["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert found["CITYBRAIN_HOME"] == str(tmp_path)
    assert HOST in found["NO_PROXY"]


def test_on_the_cluster_the_ports_are_those_of_the_stacks_settings_and_airflow_is_the_stacks(tmp_path: Path) -> None:
    places = Places(tmp_path, "cluster")
    ports = stack_ports(places)

    assert stack_ports(places) == ports
    assert len({*ports.values()}) == 3
    assert places.airflow == places.stack.folder("airflow")
    plan = airflow_plan(Settings(home=tmp_path, profile="cluster"), places, ports)
    assert (plan.folder, plan.port) == (places.airflow, ports["airflow"])
    assert demo_environment(plan, places, ports)["CITYBRAIN_PROFILE"] == "cluster"


def test_the_demos_own_airflow_tells_the_catalogue_that_the_demo_serves(tmp_path: Path) -> None:
    plan = airflow_plan(Settings(home=tmp_path), Places(tmp_path), {"airflow": 2, "web": 3, "api": 1})

    assert plan.lineage is not None
    assert plan.lineage.url == f"http://{HOST}:3"
    assert stat.S_IMODE(plan.lineage.key_file.stat().st_mode) == 0o600


def test_a_private_file_replaces_an_older_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old and longer")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
