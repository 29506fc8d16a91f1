"""The Trino service as OpenMetadata's own connector sees it: schemas, tables and columns, read over its door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog.exchange.errors import ExchangeError
from catalog.exchange.workflow import Told, run_to_file
from lakehouse.connect.cluster import ClusterSettings
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.trino_client import StatementRefused, ask

FILE = "openmetadata-trino.json"
CA_BUNDLE = "REQUESTS_CA_BUNDLE"
# Trino's own.
NOT_TOLD = ["^information_schema$", "^system$"]


def trino_source(cluster: ClusterSettings, service: str, catalog: str | None = None) -> dict[str, Any]:
    """Return the workflow's source for one catalog of Trino, ``lake`` unless another is named; with password and TLS.

    Raises:
        ExchangeError: the cluster has no Trino.
    """
    address = urlsplit(cluster.trino_uri)
    if not address.netloc:
        raise ExchangeError("Trino is missing: start it with `citybrain stack up`")
    connection = {
        "type": "Trino",
        "hostPort": address.netloc,
        "username": cluster.trino_user,
        "authType": {"password": cluster.trino_password.get_secret_value()},
        "catalog": catalog or cluster.reader_catalog,
        "connectionArguments": {"http_scheme": address.scheme},
        **({"verify": cluster.trino_ca} if cluster.trino_ca else {}),
    }
    read = {
        "type": "DatabaseMetadata",
        "includeViews": False,
        "includeStoredProcedures": False,
        "schemaFilterPattern": {"excludes": NOT_TOLD},
        # A file holds what is there; only a server could be asked what was there before.
        **dict.fromkeys(("markDeletedTables", "markDeletedSchemas", "markDeletedDatabases"), False),
        "markDeletedStoredProcedures": False,
    }
    return {
        "type": "trino",
        "serviceName": service,
        "serviceConnection": {"config": connection},
        "sourceConfig": {"config": read},
    }


def export_trino(cluster: ClusterSettings, folder: Path, *, service: str, catalog: str | None = None) -> Told:
    """Write what the connector finds to ``folder/openmetadata-trino.json``.

    Raises:
        ExchangeError: Trino does not answer, refuses the password, or something could not be read.
    """
    source = trino_source(cluster, service, catalog)
    try:
        ask(cluster, "select 1")
    except (ServerUnavailable, StatementRefused) as fault:
        raise ExchangeError(str(fault)) from None
    with _trusting(cluster.trino_ca):
        return run_to_file(source, folder / FILE, service_type="Trino")


@contextmanager
def _trusting(authority: str) -> Iterator[None]:
    """Let the connector's HTTP client trust this certificate: a bundle named in the environment goes before ``verify``."""
    before = os.environ.get(CA_BUNDLE)
    if authority:
        os.environ[CA_BUNDLE] = authority
    try:
        yield
    finally:
        os.environ.pop(CA_BUNDLE, None)
        if before is not None:
            os.environ[CA_BUNDLE] = before
