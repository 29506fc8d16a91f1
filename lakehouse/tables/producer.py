"""One snapshot that adds and takes out data files and position delete files together.

PyIceberg 0.12 reads position deletes but has no way to write them; everything around the manifests is its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyiceberg.exceptions import ValidationException
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
)
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles


class _DeletesWriter(ManifestWriterV2):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """A manifest of delete files."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class OneCommit(Transaction):  # type: ignore[misc]  # as above
    """A transaction that works out its metadata once per staged update.

    PyIceberg does so, and copies all of it, each of the twenty times that one commit looks at it.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._seen: tuple[TableMetadata, object, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        loaded, staged = self._table.metadata, self._updates
        if self._seen is None or self._seen[0] is not loaded or self._seen[1] is not staged:
            self._seen = (loaded, staged, super().table_metadata)
        return self._seen[2]


class RowChange(_FastAppendFiles):  # type: ignore[misc]  # as above
    """A snapshot producer for any mix of added and removed files, of both kinds."""

    def _manifests(self) -> list[ManifestFile]:
        kept, gone = self._split_parent()
        missing = self._deleted_data_files - {entry.data_file for entry in gone}
        if missing:
            raise ValidationException(f"files to remove are not in the table: {sorted(f.file_path for f in missing)}")
        added = [self._entry(file, ManifestEntryStatus.ADDED) for file in self._added_data_files]
        return [*self._write_by_content([*added, *gone]), *kept]

    def _split_parent(self) -> tuple[list[ManifestFile], list[ManifestEntry]]:
        """Return the parent's manifests without the removed files, and the entries that record the removal."""
        kept: list[ManifestFile] = []
        gone: list[ManifestEntry] = []
        parent = self._transaction.table_metadata.snapshot_by_id(self._parent_snapshot_id)
        for manifest in parent.manifests(io=self._io) if parent is not None else []:
            entries = manifest.fetch_manifest_entry(self._io, discard_deleted=True)
            removed = [entry for entry in entries if entry.data_file in self._deleted_data_files]
            if not removed:
                kept += [manifest] if entries else []
                continue
            gone += [self._entry(entry.data_file, ManifestEntryStatus.DELETED, entry) for entry in removed]
            stay = [entry for entry in entries if entry.data_file not in self._deleted_data_files]
            kept += self._write_by_content(
                self._entry(entry.data_file, ManifestEntryStatus.EXISTING, entry) for entry in stay
            )
        return kept, gone

    def _entry(self, file: DataFile, status: ManifestEntryStatus, old: ManifestEntry | None = None) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=old.snapshot_id if old and status == ManifestEntryStatus.EXISTING else self._snapshot_id,
            sequence_number=old.sequence_number if old else None,
            file_sequence_number=old.file_sequence_number if old else None,
            data_file=file,
        )

    def _write_by_content(self, entries: Iterable[ManifestEntry]) -> list[ManifestFile]:
        """Write one manifest for each kind of file that there is."""
        by_kind: dict[bool, list[ManifestEntry]] = {}
        for entry in entries:
            by_kind.setdefault(entry.data_file.content == DataFileContent.DATA, []).append(entry)
        written = []
        for is_data, group in sorted(by_kind.items(), reverse=True):
            spec = self._transaction.table_metadata.spec()
            with self.new_manifest_writer(spec) if is_data else self._deletes_writer() as writer:
                for entry in group:
                    writer.add_entry(entry)
            written.append(writer.to_manifest_file())
        return written

    def _deletes_writer(self) -> _DeletesWriter:
        spec = self._transaction.table_metadata.spec()
        return _DeletesWriter(spec, self.schema(), self.new_manifest_output(), self._snapshot_id, self._compression)


def row_change(transaction: Transaction, properties: dict[str, str], *, overwrites: bool) -> RowChange:
    """Start a snapshot in a transaction; ``overwrites`` says that it takes rows out."""
    operation = Operation.OVERWRITE if overwrites else Operation.APPEND
    io = transaction._table.io
    return RowChange(operation=operation, transaction=transaction, io=io, snapshot_properties=properties)
