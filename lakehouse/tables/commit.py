"""Commit files to a table exactly once: every data commit carries its batch id and is skipped when it is there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ValidationException
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.table import Table, Transaction

from lakehouse.branches import StaleWriter
from lakehouse.connect.faults import fault_point, guard_off
from lakehouse.connect.versions import LiveFiles, live_files
from lakehouse.tables.files import data_files
from lakehouse.tables.producer import OneCommit, row_change

BATCH_ID = "citybrain.batch-id"
EXPIRED_BATCHES = "citybrain.expired-batches"
MAX_ATTEMPTS = 60


@dataclass(frozen=True)
class Change:
    """What one commit does: the files it adds and takes out, data files and position delete files alike."""

    added: list[DataFile] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def has_batch(table: Table, batch_id: str) -> bool:
    """Tell whether the table has, or once had, a commit of this batch."""
    if guard_off("batch-id"):
        return False
    if short_batch_id(table, batch_id) in expired_batches(table):
        return True
    return any(snapshot.summary and snapshot.summary.get(BATCH_ID) == batch_id for snapshot in table.snapshots())


def expired_batches(table: Table) -> set[str]:
    """Return the batch ids, in short form, whose snapshots were expired."""
    return set(filter(None, table.properties.get(EXPIRED_BATCHES, "").split(",")))


def short_batch_id(table: Table, batch_id: str) -> str:
    """Return a batch id without the table's own name in front, as the expired ones are kept."""
    prefix = ".".join(table.name()) + ":"
    return batch_id.removeprefix(prefix)


def live(table: Table) -> LiveFiles:
    """Return the files of the table's current snapshot."""
    snapshot = table.current_snapshot()
    return live_files(None if snapshot is None else snapshot.manifest_list, _written_under_current(table))


def _written_under_current(table: Table) -> frozenset[int] | None:
    metadata = table.metadata
    if len(metadata.schemas) == 1:
        return None
    wanted = metadata.current_schema_id
    return frozenset(snapshot.snapshot_id for snapshot in metadata.snapshots if snapshot.schema_id == wanted)


def every_file(table: Table) -> list[DataFile]:
    """Return the data files and the position delete files of the current snapshot."""
    files = rewritable(table)
    return [*files.data, *(deletes for group in files.deletes.values() for deletes in group)]


class ForeignDeletes(RuntimeError):
    """Another engine wrote delete files of a kind that a rewrite here would undo."""


def rewritable(table: Table) -> LiveFiles:
    """Return the files of the current snapshot, for rewriting some of them.

    Raises:
        ForeignDeletes: the snapshot has deletes that do not belong to a single data file.
    """
    files = live(table)
    if files.foreign:
        name = ".".join(table.name())
        raise ForeignDeletes(f"{name} has deletes of another engine; rewrite its data files with that engine first")
    return files


def append_files(
    table: Table, files: Sequence[Path | str], *, batch_id: str, summary: dict[str, str] | None = None
) -> bool:
    """Append Parquet files (written with ``write_files``) as one snapshot, without rewriting them.

    Returns False, and commits nothing, when the batch is already there or the files have no rows.

    Raises:
        StaleWriter: the branch was taken over.
        SchemaConflict: a file does not fit the table.
    """
    return commit(table, lambda: Change(added=data_files(table, files)), batch_id=batch_id, summary=summary)


def replace_files(
    table: Table, files: Sequence[Path | str], *, batch_id: str, summary: dict[str, str] | None = None
) -> bool:
    """Let the table hold exactly the rows of these files; otherwise as ``append_files``."""
    return commit(
        table,
        lambda: Change(added=data_files(table, files), removed=every_file(table)),
        batch_id=batch_id,
        summary=summary,
    )


def commit(
    table: Table, plan: Callable[[], Change], *, batch_id: str | None, summary: dict[str, str] | None = None
) -> bool:
    """Commit what ``plan`` says, planning again on the newest version each time another writer was faster.

    Returns False, and commits nothing, when the batch is there or the plan is empty.
    """
    fault_point("after-data-files")
    properties = dict(summary or {}) | ({BATCH_ID: batch_id} if batch_id else {})
    for attempt in range(MAX_ATTEMPTS):
        if batch_id and has_batch(table, batch_id):
            return False
        change = plan()
        if not change:
            return False
        try:
            commit_once(table, change, properties)
        except (CommitFailedException, ValidationException):
            _back_off(attempt)
            refresh(table)
            continue
        fault_point("after-commit")
        return True
    raise CommitFailedException(
        f"{'.'.join(table.name())}: other writers were faster {MAX_ATTEMPTS} times; run again later"
    )


def commit_once(table: Table, change: Change, properties: dict[str, str]) -> None:
    """Commit a change against the loaded version of the table.

    Raises:
        CommitFailedException: the table has a newer version.
    """
    transaction = OneCommit(table)
    add_snapshot(transaction, change, properties)
    transaction.commit_transaction()


def add_snapshot(transaction: Transaction, change: Change, properties: dict[str, str]) -> None:
    """Add a change as a snapshot to a transaction."""
    overwrites = bool(change.removed) or any(file.content != DataFileContent.DATA for file in change.added)
    with row_change(transaction, properties, overwrites=overwrites) as snapshot:
        for file in change.removed:
            snapshot.delete_data_file(file)
        for file in change.added:
            snapshot.append_data_file(file)


def refresh(table: Table) -> None:
    """Load the newest version of the table.

    Raises:
        StaleWriter: the table is gone under this writer's catalog name.
    """
    try:
        table.refresh()
    except NoSuchTableError as gone:
        raise StaleWriter(
            f"{'.'.join(table.name())}: this writer's branch was taken over or dropped; its successor does the work"
        ) from gone


def _back_off(attempt: int) -> None:
    # Jitter, so that writers that collided do not collide again in step.
    time.sleep(random.uniform(0.005, min(0.02 * (attempt + 1), 0.4)))  # noqa: S311
