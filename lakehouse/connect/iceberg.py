"""Iceberg through PyIceberg: the catalog of a branch."""

from __future__ import annotations

from contextlib import closing

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io import FileIO
from pyiceberg.table.metadata import TableMetadata
from sqlalchemy import event

from lakehouse.connect.database import MAIN
from lakehouse.connect.faults import fault_point
from lakehouse.connect.register_sqlite import BUSY_TIMEOUT_SECONDS, open_database
from lakehouse.connect.settings import Settings


class EmbeddedCatalog(SqlCatalog):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """PyIceberg's SQL catalog on the register, with the fault point between metadata and pointer swap."""

    def __init__(self, name: str, **properties: str) -> None:
        super().__init__(name, **properties)
        # Pointer swaps need not reach the disk one by one: a publish does, and with it everything before it. A swap
        # that a power cut takes back was not published yet, and is done again with its batch.
        event.listen(self.engine, "connect", lambda db, _: db.execute("pragma synchronous = normal"))
        self.engine.dispose()

    @staticmethod
    def _write_metadata(metadata: TableMetadata, io: FileIO, metadata_path: str) -> None:
        SqlCatalog._write_metadata(metadata, io, metadata_path)
        fault_point("after-metadata")


def open_catalog(settings: Settings, branch_catalog_name: str) -> Catalog:
    """Open the Iceberg catalog of a branch (``Branch.catalog_name``, or ``main``)."""
    if settings.profile == "cluster":
        from lakehouse.connect.cluster import cluster_settings
        from lakehouse.connect.nessie_catalog import NessieCatalog

        cluster = cluster_settings(settings)
        return NessieCatalog(cluster.main_reference if branch_catalog_name == MAIN else branch_catalog_name, cluster)
    with closing(open_database(settings)):
        settings.warehouse.mkdir(parents=True, exist_ok=True)
    return EmbeddedCatalog(
        branch_catalog_name,
        uri=f"sqlite:///{settings.catalog_db}?timeout={BUSY_TIMEOUT_SECONDS:g}",
        warehouse=str(settings.warehouse),
    )
