"""The stack in the hands of a container engine: what is written for it before, and made in it after its start."""

from __future__ import annotations

import time
from pathlib import Path

from infra.cli.output import EXIT_BLOCKED, UserError
from infra.stack.build import build_services
from infra.stack.control import write_files
from infra.stack.parts import Parts, Say
from infra.stack.places import StackPlaces
from infra.stack.service import StackService, Unhealthy
from infra.stack.services.postgres import Postgres
from infra.stack.settings import StackSettings

FURNISH_SECONDS = 180.0
POLL_SECONDS = 0.5


def configure_containers(places: StackPlaces) -> Path:
    """Write settings and configuration, and return the environment file of ``compose.yaml``."""
    settings = StackSettings.of_home(places)
    if settings.object_store != "minio":
        raise UserError(
            f"compose.yaml has no {settings.object_store}", hint="choose another home: CITYBRAIN_HOME=DIR citybrain …"
        )
    parts = Parts()
    write_files(places, settings, parts)
    for service in build_services(places, settings, parts).values():
        if service.name != Postgres.name:  # its image makes its data folder itself
            service.prepare()
    return places.compose_environment


def furnish_containers(places: StackPlaces, say: Say, seconds: float = FURNISH_SECONDS) -> list[str]:
    """Wait for each server, then make in it what the product expects; return the names of the servers.

    Raises:
        UserError: a server does not answer as it should.
    """
    settings = StackSettings.load(places)
    if settings is None:
        raise UserError("this home has no stack yet", hint="citybrain stack configure")
    services = build_services(places, settings)
    deadline = time.monotonic() + seconds
    for service in services.values():
        say(f"{service.name} is asked")
        _furnish(service, deadline)
    return list(services)


def _furnish(service: StackService, deadline: float) -> None:
    while True:
        try:
            service.check()
            service.furnish()
        except Unhealthy as fault:
            if time.monotonic() > deadline:
                raise UserError(
                    f"{service.title}: {fault}",
                    hint="docker compose logs; then run it again",
                    exit_code=EXIT_BLOCKED,
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            return
