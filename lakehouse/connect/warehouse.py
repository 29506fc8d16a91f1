"""Where the tables of an installation lie."""

from __future__ import annotations

from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.settings import Settings


def warehouse_location(settings: Settings) -> str:
    """Return the folder, or the object prefix, of all tables."""
    if settings.profile == "cluster":
        return cluster_settings(settings).warehouse_location
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    return str(settings.warehouse)
