"""``citybrain stack`` before anything is started: what it refuses, how it says so, and what it then leaves behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.main import app
from infra.cli.output import UserError
from infra.host.ports import HOST
from infra.stack.control import stack_up
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.prerequisites import MISSING_GO, MISSING_JAVA, Missing
from infra.stack.settings import StackSettings


class LackingParts(Parts):
    """Parts of a machine that lacks two things."""

    def missing(self, services: object) -> list[Missing]:
        """Miss both, whatever is wanted."""
        return [MISSING_JAVA, MISSING_GO]


class FetchedParts(Parts):
    """Parts of a machine that has everything."""

    def missing(self, services: object) -> list[Missing]:
        """Miss nothing."""
        return []


@pytest.fixture
def held_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture
def stack_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackPlaces:
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path / "home"))
    return StackPlaces(tmp_path / "home")


def test_everything_that_is_missing_is_told_at_once_and_nothing_is_started(stack_home: StackPlaces) -> None:
    with pytest.raises(UserError) as raised:
        stack_up(stack_home, parts=LackingParts())

    assert all(
        lack.what in str(raised.value) and lack.install in str(raised.value) for lack in (MISSING_JAVA, MISSING_GO)
    )
    assert not stack_home.supervisor.exists()
    assert not stack_home.settings.exists()


def test_a_port_that_is_taken_is_named_with_who_holds_it(stack_home: StackPlaces, held_port: int) -> None:
    made = StackSettings.make("minio")
    made.ports.nessie = held_port
    made.save(stack_home)

    with pytest.raises(UserError, match=rf"{held_port} of Nessie \(held by process \d+") as raised:
        stack_up(stack_home, parts=FetchedParts())

    assert "--new-ports" in raised.value.hint
    assert not stack_home.supervisor.exists()


def test_a_stack_does_not_change_its_object_store(stack_home: StackPlaces) -> None:
    StackSettings.make("minio").save(stack_home)

    with pytest.raises(UserError, match="keeps its objects in minio"):
        stack_up(stack_home, object_store="seaweedfs", parts=FetchedParts())


def test_an_unknown_service_is_refused(stack_home: StackPlaces) -> None:
    with pytest.raises(UserError, match="no service kafka"):
        stack_up(stack_home, only=["kafka"], parts=FetchedParts())


def test_the_status_of_a_home_without_a_stack_is_not_well(stack_home: StackPlaces) -> None:
    result = CliRunner().invoke(app, ["stack", "status", "--json"])

    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"healthy": False, "supervised": False, "services": []}


def test_stopping_what_does_not_run_is_no_error(stack_home: StackPlaces) -> None:
    result = CliRunner().invoke(app, ["stack", "down", "--json"])

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"stopped": []}


@pytest.mark.parametrize("name", ["kafka", "../../etc/passwd"])
def test_the_log_of_what_does_not_exist_is_refused(stack_home: StackPlaces, name: str) -> None:
    stack_home.logs.mkdir(parents=True)
    stack_home.log("trino").touch()

    result = CliRunner().invoke(app, ["stack", "logs", name])

    assert isinstance(result.exception, UserError)
    assert "trino" in result.exception.hint


def test_the_end_of_a_log_is_shown(stack_home: StackPlaces) -> None:
    stack_home.logs.mkdir(parents=True)
    stack_home.log("trino").write_text("".join(f"{number}\n" for number in range(10)), encoding="utf-8")

    assert CliRunner().invoke(app, ["stack", "logs", "trino", "-n", "2"]).stdout.split() == ["8", "9"]
