"""Where the app database is: a file of the home, or the cluster's PostgreSQL."""

from __future__ import annotations

from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.settings import Settings

_SCHEME, _DRIVER = "postgresql://", "postgresql+psycopg://"


def app_database(settings: Settings) -> str:
    """Return the SQLAlchemy address of the app database, with its password where it has one.

    Raises:
        ProfileUnavailable: the profile's servers are not named.
    """
    if settings.profile == "embedded":
        return f"sqlite:///{settings.app_db}"
    return cluster_settings(settings).database_uri.get_secret_value().replace(_SCHEME, _DRIVER, 1)
