"""The servers of a stack, made from its settings."""

from __future__ import annotations

from collections.abc import Iterable

from infra.cli.output import UserError
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.service import StackService
from infra.stack.services.airflow import AirflowApiServer, AirflowDagProcessor, AirflowScheduler
from infra.stack.services.minio import MinioStore
from infra.stack.services.nessie import Nessie
from infra.stack.services.postgres import Postgres
from infra.stack.services.seaweedfs import SeaweedStore
from infra.stack.services.trino import Trino
from infra.stack.settings import StackSettings

OBJECT_STORES: dict[str, type[StackService]] = {"minio": MinioStore, "seaweedfs": SeaweedStore}


def build_services(places: StackPlaces, settings: StackSettings, parts: Parts | None = None) -> dict[str, StackService]:
    """Return the servers in the order in which people think of them."""
    parts = parts or Parts()
    kinds: list[type[StackService]] = [
        Postgres,
        OBJECT_STORES[settings.object_store],
        Nessie,
        Trino,
        AirflowApiServer,
        AirflowDagProcessor,
        AirflowScheduler,
    ]
    return {kind.name: kind(places, settings, parts) for kind in kinds}


def with_needs(services: dict[str, StackService], names: Iterable[str]) -> list[str]:
    """Return the named services and all that they need and use, in order; all of them when none is named.

    Raises:
        UserError: there is no such service.
    """
    wanted = set(names) or set(services)
    unknown = wanted - set(services)
    if unknown:
        raise UserError(f"the stack has no service {', '.join(sorted(unknown))}", hint=f"it has {', '.join(services)}")
    while True:
        more = {other for name in wanted for other in _beside(services[name]) if other in services} - wanted
        if not more:
            return [name for name in services if name in wanted]
        wanted |= more


def _beside(service: StackService) -> tuple[str, ...]:
    return (*service.needs, *service.uses)
