"""Where a stack keeps its things below one home; two homes on one machine never meet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.connect.settings import Settings

RECIPES = Path(__file__).resolve().parent


@dataclass(frozen=True)
class StackPlaces:
    """The folders and files of one stack."""

    home: Path

    @classmethod
    def of(cls, settings: Settings) -> StackPlaces:
        """Return the places below the home that the settings name."""
        return cls(settings.root)

    @property
    def root(self) -> Path:
        return self.home / "stack"

    @property
    def settings(self) -> Path:
        """Ports and generated secrets: the one settings file, private."""
        return self.root / "settings.json"

    @property
    def wanted(self) -> Path:
        """The names of the services that shall run; the supervisor looks at it."""
        return self.root / "wanted.json"

    @property
    def state(self) -> Path:
        """What the supervisor knows of each service."""
        return self.root / "state.json"

    @property
    def supervisor(self) -> Path:
        """The record of the supervisor's process."""
        return self.root / "supervisor.json"

    @property
    def lock(self) -> Path:
        """Held by whoever changes the stack, so that two commands at once do not."""
        return self.root / "stack.lock"

    @property
    def compose_environment(self) -> Path:
        """The settings once more, as the compose file reads them."""
        return self.root / "compose.env"

    @property
    def logs(self) -> Path:
        return self.home / "logs" / "stack"

    @property
    def cluster_file(self) -> Path:
        """Addresses and credentials for the product itself."""
        return self.home / "cluster.json"

    def log(self, name: str) -> Path:
        """Return the log of a service."""
        return self.logs / f"{name}.log"

    def folder(self, name: str) -> Path:
        """Return the folder of a service: its configuration and its data."""
        return self.root / name
