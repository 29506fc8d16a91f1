"""``cluster.json``: how the product itself reaches the servers; ``lakehouse.connect.cluster`` reads it."""

from __future__ import annotations

import json

from infra.host.files import write_private
from infra.host.ports import HOST
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.services.postgres import database_uri
from infra.stack.services.trino import Trino
from infra.stack.settings import StackSettings


def cluster_facts(places: StackPlaces, settings: StackSettings, parts: Parts) -> dict[str, str]:
    """Return addresses and credentials; those of the servers' administrators are not among them."""
    ports, secrets = settings.ports, settings.secrets
    return {
        "nessie_uri": f"http://{HOST}:{ports.nessie}",
        "warehouse": settings.warehouse,
        "bucket": settings.bucket,
        "s3_endpoint": f"http://{HOST}:{ports.object_store}",
        "s3_region": settings.region,
        "s3_access_key": secrets.s3_access_key,
        "s3_secret_key": secrets.s3_secret_key,
        "trino_uri": f"https://{HOST}:{ports.trino}",
        "trino_ca": str(Trino(places, settings, parts).trusted),
        "trino_user": settings.trino_user,
        "trino_password": secrets.trino_password,
        "reader_catalog": settings.reader_catalog,
        "database_uri": database_uri(settings, "citybrain"),
        "airflow_database_uri": database_uri(settings, "airflow"),
    }


def write_cluster_file(places: StackPlaces, settings: StackSettings, parts: Parts) -> None:
    """Write the file, private."""
    write_private(places.cluster_file, json.dumps(cluster_facts(places, settings, parts), indent=2) + "\n")
