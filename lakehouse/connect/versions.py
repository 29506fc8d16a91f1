"""What one version of a table holds, read from its metadata files without a catalog.

Readers need this and nothing else of PyIceberg; its catalog and Arrow parts take over a second to import.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestFile,
    read_manifest_list,
)

from lakehouse.connect import objects

DELETE_PATH_ID = 2147483546  # reserved field ids of position delete files, Iceberg specification
DELETE_POSITION_ID = 2147483545


class VersionInput(InputFile):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """A file to read, by its location."""

    def __len__(self) -> int:
        return objects.size(self.location)

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return objects.exists(self.location)

    def open(self, seekable: bool = True) -> Any:
        """Open the file."""
        return objects.open_input(self.location)


class VersionFiles(FileIO):  # type: ignore[misc]  # as above
    """Read-only access to the files of table versions."""

    def new_input(self, location: str) -> VersionInput:
        """Return a file to read."""
        return VersionInput(location)

    def new_output(self, location: str) -> OutputFile:
        """Refuse: versions are only read."""
        raise PermissionError(f"{location}: table versions are only read here")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refuse: versions are only read."""
        raise PermissionError(f"{location}: table versions are only read here")


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
    delete_files: tuple[tuple[str, str], ...]  # position delete file, data file it belongs to
    evolved: frozenset[str]  # data files that may have other columns or types than this version
    rows: int
    needs_extension: bool  # deletes of another kind: only the iceberg extension applies them


@dataclass(frozen=True)
class LiveFiles:
    """The files of a snapshot: data files in manifest order, and the position deletes of each by its path."""

    data: list[DataFile]
    deletes: dict[str, list[DataFile]]
    evolved: frozenset[str]  # data files that were written under another schema
    foreign: bool  # deletes that do not belong to a single data file, or are no Parquet position deletes

    def deleted_rows(self, path: str) -> int:
        """Return how many rows of a data file are deleted."""
        return sum(file.record_count for file in self.deletes.get(path, []))

    @property
    def rows(self) -> int:
        return sum(file.record_count - self.deleted_rows(file.file_path) for file in self.data)


@lru_cache(maxsize=2048)
def table_version(metadata_location: str, snapshot_id: int | None = None) -> TableVersion:
    """Plan a table version from its metadata file; kept in memory, because a metadata file never changes.

    Raises:
        FileNotFoundError: the metadata file is gone.
        LookupError: the table has no such snapshot.
    """
    metadata: dict[str, Any] = json.loads(objects.read_bytes(metadata_location))
    snapshot = _snapshot(metadata, snapshot_id)
    schema_id = metadata["current-schema-id"]
    if snapshot_id is not None and snapshot is not None:
        schema_id = snapshot.get("schema-id", schema_id)
    live = live_files(None if snapshot is None else snapshot["manifest-list"], written_under(metadata, schema_id))
    return TableVersion(
        metadata_location=metadata_location,
        location=metadata["location"],
        snapshot_id=None if snapshot is None else snapshot["snapshot-id"],
        columns=_columns(metadata, schema_id),
        files=tuple(file.file_path for file in live.data),
        delete_files=tuple((file.file_path, path) for path, files in live.deletes.items() for file in files),
        evolved=live.evolved,
        rows=live.rows,
        needs_extension=live.foreign,
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


def written_under(metadata: dict[str, Any], schema_id: int) -> frozenset[int] | None:
    """Return the snapshots that were written under a schema; None when there never was another schema."""
    if len(metadata["schemas"]) == 1:
        return None
    snapshots = metadata.get("snapshots", [])
    return frozenset(snapshot["snapshot-id"] for snapshot in snapshots if snapshot.get("schema-id") == schema_id)


def live_files(manifest_list: str | None, same_schema: frozenset[int] | None = None) -> LiveFiles:
    """Return the files of a snapshot; without a manifest list there are none.

    ``same_schema`` are the snapshots whose files have the wanted schema (``written_under``); None means all.
    """
    data: list[DataFile] = []
    deletes: dict[str, list[DataFile]] = {}
    evolved: set[str] = set()
    foreign = False
    for manifest in [] if manifest_list is None else manifests_of(manifest_list):
        for entry in entries_of(manifest):
            file = entry.data_file
            if manifest.content == ManifestContent.DATA:
                data.append(file)
                if same_schema is not None and entry.snapshot_id not in same_schema:
                    evolved.add(file.file_path)
            elif (path := _deletes_from(file)) is not None:
                deletes.setdefault(path, []).append(file)
            else:
                foreign = True
    return LiveFiles(data, deletes, frozenset(evolved), foreign)


def _deletes_from(file: DataFile) -> str | None:
    """Return the one data file that a position delete file belongs to; None when it is of another kind."""
    if file.content != DataFileContent.POSITION_DELETES or file.file_format != FileFormat.PARQUET:
        return None
    lower, upper = (file.lower_bounds or {}).get(DELETE_PATH_ID), (file.upper_bounds or {}).get(DELETE_PATH_ID)
    return bytes(lower).decode() if lower is not None and lower == upper else None


def manifests_of(manifest_list: str) -> list[ManifestFile]:
    """Read a manifest list."""
    with objects.store_errors(manifest_list):
        return list(read_manifest_list(VersionInput(manifest_list)))


def entries_of(manifest: ManifestFile) -> list[ManifestEntry]:
    """Return the entries of a manifest, without those that record a removal."""
    with objects.store_errors(manifest.manifest_path):
        return list(manifest.fetch_manifest_entry(VersionFiles(), discard_deleted=True))
