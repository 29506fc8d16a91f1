"""The demo stops exactly what it started, and notices what ended by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from infra.host.processes import Service, end_left, is_running, read_services, start, stop, tail, write_services

# they outlive the object that started them on purpose
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

WAIT = "import sys; print('ready', flush=True); sys.stdin.read(); import time; time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAIT!r}]).wait()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}"

Start = Callable[[str], Service]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Start]:
    """Start a Python one-liner as a service, and wait until it is ready; whatever is left is killed afterwards."""
    started: list[Service] = []

    def launch_code(code: str) -> Service:
        name = f"service-{len(started)}"
        log = tmp_path / f"{name}.log"
        started.append(start(name, [sys.executable, "-c", code], environment=os.environ, log=log, folder=tmp_path))
        _until(lambda: "ready" in log.read_text())
        return started[-1]

    yield launch_code
    for service in started:
        if is_running(service):
            os.killpg(service.pid, signal.SIGKILL)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        _pause()
    raise AssertionError("it did not happen")


def _pause() -> None:
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)  # takes about a hundredth of a second


def test_stop_ends_a_service_with_its_children_and_nothing_else(
    launch: Start, bystander: subprocess.Popen[bytes]
) -> None:
    service = launch(PARENT)
    children = psutil.Process(service.pid).children()
    assert len(children) == 1
    assert stop([service]) == [service.name]
    assert not is_running(service)
    assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE
    assert bystander.poll() is None


def test_what_a_killed_process_leaves_behind_is_ended_and_nothing_else(
    launch: Start, bystander: subprocess.Popen[bytes]
) -> None:
    service = launch(PARENT)
    child = psutil.Process(service.pid).children()[0]
    os.kill(service.pid, signal.SIGKILL)
    _until(lambda: not is_running(service))
    assert child.is_running()

    end_left(replace(service, pid=bystander.pid))  # a number that somebody else has by now
    assert child.is_running()
    end_left(service)

    _until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert bystander.poll() is None


def test_stop_kills_what_does_not_want_to_end(launch: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.host.processes.STOP_SECONDS", 0.3)
    service = launch(STUBBORN)
    stop([service])
    _until(lambda: not is_running(service))


def test_stop_does_not_wait_for_what_outlives_all_it_could_report_to(
    launch: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.host.processes.STOP_SECONDS", 3_600)
    monkeypatch.setattr("infra.host.processes.LEFT_SECONDS", 0.3)
    service = launch(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).wait()")
    child = psutil.Process(service.pid).children()[0]

    stop([service, launch(WAIT)])

    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_reused_process_id_is_not_taken_for_the_service(bystander: subprocess.Popen[bytes], tmp_path: Path) -> None:
    impostor = Service("scheduler", bystander.pid, "0.0", str(tmp_path / "log"))
    assert not is_running(impostor)
    assert stop([impostor]) == []
    assert bystander.poll() is None
    # the negative control: with the true start time it would be stopped
    assert is_running(replace(impostor, started=str(psutil.Process(bystander.pid).create_time())))


def test_a_service_that_ended_is_known_to_have_ended(launch: Start) -> None:
    service = launch("print('ready', flush=True)")
    _until(lambda: not is_running(service))
    assert stop([service]) == []


def test_services_are_remembered_with_their_logs(launch: Start, tmp_path: Path) -> None:
    service = launch(WAIT)
    record = tmp_path / "demo" / "processes.json"
    assert read_services(record) == []
    write_services(record, [service])
    assert read_services(record) == [service]
    assert tail(service) == "ready"
