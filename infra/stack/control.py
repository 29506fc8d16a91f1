"""Bring a stack up and down: what the command line and the tests call."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from infra.cli.output import EXIT_BLOCKED, UserError
from infra.host.files import write_private
from infra.host.ports import is_free
from infra.host.processes import Service, end, start, tail, write_services
from infra.stack.build import build_services, with_needs
from infra.stack.cluster_file import write_cluster_file
from infra.stack.compose import write_compose_environment
from infra.stack.parts import Parts, Say
from infra.stack.places import StackPlaces
from infra.stack.prerequisites import Missing
from infra.stack.service import StackService
from infra.stack.settings import ObjectStore, StackSettings
from infra.stack.state import Known, Phase, read_state
from infra.stack.status import StackStatus, stack_status, supervisor_of
from infra.stack.supervisor import RETRY_SIGNAL

PROJECT = Path(__file__).resolve().parents[2]
UP_SECONDS = 300.0
DOWN_SECONDS = 120.0
POLL_SECONDS = 0.1
FETCHED = ("postgres", "minio", "nessie", "trino")


def stack_up(
    places: StackPlaces,
    *,
    only: Sequence[str] = (),
    object_store: ObjectStore | None = None,
    new_ports: bool = False,
    say: Say = lambda _: None,
    parts: Parts | None = None,
) -> StackStatus:
    """Let the services run, all of them or those named with what they need; those that run already are left alone.

    Raises:
        UserError: something is missing, taken or wrong, or a service was given up; the message says which and why.
    """
    parts = parts or Parts()
    with _alone(places):
        settings = _settings(places, object_store)
        services = build_services(places, settings, parts)
        names = with_needs(services, only)
        _refuse_missing(parts.missing(names))
        known = read_state(places)
        running = [name for name in services if known.get(name, Known()).runs(name, places)]
        starting = [services[name] for name in names if name not in running]
        settings = _with_free_ports(settings, starting, new_ports, supervisor_of(places) is not None)
        services = build_services(places, settings, parts)
        parts.fetch(names, say)
        write_files(places, settings, parts)
        wanted = [name for name in services if name in {*names, *running}]
        begun = time.time()
        _let_run(places, wanted)
    _wait_until_healthy(places, names, begun, say)
    return stack_status(places, parts)


def stack_fetch(say: Say, parts: Parts | None = None) -> None:
    """Bring the parts of all services into the cache, and start nothing.

    Raises:
        UserError: something is missing that cannot be fetched, or a part is not what it should be.
    """
    parts = parts or Parts()
    _refuse_missing(parts.missing(FETCHED))
    parts.fetch(FETCHED, say)


def stack_down(places: StackPlaces) -> list[str]:
    """Stop what was started here, and wait until it is gone; return the names of what ran."""
    with _alone(places):
        known = read_state(places)
        ran = [name for name, each in known.items() if each.runs(name, places)]
        supervisor = supervisor_of(places)
        if supervisor is not None:
            end(supervisor, signal.SIGTERM, DOWN_SECONDS)
        _end_left(places)
        for record in (places.wanted, places.supervisor):
            record.unlink(missing_ok=True)
        return sorted(ran)


def _settings(places: StackPlaces, object_store: ObjectStore | None) -> StackSettings:
    settings = StackSettings.of_home(places, object_store or "minio")
    if object_store not in {None, settings.object_store}:
        raise UserError(
            f"the stack of this home keeps its objects in {settings.object_store}; in {object_store} it would find none",
            hint=f"choose another home: CITYBRAIN_HOME=DIR citybrain stack up --object-store {object_store}",
        )
    return settings


def _refuse_missing(missing: Iterable[Missing]) -> None:
    lines = [f"  {lack.what}, for {lack.needed_by}:  {lack.install}" for lack in missing]
    if lines:
        raise UserError("\n".join(["this machine lacks:", *lines]), hint="install these, then run it again")


def _with_free_ports(
    settings: StackSettings, starting: Iterable[StackService], new_ports: bool, is_supervised: bool
) -> StackSettings:
    """Return the settings with ports that can be bound.

    Raises:
        UserError: ports are taken, and no new ones were asked for.
    """
    taken = [
        (service.title, port) for service in starting for port in service.ports.values() if port and not is_free(port)
    ]
    if not taken:
        return settings
    if not new_ports:
        lines = "\n".join(f"  {port} of {title}{_holder(port)}" for title, port in taken)
        raise UserError(
            f"ports of this stack are taken:\n{lines}",
            hint="end what holds them, or take others: citybrain stack up --new-ports",
        )
    if is_supervised:
        raise UserError(
            "a stack that runs keeps its ports", hint="citybrain stack down, then citybrain stack up --new-ports"
        )
    fresh, held = StackSettings.make(settings.object_store).ports.model_dump(), {port for _, port in taken}
    kept = {
        name: fresh[name] if (held & set(value if isinstance(value, list) else [value])) else value
        for name, value in settings.ports.model_dump().items()
    }
    return StackSettings.model_validate({**settings.model_dump(), "ports": kept})


def _holder(port: int) -> str:
    with suppress(psutil.Error):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid:
                return f" (held by process {found.pid}, {psutil.Process(found.pid).name()})"
    return ""


def write_files(places: StackPlaces, settings: StackSettings, parts: Parts) -> None:
    """Write the settings and what is derived from them for others, each file private."""
    places.root.mkdir(parents=True, exist_ok=True)
    places.root.chmod(0o711)  # a server that runs as another user passes through to its own folder
    places.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.save(places)
    write_cluster_file(places, settings, parts)
    write_compose_environment(places, settings)


def _let_run(places: StackPlaces, wanted: list[str]) -> None:
    """Tell the supervisor what shall run; start one where there is none."""
    write_private(places.wanted, json.dumps(wanted) + "\n")
    supervisor = supervisor_of(places)
    if supervisor is not None:
        os.kill(supervisor.pid, RETRY_SIGNAL)
        return
    command = [sys.executable, "-m", "infra.stack.supervisor", str(places.home)]
    log = places.log("supervisor")
    write_services(
        places.supervisor, [start("supervisor", command, environment=dict(os.environ), log=log, folder=PROJECT)]
    )


def _wait_until_healthy(places: StackPlaces, names: Sequence[str], begun: float, say: Say) -> None:
    """Wait for all of them.

    Raises:
        UserError: one was given up since ``begun``, the supervisor ended, or it takes too long.
    """
    said: dict[str, Phase] = {}
    while True:
        known = {name: each for name, each in read_state(places).items() if name in names}
        for name, each in known.items():
            if said.get(name) is not each.phase:
                said[name] = each.phase
                say(f"{name} {each.phase}")
        waited = {name for name in names if not _serves(places, name, known)}
        if not waited:
            return
        _refuse_failed(places, {name: each for name, each in known.items() if each.since >= begun})
        if time.time() - begun > UP_SECONDS:
            late = "; ".join(f"{name}: {known.get(name, Known()).reason or 'no word of it'}" for name in sorted(waited))
            raise UserError(f"not ready after {UP_SECONDS:.0f} s: {late}", hint=_hint(places), exit_code=EXIT_BLOCKED)
        time.sleep(POLL_SECONDS)


def _serves(places: StackPlaces, name: str, known: dict[str, Known]) -> bool:
    return name in known and known[name].phase is Phase.HEALTHY and known[name].runs(name, places)


def _refuse_failed(places: StackPlaces, known: dict[str, Known]) -> None:
    failed = [f"{name} was given up: {each.reason}" for name, each in known.items() if each.phase is Phase.FAILED]
    if failed:
        raise UserError("\n".join(failed), hint=_hint(places), exit_code=EXIT_BLOCKED)
    if supervisor_of(places) is None:
        end_of_log = tail(Service("supervisor", 0, "", str(places.log("supervisor"))))
        raise UserError(f"the supervisor ended:\n{end_of_log}", hint=_hint(places), exit_code=EXIT_BLOCKED)


def _hint(places: StackPlaces) -> str:
    return f"logs: {places.logs}; `citybrain stack up` tries again"


def _end_left(places: StackPlaces) -> None:
    """Stop what a supervisor that was killed left running, those that others need last."""
    settings = StackSettings.load(places)
    if settings is None:
        return
    known = read_state(places)
    for service in reversed(build_services(places, settings).values()):
        each = known.get(service.name, Known())
        if each.runs(service.name, places):
            end(each.process(service.name, places), service.stop_signal)


@contextmanager
def _alone(places: StackPlaces) -> Iterator[None]:
    """Let one command at a time change the stack of a home."""
    places.root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(places.lock, timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"another command is changing the stack of {places.home}", hint="wait until it has ended, then run it again"
        ) from None
