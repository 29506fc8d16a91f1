"""Iceberg through PyIceberg: the catalog of a branch, and the plan of the files that one table version holds."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFile, ManifestContent, read_manifest_list
from pyiceberg.table.metadata import TableMetadata

from lakehouse.connect.database import BUSY_TIMEOUT_SECONDS, open_database
from lakehouse.connect.faults import fault_point
from lakehouse.connect.settings import Settings


class EmbeddedCatalog(SqlCatalog):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """PyIceberg's SQL catalog on the register, with the fault point between metadata and pointer swap."""

    @staticmethod
    def _write_metadata(metadata: TableMetadata, io: FileIO, metadata_path: str) -> None:
        SqlCatalog._write_metadata(metadata, io, metadata_path)
        fault_point("after-metadata")


def open_catalog(settings: Settings, branch_catalog_name: str) -> Catalog:
    """Open the Iceberg catalog of a branch (``Branch.catalog_name``, or ``main``)."""
    with closing(open_database(settings)):
        settings.warehouse.mkdir(parents=True, exist_ok=True)
    return EmbeddedCatalog(
        branch_catalog_name,
        uri=f"sqlite:///{settings.catalog_db}?timeout={BUSY_TIMEOUT_SECONDS:g}",
        warehouse=str(settings.warehouse),
    )


@dataclass(frozen=True)
class Column:
    """A column of a table version: Iceberg field id, name, Iceberg type as text, whether it is required."""

    field_id: int
    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class TableVersion:
    """One version of a table: its columns and the data files of one snapshot (none when it is empty)."""

    metadata_location: str
    location: str
    snapshot_id: int | None
    columns: tuple[Column, ...]
    files: tuple[str, ...]
    rows: int
    has_delete_files: bool


@lru_cache(maxsize=2048)
def table_version(metadata_location: str, snapshot_id: int | None = None) -> TableVersion:
    """Plan a table version from its metadata file; kept in memory, because a metadata file never changes.

    Raises:
        FileNotFoundError: the metadata file is gone.
        LookupError: the table has no such snapshot.
    """
    metadata: dict[str, Any] = json.loads(Path(metadata_location).read_bytes())
    snapshot = _snapshot(metadata, snapshot_id)
    schema_id = metadata["current-schema-id"]
    if snapshot_id is not None and snapshot is not None:
        schema_id = snapshot.get("schema-id", schema_id)
    files: list[DataFile] = []
    deletes = False
    if snapshot is not None:
        files, deletes = live_files(snapshot["manifest-list"])
    return TableVersion(
        metadata_location=metadata_location,
        location=metadata["location"],
        snapshot_id=None if snapshot is None else snapshot["snapshot-id"],
        columns=_columns(metadata, schema_id),
        files=tuple(file.file_path for file in files),
        rows=sum(file.record_count for file in files),
        has_delete_files=deletes,
    )


def _snapshot(metadata: dict[str, Any], snapshot_id: int | None) -> dict[str, Any] | None:
    wanted = metadata.get("current-snapshot-id") if snapshot_id is None else snapshot_id
    if wanted in (None, -1):
        return None
    for snapshot in metadata.get("snapshots", []):
        if snapshot["snapshot-id"] == wanted:
            return dict(snapshot)
    raise LookupError(
        f"snapshot {wanted} is not in {metadata['location']}; `citybrain history TABLE` lists what is kept"
    )


def _columns(metadata: dict[str, Any], schema_id: int) -> tuple[Column, ...]:
    schema = next(schema for schema in metadata["schemas"] if schema["schema-id"] == schema_id)
    return tuple(Column(f["id"], f["name"], str(f["type"]), bool(f["required"])) for f in schema["fields"])


def live_files(manifest_list: str) -> tuple[list[DataFile], bool]:
    """Return the data files of a snapshot in manifest order, and whether it also has delete files."""
    io = PyArrowFileIO()
    files: list[DataFile] = []
    deletes = False
    for manifest in read_manifest_list(io.new_input(manifest_list)):
        if manifest.content == ManifestContent.DELETES:
            deletes = deletes or bool(manifest.has_added_files() or manifest.has_existing_files())
            continue
        files.extend(entry.data_file for entry in manifest.fetch_manifest_entry(io, discard_deleted=True))
    return files, deletes
