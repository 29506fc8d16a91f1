"""Time travel: the snapshots of a table, and a relation over one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakehouse.connect import objects
from lakehouse.connect.database import MAIN, branch_pointers
from lakehouse.connect.duck import Connection, Relation, quote, version_sql
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import table_version
from lakehouse.tables.commit import BATCH_ID


class UnknownTable(LookupError):
    """The branch has no such table."""


@dataclass(frozen=True)
class SnapshotInfo:
    """One snapshot of a table; row counts are None where the writer did not record them."""

    snapshot_id: int
    committed_at: str
    operation: str
    batch_id: str | None
    added_rows: int
    deleted_rows: int
    total_rows: int | None


def history(settings: Settings, identifier: str, branch: str = MAIN) -> list[SnapshotInfo]:
    """Return the kept snapshots of a table, oldest first.

    Raises:
        UnknownTable: the branch has no such table.
    """
    metadata = json.loads(objects.read_bytes(_pointer(settings, identifier, branch)))
    snapshots = sorted(metadata.get("snapshots", []), key=lambda snapshot: snapshot["sequence-number"])
    return [_info(snapshot) for snapshot in snapshots]


def _info(snapshot: dict[str, Any]) -> SnapshotInfo:
    summary = snapshot.get("summary", {})
    total = summary.get("total-records")
    deleted = int(summary.get("total-position-deletes", 0))  # rows still in a data file, but not in the table
    # Deletes are merged into one file for each data file, so what a snapshot deleted is the difference.
    marked = int(summary.get("added-position-deletes", 0)) - int(summary.get("removed-position-deletes", 0))
    return SnapshotInfo(
        snapshot_id=snapshot["snapshot-id"],
        committed_at=datetime.fromtimestamp(snapshot["timestamp-ms"] / 1000, UTC).isoformat(timespec="milliseconds"),
        operation=summary.get("operation", ""),
        batch_id=summary.get(BATCH_ID),
        added_rows=int(summary.get("added-records", 0)),
        deleted_rows=int(summary.get("deleted-records", 0)) + marked,
        total_rows=None if total is None else int(total) - deleted,
    )


def read_at(con: Connection, settings: Settings, identifier: str, snapshot_id: int, branch: str = MAIN) -> Relation:
    """Return the table as it was at a snapshot, with the columns it had then.

    Raises:
        UnknownTable: the branch has no such table.
        LookupError: the snapshot is not kept.
    """
    version = table_version(_pointer(settings, identifier, branch), snapshot_id)
    columns = ", ".join(quote(column.name) for column in version.columns)
    return con.sql(f"select {columns} from {version_sql(version)}")


def _pointer(settings: Settings, identifier: str, branch: str) -> str:
    pointer = branch_pointers(settings, branch).get(identifier)
    if pointer is None:
        raise UnknownTable(f"there is no table {identifier!r} on {branch!r}; `citybrain tables` lists them")
    return pointer
