"""Which files does anybody still need: walk every branch and every kept publish down to the data files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyiceberg.manifest import DataFile, ManifestFile

from lakehouse.branches import kept_pointers
from lakehouse.connect import objects
from lakehouse.connect.database import reading
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import entries_of, manifests_of


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file, and the table that needs it."""

    kind: str  # missing, unreadable, size, rows, orphaned
    path: str
    table: str
    detail: str = ""


@dataclass
class Reachable:
    """Files that are needed, and what the walk could not read."""

    tables: set[str] = field(default_factory=set)
    metadata: set[str] = field(default_factory=set)
    data: dict[str, tuple[str, DataFile]] = field(default_factory=dict)  # path -> table, manifest entry
    faults: list[Fault] = field(default_factory=list)

    def paths(self) -> set[str]:
        """Return every needed path."""
        return self.metadata | self.data.keys()


def reachable(settings: Settings) -> Reachable:
    """Walk all branches with all their snapshots, and of each kept publish the snapshot that readers saw."""
    with reading(settings) as db:
        pointers = db.every_pointer()
    kept = [pair for tables in kept_pointers(settings) for pair in tables.items()]
    return walk_tables(pointers, kept)


def walk_tables(pointers: Iterable[tuple[str, str]], kept: Iterable[tuple[str, str]]) -> Reachable:
    """Walk table versions (identifier, metadata location): ``pointers`` with all their snapshots, ``kept`` with the newest."""
    walk = _Walk()
    for identifier, pointer in pointers:
        walk.table(identifier, pointer, every_snapshot=True)
    for identifier, pointer in kept:
        walk.table(identifier, pointer, every_snapshot=False)
    return walk.found


class _Walk:
    """One walk; every file is opened once, however many snapshots share it."""

    def __init__(self) -> None:
        self.found = Reachable()
        self._seen: set[tuple[str, bool]] = set()

    def table(self, identifier: str, pointer: str, *, every_snapshot: bool) -> None:
        """Add the files of one table version."""
        self.found.tables.add(identifier)
        if (pointer, every_snapshot) in self._seen or (pointer, True) in self._seen:
            return
        self._seen.add((pointer, every_snapshot))
        self.found.metadata.add(pointer)
        metadata = self._read_json(identifier, pointer)
        if metadata is None:
            return
        if every_snapshot:
            # The log names files that a time traveller may want; it may also name files that are gone by design.
            self.found.metadata |= {entry["metadata-file"] for entry in metadata.get("metadata-log", [])}
        for snapshot in _snapshots(metadata, every_snapshot):
            self._manifest_list(identifier, snapshot["manifest-list"])

    def _read_json(self, identifier: str, pointer: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(objects.read_bytes(pointer)))
        except FileNotFoundError:
            self.found.faults.append(Fault("missing", pointer, identifier, "table metadata"))
        except ValueError as fault:
            self.found.faults.append(Fault("unreadable", pointer, identifier, f"table metadata: {fault}"))
        return None

    def _manifest_list(self, identifier: str, path: str) -> None:
        if path in self.found.metadata:
            return
        self.found.metadata.add(path)
        try:
            manifests = manifests_of(path)
        except FileNotFoundError:
            self.found.faults.append(Fault("missing", path, identifier, "manifest list"))
            return
        except ServerUnavailable:
            raise
        except Exception as fault:  # a damaged Avro file raises whatever its decoder stumbles over
            self.found.faults.append(Fault("unreadable", path, identifier, f"manifest list: {fault}"))
            return
        for manifest in manifests:
            if manifest.manifest_path not in self.found.metadata:
                self.found.metadata.add(manifest.manifest_path)
                self._manifest(identifier, manifest)

    def _manifest(self, identifier: str, manifest: ManifestFile) -> None:
        try:
            entries = entries_of(manifest)
        except FileNotFoundError:
            self.found.faults.append(Fault("missing", manifest.manifest_path, identifier, "manifest"))
            return
        except ServerUnavailable:
            raise
        except Exception as fault:  # as above
            self.found.faults.append(Fault("unreadable", manifest.manifest_path, identifier, f"manifest: {fault}"))
            return
        for entry in entries:
            self.found.data.setdefault(entry.data_file.file_path, (identifier, entry.data_file))


def _snapshots(metadata: dict[str, Any], every: bool) -> Iterator[dict[str, Any]]:
    for snapshot in metadata.get("snapshots", []):
        if every or snapshot["snapshot-id"] == metadata.get("current-snapshot-id"):
            yield snapshot
