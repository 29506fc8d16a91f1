"""Ports, secrets and configuration of a demo: its own, private, and kept."""

from __future__ import annotations

import configparser
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cli.output import UserError
from infra.demo.airflow_setup import admin_password, environment, passwords_path, write_configuration
from infra.demo.places import Places, choose_ports
from infra.host.files import write_private
from infra.host.ports import HOST, is_free


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind((HOST, 0))
        held.listen()
        yield held.getsockname()[1]


def _configuration(places: Places) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(places.airflow / "airflow.cfg", encoding="utf-8")
    return parser


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


def test_configuration_and_password_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    places = Places(tmp_path)
    write_configuration(places, 8080)
    for path in (places.airflow / "airflow.cfg", passwords_path(places)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(admin_password(places)) >= 16


def test_secrets_outlive_a_second_start_and_differ_between_homes(tmp_path: Path) -> None:
    first, other = Places(tmp_path / "a"), Places(tmp_path / "b")
    write_configuration(first, 8080)
    write_configuration(other, 8080)
    before, password = _configuration(first), admin_password(first)
    write_configuration(first, 9090)
    after = _configuration(first)
    assert after["api"]["port"] == "9090"
    for section, name in (("api_auth", "jwt_secret"), ("api", "secret_key")):
        assert after[section][name] == before[section][name] != _configuration(other)[section][name]
    assert admin_password(first) == password != admin_password(other)


def test_airflow_listens_on_loopback_without_examples_and_reads_the_projects_dags(tmp_path: Path) -> None:
    places = Places(tmp_path / "100% home")
    write_configuration(places, 8080)
    parser = _configuration(places)
    assert parser["api"]["host"] == HOST
    assert parser["core"]["execution_api_server_url"].startswith(f"http://{HOST}:")
    assert parser["core"]["load_examples"] == "False"
    assert (Path(parser["core"]["dags_folder"]) / "citybrain_dags.py").exists()
    assert parser["database"]["sql_alchemy_conn"].endswith("100% home/airflow/airflow.db")


def test_another_airflow_of_the_user_does_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    found = environment(Places(tmp_path), api_url="http://127.0.0.1:1", airflow_url="http://127.0.0.1:2")
    assert "AIRFLOW__CORE__EXECUTOR" not in found
    assert found["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert found["CITYBRAIN_HOME"] == str(tmp_path)
    assert HOST in found["NO_PROXY"]


def test_a_private_file_replaces_an_older_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old and longer")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
