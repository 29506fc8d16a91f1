"""How a stack is: what each server answers now, and what its supervisor knows of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from infra.host.processes import Service, is_running, read_services
from infra.stack.build import build_services
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.service import StackService, Unhealthy
from infra.stack.settings import StackSettings
from infra.stack.state import Known, Phase, read_state, read_wanted


@dataclass(frozen=True)
class Status:
    """One service as it is now: ``phase`` is what it answered just now, ``since`` when it came to that."""

    name: str
    title: str
    phase: Phase
    ports: dict[str, int]
    pid: int
    memory: int
    since: float
    restarts: int
    reason: str
    log: str

    @property
    def is_healthy(self) -> bool:
        return self.phase is Phase.HEALTHY


@dataclass(frozen=True)
class StackStatus:
    """The whole stack; it is well when what shall run serves, and somebody watches over it."""

    services: list[Status]
    is_supervised: bool

    @property
    def is_well(self) -> bool:
        return self.is_supervised and bool(self.services) and all(service.is_healthy for service in self.services)


def stack_status(places: StackPlaces, parts: Parts | None = None) -> StackStatus:
    """Ask every service that shall run, at the same time, and return how each is."""
    settings = StackSettings.load(places)
    known, wanted = read_state(places), read_wanted(places)
    if settings is None:
        return StackStatus([], False)
    services = build_services(places, settings, parts)
    asked = [services[name] for name in services if name in wanted]
    with ThreadPoolExecutor(max(len(asked), 1)) as pool:
        found = list(pool.map(lambda service: _ask(places, service, known.get(service.name, Known())), asked))
    return StackStatus(found, supervisor_of(places) is not None)


def supervisor_of(places: StackPlaces) -> Service | None:
    """Return the supervisor of this home when it runs."""
    try:
        recorded = read_services(places.supervisor)
    except ValueError:
        return None
    return next((service for service in recorded if is_running(service)), None)


def _ask(places: StackPlaces, service: StackService, known: Known) -> Status:
    """Ask one service now; what the supervisor wrote is only used for what cannot be asked."""
    phase, reason, pid = known.phase, known.reason, known.pid
    if not known.runs(service.name, places):
        pid = 0
        if phase in {Phase.HEALTHY, Phase.UNHEALTHY, Phase.STARTING}:
            phase, reason = Phase.STOPPED, "its process is gone"
    elif phase in {Phase.HEALTHY, Phase.UNHEALTHY}:
        try:
            service.check()
            phase, reason = Phase.HEALTHY, ""
        except Unhealthy as fault:
            phase, reason = Phase.UNHEALTHY, str(fault)
    return Status(
        name=service.name,
        title=service.title,
        phase=phase,
        ports=dict(service.ports),
        pid=pid,
        memory=_memory(pid) if pid else 0,
        since=known.since,
        restarts=known.restarts,
        reason=reason,
        log=str(places.log(service.name)),
    )


def _memory(pid: int) -> int:
    """Return what a process and its children hold, in bytes; pages that they share are counted once."""
    try:
        process = psutil.Process(pid)
        return sum(_share(each) for each in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0


def _share(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
