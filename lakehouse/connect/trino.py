"""Trino on a branch: a catalog for as long as somebody works there, connections to it, and errors that name the server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
import trino

from lakehouse.connect.cluster import ClusterSettings, cluster_settings
from lakehouse.connect.database import MAIN
from lakehouse.connect.duck import literal, quote
from lakehouse.connect.nessie import Nessie
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino_address import trino_address

CATALOG_PREFIX = "run_"
ATTEMPTS = 5
REQUEST_SECONDS = 60.0
_LOST = (trino.exceptions.OperationalError, trino.exceptions.HttpError, requests.RequestException)

TrinoError = trino.exceptions.TrinoQueryError  # a statement that Trino refuses, as opposed to a Trino that is not there


def catalog_of(reference: str) -> str:
    """Return the name of the Trino catalog that shows a Nessie reference, free of characters that need quotes."""
    return CATALOG_PREFIX + re.sub("[^a-z0-9_]", "_", reference.lower())


class TrinoConnection:
    """A connection to one catalog that answers as DuckDB's does: ``execute(…)``, then ``fetchone`` or ``fetchall``."""

    dialect = "trino"

    def __init__(self, cluster: ClusterSettings, catalog: str | None) -> None:
        self._uri = cluster.trino_uri
        self.raw = trino.dbapi.Connection(**client_arguments(cluster), catalog=catalog or "system")
        self._cursor: Any = None

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> TrinoConnection:
        """Run one statement to its end.

        Raises:
            ServerUnavailable: Trino cannot be reached, or one of the servers behind it.
            TrinoError: Trino refuses the statement.
        """
        try:
            self._cursor = self.raw.cursor()
            self._cursor.execute(sql, parameters)
            self._rows = self._cursor.fetchall()
        except _LOST as lost:
            raise ServerUnavailable("Trino", self._uri, _detail(lost)) from lost
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows of the last statement."""
        return [tuple(row) for row in self._rows]

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the first row of the last statement."""
        return tuple(self._rows[0]) if self._rows else None

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


def client_arguments(cluster: ClusterSettings) -> dict[str, Any]:
    """Return what the client needs to know of the server."""
    address = trino_address(cluster)
    password = cluster.trino_password.get_secret_value()
    auth = trino.auth.BasicAuthentication(address.user, password) if password else None
    return {
        "host": address.host,
        "port": address.port,
        "http_scheme": address.scheme,
        "user": address.user,
        "source": "citybrain",
        "auth": auth,
        "http_session": _http_session(cluster),
        "max_attempts": ATTEMPTS,
        "request_timeout": REQUEST_SECONDS,
        "allow_insecure_auth": True,
    }


def _http_session(cluster: ClusterSettings) -> requests.Session:
    """Return a session that trusts Trino's certificate; what the environment says of certificates would win over it."""
    session = requests.Session()
    session.trust_env = False
    session.verify = cluster.trino_ca or True
    return session


def _detail(lost: Exception) -> str:
    message = getattr(lost, "message", None)
    return str(message) if message else str(lost) or type(lost).__name__


@contextmanager
def open_trino(settings: Settings, catalog: str | None = None) -> Iterator[TrinoConnection]:
    """Open a connection to a catalog, by default to none."""
    con = TrinoConnection(cluster_settings(settings), catalog)
    try:
        yield con
    finally:
        con.close()


@contextmanager
def branch_catalog(settings: Settings, branch_catalog_name: str) -> Iterator[str]:
    """Let Trino read and write a branch (``Branch.catalog_name``) while the block runs; give the catalog's name.

    Whatever happens in the block, the catalog is gone afterwards. Catalogs of processes that did not live to drop theirs
    go when their branch is gone.
    """
    cluster = cluster_settings(settings)
    reference = cluster.main_reference if branch_catalog_name == MAIN else branch_catalog_name
    name = catalog_of(reference)
    with open_trino(settings) as con:
        _drop_abandoned(con, cluster)
        con.execute(f"drop catalog if exists {quote(name)}")  # of a process that was killed; its servers may have moved
        con.execute(create_catalog_sql(name, reference, cluster))
    try:
        yield name
    finally:
        with open_trino(settings) as con:
            con.execute(f"drop catalog if exists {quote(name)}")


def create_catalog_sql(
    name: str, reference: str, cluster: ClusterSettings, further: Mapping[str, str] | None = None
) -> str:
    """Return the statement that lets Trino see a Nessie reference; ``further`` properties are added to ours."""
    properties = {
        "iceberg.catalog.type": "rest",
        "iceberg.rest-catalog.uri": f"{cluster.nessie_uri.rstrip('/')}/iceberg/{reference}",
        "iceberg.rest-catalog.warehouse": cluster.warehouse,
        "iceberg.unique-table-location": "true",
        "iceberg.file-format": "PARQUET",
        "iceberg.compression-codec": "ZSTD",
        "fs.native-s3.enabled": "true",
        "s3.endpoint": cluster.s3_endpoint,
        "s3.region": cluster.s3_region,
        "s3.path-style-access": "true",
        "s3.aws-access-key": cluster.s3_access_key.get_secret_value(),
        "s3.aws-secret-key": cluster.s3_secret_key.get_secret_value(),
    }
    listed = ", ".join(f"{quote(key)} = {literal(value)}" for key, value in (properties | dict(further or {})).items())
    return f"create catalog {quote(name)} using iceberg with ({listed})"


def _drop_abandoned(con: TrinoConnection, cluster: ClusterSettings) -> None:
    """Drop the catalogs whose reference is gone. They are listed first, so that one made meanwhile is not among them."""
    made = [name for (name,) in con.execute("show catalogs").fetchall() if name.startswith(CATALOG_PREFIX)]
    if not made:
        return
    alive = {catalog_of(reference) for reference in Nessie(cluster.nessie_uri).references()}
    for name in set(made) - alive:
        con.execute(f"drop catalog if exists {quote(name)}")
