"""DuckDB on the objects of the cluster: credentials as a secret, and errors that name the object store."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import duckdb

from lakehouse.connect.cluster import ClusterSettings
from lakehouse.connect.objects import REQUEST_SECONDS
from lakehouse.connect.servers import ServerUnavailable

# httpfs answers with these classes; a missing object, in an existing bucket, is a matter of the table and not of the server.
_NETWORK = (duckdb.HTTPException, duckdb.IOException)
_MISSING = ("404", "No files found")


def read_objects(con: duckdb.DuckDBPyConnection, cluster: ClusterSettings) -> None:
    """Let a connection read and write the bucket, and nothing else on the network."""
    endpoint = urlsplit(cluster.s3_endpoint)
    con.execute("load httpfs")
    con.execute(f"set http_timeout = {REQUEST_SECONDS}")
    con.execute("set http_retries = 3")
    options = {
        "key_id": cluster.s3_access_key.get_secret_value(),
        "secret": cluster.s3_secret_key.get_secret_value(),
        "region": cluster.s3_region,
        "endpoint": endpoint.netloc,
        "url_style": "path",
        "scope": f"s3://{cluster.bucket}",
    }
    listed = ", ".join(f"{name} '{_escaped(value)}'" for name, value in options.items())
    ssl = str(endpoint.scheme == "https").lower()
    con.execute(f"create or replace secret lake (type s3, {listed}, use_ssl {ssl})")


def _escaped(value: str) -> str:
    return value.replace("'", "''")


class NamingConnection:
    """A DuckDB connection that turns the object store's silence into an error that names it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, endpoint: str) -> None:
        self._con = con
        self._endpoint = endpoint

    def execute(self, *args: Any, **kwargs: Any) -> NamingConnection:
        """Run a statement; rows are fetched from what is returned, as from DuckDB's own connection."""
        self._named(self._con.execute, *args, **kwargs)
        return self

    def executemany(self, *args: Any, **kwargs: Any) -> NamingConnection:
        """Run a statement for many parameters."""
        self._named(self._con.executemany, *args, **kwargs)
        return self

    def sql(self, *args: Any, **kwargs: Any) -> Any:
        """Return a relation."""
        return self._named(self._con.sql, *args, **kwargs)

    def cursor(self) -> NamingConnection:
        """Return another connection to the same database."""
        return NamingConnection(self._con.cursor(), self._endpoint)

    def _named(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except _NETWORK as fault:
            text = str(fault)
            if self._endpoint.split("//")[-1] in text and not any(word in text for word in _MISSING):
                raise ServerUnavailable("object store", self._endpoint, text) from fault
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def __enter__(self) -> NamingConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()
