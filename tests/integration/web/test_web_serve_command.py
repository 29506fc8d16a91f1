"""``citybrain serve`` and ``citybrain key`` as a shell sees them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from infra.cli.main import app
from infra.cli.output import UserError

pytestmark = pytest.mark.integration
PROGRAM = "import sys; from infra.cli.main import run; sys.argv[0] = 'citybrain'; run()"
PATIENCE = 60


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``citybrain`` to its end."""
    return subprocess.run(_line(*words), env=_env(home), capture_output=True, text=True, timeout=PATIENCE, check=False)


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run ``citybrain serve --json`` on a free port for the length of a block."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(_line("serve", "--port", "0", "--json", *words), env=_env(home), text=True, **pipes)  # type: ignore[call-overload]
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def _line(*words: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *words]


def _env(home: Path) -> dict[str, str]:
    return os.environ | {"CITYBRAIN_HOME": str(home), "COLUMNS": "200"}


def test_a_server_without_accounts_says_how_the_first_are_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as (_, places):
        assert places["has_accounts"] is False
    line = _line("serve", "--port", "0")
    for _ in range(2):
        with subprocess.Popen(line, env=_env(home), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            said = ""
            while "Ctrl+C" not in said:
                said += process.stderr.readline()
            process.terminate()
        assert ("citybrain account init" in said) == ("no account yet" in said)
        if "no account yet" not in said:
            return
        assert command(home, "account", "init").returncode == 0
    pytest.fail("the hint stays although there are accounts")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_server_says_where_it_is_answers_logs_and_ends_cleanly(web_home: Path, sent: signal.Signals) -> None:
    with serving(web_home) as (process, places):
        assert places["snapshot"]
        answer = httpx.get(places["health"])
        assert answer.json() == {"status": "ok"}
        assert "server" not in answer.headers
        request_id = answer.headers["X-Request-ID"]
        process.send_signal(sent)
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == request_id]
    assert (line["event"], line["path"], line["status"]) == ("request", "/healthz", 200)
    assert "Traceback" not in log


def test_a_home_where_nothing_is_published_is_said_so(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as (_, places):
        assert places["snapshot"] is None
        assert "尚未发布任何数据" in httpx.get(places["catalogue"]).text


def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = command(tmp_path / "home", "serve", "--port", port)
    assert ended.returncode == 2
    assert port in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_key_is_made_listed_and_revoked(home: Path) -> None:
    made = typed("key", "new", "--dept", "jyj", "--name", "学籍核验", "--resource", "gaj/resident", "--json")
    facts = json.loads(made.stdout)
    assert facts["key"].startswith(f"cb_{facts['key_id']}_")
    assert facts["resources"] == ["gaj.resident"]
    listed = typed("key", "list", "--json").stdout
    assert json.loads(listed)[0]["key_id"] == facts["key_id"]
    assert facts["key"].split("_", 2)[2] not in listed
    assert typed("key", "revoke", facts["key_id"]).exit_code == 0
    with pytest.raises(UserError, match="in force"):
        typed("key", "revoke", facts["key_id"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dept", "nobody", "--name", "x"], "nobody"),
        (["--dept", "jyj", "--name", "x", "--resource", "gaj.nothing"], "gaj.nothing"),
        (["--dept", "jyj", "--name", "x", "--resource", "yjj.hazard_source"], "不予共享"),
        (["--dept", "jyj", "--name", " "], "--name"),
        (["--dept", "jyj", "--name", "x", "--expires", "2020-01-01"], "past"),
    ],
)
def test_a_wrong_grant_makes_no_key(home: Path, words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        typed("key", "new", *words)
    assert json.loads(typed("key", "list", "--json").stdout) == []


def typed(*words: str) -> Result:
    """Run ``citybrain`` in this process; an error for the user is raised as it is."""
    return CliRunner().invoke(app, list(words), catch_exceptions=False)
