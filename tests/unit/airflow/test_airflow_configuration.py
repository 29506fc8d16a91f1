"""The configuration of Airflow: private, the same secrets from start to start, and one code for SQLite and PostgreSQL."""

from __future__ import annotations

import configparser
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from infra.airflow.configuration import (
    AirflowPlan,
    AirflowSecrets,
    Lineage,
    admin_password,
    components,
    environment,
    passwords_path,
    write_configuration,
)
from infra.host.ports import HOST


def _plan(folder: Path, **changes: object) -> AirflowPlan:
    made = AirflowPlan(folder, folder / "logs", 8080, f"sqlite:///{folder}/airflow.db", AirflowSecrets.kept_in(folder))
    return replace(made, **changes)  # type: ignore[arg-type]


def _written(folder: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(folder / "airflow.cfg", encoding="utf-8")
    return parser


def test_every_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    write_configuration(_plan(tmp_path))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert passwords_path(tmp_path) in files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len(admin_password(tmp_path)) >= 16


def test_secrets_outlive_a_second_start_and_differ_between_homes(tmp_path: Path) -> None:
    first, other = tmp_path / "a", tmp_path / "b"
    write_configuration(_plan(first))
    write_configuration(_plan(other))
    before, password = _written(first), admin_password(first)

    write_configuration(_plan(first, port=9090))

    after = _written(first)
    assert after["api"]["port"] == "9090"
    for section, name in (("api_auth", "jwt_secret"), ("api", "secret_key")):
        assert after[section][name] == before[section][name] != _written(other)[section][name]
    assert admin_password(first) == password != admin_password(other)


def test_it_listens_on_loopback_without_examples_and_reads_the_projects_dags(tmp_path: Path) -> None:
    folder = tmp_path / "100% home"
    write_configuration(_plan(folder))
    parser = _written(folder)

    assert parser["api"]["host"] == HOST
    assert parser["core"]["execution_api_server_url"].startswith(f"http://{HOST}:")
    assert parser["core"]["load_examples"] == "False"
    assert (Path(parser["core"]["dags_folder"]) / "citybrain_dags.py").exists()
    assert parser["database"]["sql_alchemy_conn"].endswith("100% home/airflow.db")
    assert "sql_alchemy_conn_async" not in parser["database"]


def test_on_postgresql_both_kinds_of_connection_have_the_driver_that_is_installed(tmp_path: Path) -> None:
    address = "postgresql+psycopg://airflow:word@127.0.0.1:5/airflow"
    write_configuration(_plan(tmp_path, database=address))

    written = _written(tmp_path)["database"]
    assert (written["sql_alchemy_conn"], written["sql_alchemy_conn_async"]) == (address, address)


def test_the_catalogue_is_told_with_a_key_of_its_own_by_the_tasks_that_read_or_write(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("cb_word\n", encoding="utf-8")
    write_configuration(_plan(tmp_path, lineage=Lineage("http://127.0.0.1:9", tmp_path / "key")))

    written = _written(tmp_path)["openlineage"]
    transport = json.loads(written["transport"])
    assert (transport["url"], transport["auth"]["apiKey"]) == ("http://127.0.0.1:9", "cb_word")
    assert transport["timeout"] < int(written["execution_timeout"]) <= 5
    assert written["execute_in_thread"] == "True"
    assert json.loads(written["emission_policy"])[0] == {"scope": {}, "controls": {"emit": False}}


def test_without_a_catalogue_the_listener_is_off(tmp_path: Path) -> None:
    write_configuration(_plan(tmp_path))

    assert dict(_written(tmp_path)["openlineage"]) == {"disabled": "True"}


def test_nothing_secret_is_told_by_environment_or_command_line(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    told = environment(plan, tmp_path, source=tmp_path, api_url="http://127.0.0.1:1")
    shown = " ".join([*told.values(), *(word for command in components().values() for word in command)])

    assert not [secret for secret in (plan.secrets.jwt, plan.secrets.session, plan.secrets.admin) if secret in shown]


@pytest.mark.parametrize("name", ["airflow-api-server", "airflow-dag-processor", "airflow-scheduler"])
def test_each_component_is_named_after_airflows_command(name: str) -> None:
    assert components()[name][3] == name.removeprefix("airflow-")
