"""Processes that stay in the background: started with a log each, known by pid and start time, stopped one by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from infra.host.accounts import Account

STOP_SECONDS, KILL_SECONDS = 15.0, 10.0
LEFT_SECONDS = 3.0  # for what outlives all that it could report to, such as a task of an Airflow that has ended
POLL_SECONDS = 0.1

_children: dict[int, subprocess.Popen[bytes]] = {}  # kept, so that the exit status of those that end is taken


@dataclass(frozen=True)
class Service:
    """A process that was started. A pid alone can be reused by another process; with the start time it cannot."""

    name: str
    pid: int
    started: str
    log: str


def start(
    name: str,
    command: list[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
    account: Account | None = None,
) -> Service:
    """Start a process in a session of its own, so that it outlives the terminal; its output goes to ``log``.

    With ``account`` the process runs as that user, which only root may ask for.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    _children[process.pid] = process
    return Service(name, process.pid, _start_time(process.pid), str(log))


def is_running(service: Service) -> bool:
    """Say whether the very process that was started still runs."""
    _reap(service.pid)
    return bool(service.started) and _start_time(service.pid) == service.started


def stop(services: Iterable[Service]) -> list[str]:
    """End the given processes and their children; return the names of those that ran."""
    running = [service for service in services if is_running(service)]
    for service in running:
        _signal(service, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    _wait_while(is_running, running, deadline)
    _wait_while(_session, running, min(deadline, time.monotonic() + LEFT_SECONDS))
    for service in running:
        _signal(service, signal.SIGKILL)
    _wait_while(_session, running, time.monotonic() + KILL_SECONDS)  # what was killed takes a moment to be gone
    return [service.name for service in running]


def end(service: Service, number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> bool:
    """Ask the process alone to end, in the way it wants to be asked; kill what is left of its session; say if it ran.

    A server that has children tells them itself, and may lose data when they are told over its head.
    """
    if not is_running(service):
        return False
    with suppress(ProcessLookupError):
        os.kill(service.pid, number)
    _wait_while(_session, [service], time.monotonic() + seconds)
    _signal(service, signal.SIGKILL)
    _wait_while(_session, [service], time.monotonic() + KILL_SECONDS)
    return True


def end_left(service: Service) -> None:
    """Kill what a process that ended by itself has left behind in its session: nobody else knows of it any more."""
    _reap(service.pid)
    with suppress(psutil.Error):
        if str(psutil.Process(service.pid).create_time()) != service.started:
            return  # the number was given to another process, which it can only be when nothing was left
    _signal(service, signal.SIGKILL)


def read_services(record: Path) -> list[Service]:
    """Return what was recorded as started."""
    if not record.exists():
        return []
    return [Service(**entry) for entry in json.loads(record.read_text(encoding="utf-8"))]


def write_services(record: Path, services: Iterable[Service]) -> None:
    """Record what was started."""
    record.parent.mkdir(parents=True, exist_ok=True)
    fresh = record.with_name(f"{record.name}.new")
    fresh.write_text(json.dumps([asdict(service) for service in services], indent=2), encoding="utf-8")
    fresh.replace(record)


def tail(service: Service, lines: int = 15) -> str:
    """Return the last lines of a service's log."""
    text = Path(service.log).read_text(encoding="utf-8", errors="replace") if Path(service.log).exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _wait_while(holds: Callable[[Service], object], services: Sequence[Service], deadline: float) -> None:
    """Wait while something holds of any of them, or until the time is over; those that end meanwhile are reaped."""
    while time.monotonic() < deadline:
        for service in services:
            _reap(service.pid)
        if not any(holds(service) for service in services):
            return
        time.sleep(POLL_SECONDS)


def _reap(pid: int) -> None:
    """Take the exit status of a child that ended; of somebody else's child there is none to take."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]


def _signal(service: Service, number: int) -> None:
    """Signal every process of the service's session, which it leads; others are never touched."""
    for pid in _session(service):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _session(service: Service) -> list[int]:
    """Return the live processes of the session that the service leads."""
    return [pid for pid in psutil.pids() if _session_of(pid) == service.pid and _start_time(pid)]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _start_time(pid: int) -> str:
    """Return when a process started; empty when there is none, or only its exit status is left."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return ""
