"""What a server of the stack is to its supervisor."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.host.accounts import Account
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.settings import StackSettings

CHECK_SECONDS = 5.0


class Unhealthy(RuntimeError):
    """A server does not answer as it should; the message says what it was asked and how it answered."""


@dataclass(frozen=True)
class Launch:
    """How to start a server."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None


class StackService(ABC):
    """One server: its files, its start, its health, and what it must hold before others can use it."""

    name: str
    title: str
    needs: tuple[str, ...] = ()  # must serve before this one is started
    uses: tuple[str, ...] = ()  # come along, and are stopped after this one; it is not started later for them
    stop_signal: int = signal.SIGTERM
    start_seconds: float = 60.0

    def __init__(self, places: StackPlaces, settings: StackSettings, parts: Parts) -> None:
        self.places, self.settings, self.parts = places, settings, parts

    @property
    def folder(self) -> Path:
        """Configuration and data of this server."""
        return self.places.folder(self.name)

    @property
    @abstractmethod
    def ports(self) -> Mapping[str, int]:
        """What listens where; the first is the main door."""

    @abstractmethod
    def prepare(self) -> None:
        """Write the configuration, and make what must be there before the first start; may be done again."""

    @abstractmethod
    def launch(self) -> Launch:
        """Return how to start the server."""

    @abstractmethod
    def check(self) -> None:
        """Ask the server something that only a working server can answer.

        Raises:
            Unhealthy: it cannot.
        """

    def furnish(self) -> None:  # noqa: B027  # not every server needs it
        """Make what others expect to find in the server once it runs; may be done again."""


def plain_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a server: nothing of ours leaks in."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
