"""Where a demo keeps its things below one home, and which ports it listens on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from infra.cli.output import UserError
from infra.host.ports import bindable
from infra.stack.places import StackPlaces
from infra.stack.services.airflow import FOLDER
from infra.stack.settings import StackSettings
from lakehouse.connect.settings import Settings

PREFERRED_PORTS = {"airflow": 8080, "web": 8642, "api": 0}


@dataclass(frozen=True)
class Places:
    """The folders and files of one demo; two homes on one machine never meet."""

    home: Path
    profile: str = "embedded"

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Return the places of a demo with these settings."""
        return cls(settings.root, settings.profile)

    @property
    def stack(self) -> StackPlaces:
        """The servers of the cluster profile."""
        return StackPlaces(self.home)

    @property
    def city(self) -> Path:
        return self.home / "sample-city"

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``: configuration with generated secrets, metadata database, task logs."""
        return self.stack.folder(FOLDER) if self.profile == "cluster" else self.home / "airflow"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def processes(self) -> Path:
        """The record of what the demo started, so that exactly that is stopped."""
        return self.home / "demo" / "processes.json"

    @property
    def state(self) -> Path:
        """People, seed and ports of the demo that is up."""
        return self.home / "demo" / "state.json"

    @property
    def accounts(self) -> Path:
        """The demo's accounts with their first passwords, readable by their owner only."""
        return self.home / "demo" / "accounts.txt"

    @property
    def api_key(self) -> Path:
        """The API key that the demo made, readable by its owner only."""
        return self.home / "demo" / "api-key"


def stack_ports(places: Places) -> dict[str, int]:
    """Return the port of each door as the stack's settings have it: tasks are told of them when the stack starts."""
    settings = StackSettings.of_home(places.stack)
    settings.save(places.stack)
    ports = settings.ports
    return {"airflow": ports.airflow, "web": ports.catalogue, "api": ports.departments}


def choose_ports() -> dict[str, int]:
    """Return a port for each door: as ``CITYBRAIN_DEMO_<NAME>_PORT`` says, else the usual one, else any free one.

    Raises:
        UserError: a port that was asked for is not a port, or is taken.
    """
    return {name: _choose(name, preferred) for name, preferred in PREFERRED_PORTS.items()}


def _choose(name: str, preferred: int) -> int:
    variable = f"CITYBRAIN_DEMO_{name.upper()}_PORT"
    wanted = os.environ.get(variable)
    if wanted is None:
        return bindable(preferred) or bindable(0) or preferred
    if not wanted.isdecimal() or int(wanted) > 65_535:
        raise UserError(f"{variable}={wanted} is not a port", hint="a number up to 65535; 0 takes any free one")
    port = bindable(int(wanted))
    if port is None:
        raise UserError(f"{variable}={wanted}: the port is taken", hint="name another, or 0 for any free one")
    return port
