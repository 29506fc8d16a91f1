"""A branch as a catalog of the Spark session, in either profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from pyspark.sql import SparkSession

from lakehouse.connect.cluster import ClusterSettings, cluster_settings
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from spark_jobs.catalog_door import open_door

_numbers = count(1)  # a session keeps a catalog once it used it, so each one opened gets a name of its own
_SPARK_CATALOG = "org.apache.iceberg.spark.SparkCatalog"
_EVERY_CATALOG = {"cache-enabled": "false", "rest-metrics-reporting-enabled": "false", "rest.auth.type": "none"}
_SNAPSHOT_PROPERTY = "spark.sql.iceberg.snapshot-property."


@contextmanager
def branch_catalog(session: SparkSession, settings: Settings, catalog_name: str) -> Iterator[str]:
    """Let the session have the tables of a branch (``Branch.catalog_name``, or ``main``); give the name before them.

    The properties hold credentials. They are set in the running session, so they are in no file, no log and no argument.
    """
    with open_door(open_catalog(settings, catalog_name)) as (address, token):
        properties = {"type": "rest", "uri": address, "header.Authorization": f"Bearer {token}"}
        yield _set_catalog(session, f"lake{next(_numbers)}", properties | _file_properties(settings))


def reader_catalog(session: SparkSession, settings: Settings, reference: str) -> str:
    """Let the session read what others see of a Nessie reference, through Nessie's own Iceberg REST door."""
    cluster = cluster_settings(settings)
    properties = {"type": "rest", "uri": f"{cluster.nessie_uri.rstrip('/')}/iceberg/{reference}"}
    name = f"reader{next(_numbers)}"
    return _set_catalog(session, name, properties | {"warehouse": cluster.warehouse} | _s3(cluster))


def _file_properties(settings: Settings) -> dict[str, str]:
    """Return how Iceberg in Spark reads and writes files."""
    if settings.profile == "cluster":
        return _s3(cluster_settings(settings))
    return {"io-impl": "org.apache.iceberg.hadoop.HadoopFileIO"}


def _s3(cluster: ClusterSettings) -> dict[str, str]:
    return {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "s3.endpoint": cluster.s3_endpoint,
        "s3.path-style-access": "true",
        "s3.access-key-id": cluster.s3_access_key.get_secret_value(),
        "s3.secret-access-key": cluster.s3_secret_key.get_secret_value(),
        "client.region": cluster.s3_region,
        "s3.remote-signing-enabled": "false",
    }


def _set_catalog(session: SparkSession, name: str, properties: Mapping[str, str]) -> str:
    session.conf.set(f"spark.sql.catalog.{name}", _SPARK_CATALOG)
    for key, value in {**properties, **_EVERY_CATALOG}.items():
        session.conf.set(f"spark.sql.catalog.{name}.{key}", value)
    return name


@contextmanager
def snapshot_properties(session: SparkSession, properties: Mapping[str, str]) -> Iterator[None]:
    """Let the commits inside carry properties in their snapshot summary."""
    for key, value in properties.items():
        session.conf.set(_SNAPSHOT_PROPERTY + key, value)
    try:
        yield
    finally:
        for key in properties:
            session.conf.unset(_SNAPSHOT_PROPERTY + key)
