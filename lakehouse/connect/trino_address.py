"""Where Trino is, for its own client and for dbt."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from lakehouse.connect.cluster import ClusterSettings

DEFAULT_USER = "citybrain"
_PORTS = {"https": 443, "http": 8080}


@dataclass(frozen=True)
class TrinoAddress:
    """The parts of a Trino's address, and the user to come as."""

    scheme: str
    host: str
    port: int
    user: str


def trino_address(cluster: ClusterSettings) -> TrinoAddress:
    """Return the parts of the address of a cluster's Trino."""
    uri = urlsplit(cluster.trino_uri)
    scheme = uri.scheme or "http"
    return TrinoAddress(
        scheme, uri.hostname or "localhost", uri.port or _PORTS[scheme], cluster.trino_user or DEFAULT_USER
    )
