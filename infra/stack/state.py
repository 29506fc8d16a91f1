"""What the supervisor knows of each service, in a file that commands read."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from infra.host.files import write_private
from infra.host.processes import Service, is_running
from infra.stack.places import StackPlaces


class Phase(StrEnum):
    """Where a service is between wanted and serving."""

    WAITING = "waiting"  # for the services that it needs
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"  # it runs and does not answer as it should
    RESTARTING = "restarting"
    FAILED = "failed"  # given up
    STOPPED = "stopped"


@dataclass(frozen=True)
class Known:
    """One service: ``since`` is when it entered its phase, ``restarts`` how often it was started again."""

    phase: Phase = Phase.STOPPED
    pid: int = 0
    started: str = ""
    since: float = 0.0
    restarts: int = 0
    reason: str = ""

    def process(self, name: str, places: StackPlaces) -> Service:
        """Return the process as ``infra.host.processes`` knows it."""
        return Service(name, self.pid, self.started, str(places.log(name)))

    def runs(self, name: str, places: StackPlaces) -> bool:
        """Say whether the very process that was recorded still runs."""
        return bool(self.pid) and is_running(self.process(name, places))


def read_state(places: StackPlaces) -> dict[str, Known]:
    """Return what was last recorded; nothing when nothing was, or when the file is not readable."""
    return {name: Known(**{**known, "phase": Phase(known["phase"])}) for name, known in _read(places).items()}


def read_wanted(places: StackPlaces) -> list[str]:
    """Return the names of the services that shall run."""
    try:
        return [str(name) for name in json.loads(places.wanted.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return []


def _read(places: StackPlaces) -> dict[str, Any]:
    try:
        return dict(json.loads(places.state.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


class Board:
    """The state while a supervisor runs; every change is written at once, whole."""

    def __init__(self, places: StackPlaces) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._known = read_state(places)

    def get(self, name: str) -> Known:
        """Return what is known of a service."""
        with self._lock:
            return self._known.get(name, Known())

    def put(self, name: str, known: Known) -> None:
        """Record what is known of a service now."""
        with self._lock:
            self._known[name] = known
            typed = {each: asdict(value) for each, value in sorted(self._known.items())}
            write_private(self._places.state, json.dumps(typed, indent=2) + "\n")

    def change(self, name: str, **changes: Any) -> Known:
        """Record some changes."""
        known = replace(self.get(name), **changes)
        self.put(name, known)
        return known
