"""Keep tables in order: pack small files, expire old snapshots, forget what nobody needs any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.update.snapshot import ExpireSnapshots

from lakehouse.branches import (
    PublishConflict,
    diverged,
    drop_branch,
    drop_published,
    forget_publishes,
    kept_pointers,
    list_branches,
    open_branch,
    publish,
)
from lakehouse.connect import objects
from lakehouse.connect.database import branch_pointers, reading
from lakehouse.connect.duck import Connection, files_sql, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import Column, LiveFiles, table_version
from lakehouse.tables.commit import (
    BATCH_ID,
    EXPIRED_BATCHES,
    Change,
    ForeignDeletes,
    commit_once,
    expired_batches,
    rewritable,
    short_batch_id,
)
from lakehouse.tables.files import FULL_FILE_ROWS, data_files, write_files

log = structlog.get_logger(__name__)

MAINTENANCE = "citybrain.maintenance"
BRANCH = "maintenance"
PACK_SHARE = 0.05  # of deleted rows, above which a file is packed even when it is full
KEEP_PUBLISHES = 30
KEEP_BRANCHES = timedelta(days=1)


@dataclass(frozen=True)
class MaintenanceReport:
    """What one maintenance run did; ``skipped`` tables have unpublished work on a branch."""

    compacted: list[str] = field(default_factory=list)
    snapshots_expired: int = 0
    publishes_forgotten: int = 0
    skipped: list[str] = field(default_factory=list)


def maintain(
    settings: Settings, *, keep_publishes: int = KEEP_PUBLISHES, con: Connection | None = None
) -> MaintenanceReport:
    """Compact and expire every table of ``main`` on a branch of its own, and publish the result.

    Tables with unpublished work on another branch are left for the next time, so that no writer loses a race
    against the maintenance.
    """
    forgotten = forget_publishes(settings, keep_publishes)
    drop_published(settings, opened_before=(datetime.now(UTC) - KEEP_BRANCHES).isoformat())
    busy = _unpublished(settings)
    branch = open_branch(settings, BRANCH, takeover=True)
    catalog = open_catalog(settings, branch.catalog_name)
    con = con or open_duckdb(settings=settings)
    compacted, expired = [], 0
    names = list(branch_pointers(settings, branch.name))
    for name in names:
        if name in busy:
            continue
        table = catalog.load_table(name)
        compacted += [name] if compact(con, table) else []
        expired += expire(settings, table)
    try:
        publish(settings, branch)
    except PublishConflict as conflict:
        log.info("maintenance_gave_way", reason=str(conflict))
        drop_branch(settings, branch)
        return MaintenanceReport(publishes_forgotten=forgotten, skipped=names)
    return MaintenanceReport(compacted, expired, forgotten, sorted(busy & set(names)))


def _unpublished(settings: Settings) -> set[str]:
    open_names = [info.name for info in list_branches(settings) if info.state == "open" and info.name != BRANCH]
    return {identifier for name in open_names for identifier in diverged(settings, name)}


def compact(con: Connection, table: Table) -> bool:
    """Pack small files, and files with many deleted rows, into full ones; rows and batch ids stay as they are.

    Returns False when there is nothing to pack, another writer was faster, or another engine deleted rows.
    """
    try:
        live = rewritable(table)
    except ForeignDeletes as refused:
        log.warning("compaction_refused", reason=str(refused))
        return False
    chosen = _worth_packing(live)
    if not chosen:
        return False
    deletes = [deletes for file in chosen for deletes in live.deletes.get(file.file_path, [])]
    written = _write_packed(con, table, chosen, live)
    added = data_files(table, written)
    rows = sum(file.record_count - live.deleted_rows(file.file_path) for file in chosen)
    if sum(file.record_count for file in added) != rows:
        _remove(written)
        raise RuntimeError(
            f"{'.'.join(table.name())}: compaction would change the number of rows; nothing was committed"
        )
    try:
        commit_once(table, Change(added, [*chosen, *deletes]), {MAINTENANCE: "compact"})
    except (CommitFailedException, ValidationException):
        _remove(written)
        return False
    return True


def _worth_packing(live: LiveFiles) -> list[DataFile]:
    """Return the files with many deleted rows, and the small ones when there are at least two."""
    left = {file.file_path: file.record_count - live.deleted_rows(file.file_path) for file in live.data}
    dirty = [file for file in live.data if live.deleted_rows(file.file_path) > PACK_SHARE * file.record_count]
    small = [file for file in live.data if left[file.file_path] < FULL_FILE_ROWS // 2 and file not in dirty]
    return dirty + small if len(dirty + small) > 1 else dirty


def _write_packed(con: Connection, table: Table, files: list[DataFile], live: LiveFiles) -> list[str]:
    columns = [Column(f.field_id, f.name, str(f.field_type), f.required) for f in table.schema().fields]
    deletes = [(d.file_path, file.file_path) for file in files for d in live.deletes.get(file.file_path, [])]
    paths = [file.file_path for file in files]
    return write_files(con, table, f"select * from {files_sql(columns, paths, deletes, evolved=live.evolved)}")


def _remove(files: list[str]) -> None:
    for file in files:
        objects.remove(file)


def expire(settings: Settings, table: Table) -> int:
    """Expire the snapshots that no branch and no kept publish shows; their batch ids stay known.

    Returns how many went. The files go later, with the orphan clean-up.
    """
    name = ".".join(table.name())
    keep = _shown_snapshots(settings, name) | {ref.snapshot_id for ref in table.refs().values()}
    old = [snapshot for snapshot in table.snapshots() if snapshot.snapshot_id not in keep]
    if not old:
        return 0
    batches = {
        short_batch_id(table, batch)
        for snapshot in old
        if snapshot.summary and (batch := snapshot.summary.get(BATCH_ID)) is not None
    }
    transaction = table.transaction()
    known = expired_batches(table)
    if batches - known:
        transaction.set_properties({EXPIRED_BATCHES: ",".join(sorted(known | batches))})
    ExpireSnapshots(transaction).by_ids([snapshot.snapshot_id for snapshot in old]).commit()
    try:
        transaction.commit_transaction()
    except CommitFailedException:
        return 0
    return len(old)


def _shown_snapshots(settings: Settings, identifier: str) -> set[int]:
    """Return the current snapshots of a table on every branch and in every kept publish."""
    with reading(settings) as db:
        locations = {pointer for name, pointer in db.every_pointer() if name == identifier}
    locations |= {tables[identifier] for tables in kept_pointers(settings) if identifier in tables}
    shown = {table_version(location).snapshot_id for location in locations if objects.exists(location)}
    return {snapshot for snapshot in shown if snapshot is not None}
