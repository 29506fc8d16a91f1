"""The settings once more, for a container engine: the environment file that ``compose.yaml`` reads."""

from __future__ import annotations

import hashlib
import os

from infra.host.files import write_private
from infra.stack.places import StackPlaces
from infra.stack.settings import StackSettings


def compose_environment(places: StackPlaces, settings: StackSettings) -> dict[str, str]:
    """Return every variable of ``compose.yaml``; two homes are two projects, and never meet."""
    project = hashlib.sha256(str(places.home).encode()).hexdigest()[:8]
    return {
        "COMPOSE_PROJECT_NAME": f"citybrain-{project}",
        "CITYBRAIN_STACK_HOME": str(places.home),
        "CITYBRAIN_STACK_ROOT": str(places.root),
        "CITYBRAIN_STACK_USER": f"{os.getuid()}:{os.getgid()}",
        "CITYBRAIN_STACK_POSTGRES_PORT": str(settings.ports.postgres),
        "CITYBRAIN_STACK_POSTGRES_ADMIN_PASSWORD": settings.secrets.postgres_admin,
        "CITYBRAIN_STACK_OBJECT_STORE_PORT": str(settings.ports.object_store),
        "CITYBRAIN_STACK_NESSIE_PORT": str(settings.ports.nessie),
        "CITYBRAIN_STACK_NESSIE_HEAP": settings.nessie_heap,
        "CITYBRAIN_STACK_TRINO_INTERNAL_PORT": str(settings.ports.trino_internal),
        "CITYBRAIN_STACK_AIRFLOW_PORT": str(settings.ports.airflow),
        "CITYBRAIN_STACK_SOURCE": str(settings.source_folder(places)),
        "CITYBRAIN_STACK_SOURCE_API": settings.source_api_url(),
        "CITYBRAIN_STACK_LINEAGE": settings.lineage_url(),
    }


def write_compose_environment(places: StackPlaces, settings: StackSettings) -> None:
    """Write the environment file, private."""
    lines = [f"{name}={value}\n" for name, value in compose_environment(places, settings).items()]
    write_private(places.compose_environment, "".join(lines))
