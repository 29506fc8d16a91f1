"""On which days readings changed since a snapshot, told from metadata alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pyspark.sql import SparkSession

from lakehouse.tables.maintenance import MAINTENANCE

ADDED, DELETED, DATA = 1, 2, 0  # codes of the Iceberg specification


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of a table; ``keeps_rows``: it only moved rows between files."""

    id: int
    parent: int | None
    keeps_rows: bool


def snapshots_since(log: Iterable[Snapshot], current: int | None, since: int | None) -> list[int] | None:
    """Return the snapshots after ``since`` that changed rows; None when their line does not lead back to it."""
    by_id = {snapshot.id: snapshot for snapshot in log}
    found: list[int] = []
    at = current
    while at != since:
        snapshot = by_id.get(at) if at is not None else None
        if snapshot is None:
            return None
        found += [] if snapshot.keeps_rows else [snapshot.id]
        at = snapshot.parent
    return found


def days_between(bounds: Iterable[tuple[datetime | None, datetime | None]]) -> set[date] | None:
    """Return all days of some spans; None when one has no bounds."""
    days: set[date] = set()
    for low, high in bounds:
        if low is None or high is None:
            return None
        span = (high.date() - low.date()).days
        days |= {low.date() + timedelta(days=number) for number in range(span + 1)}
    return days


def changed_days(session: SparkSession, table: str, column: str, current: int | None, since: int) -> set[date] | None:
    """Return the days with readings in files that came or went since a snapshot; None when that cannot be told.

    Position deletes need no look of their own: a row that a merge replaces has a new version with the same key, and the
    time of a reading is part of its key.
    """
    rows = session.sql(f"select snapshot_id, parent_id, operation, summary from {table}.snapshots").collect()
    log = [
        Snapshot(row["snapshot_id"], row["parent_id"], _keeps_rows(row["operation"], row["summary"])) for row in rows
    ]
    wanted = snapshots_since(log, current, since)
    if wanted is None:
        return None
    return _days_of(session, table, column, wanted) if wanted else set()


def _days_of(session: SparkSession, table: str, column: str, snapshots: Sequence[int]) -> set[date] | None:
    entries = session.sql(
        f"select readable_metrics.{column}.lower_bound as low, readable_metrics.{column}.upper_bound as high"
        f" from {table}.all_entries where status in ({ADDED}, {DELETED}) and data_file.content = {DATA}"
        f" and snapshot_id in ({', '.join(map(str, snapshots))})"
    )
    return days_between((row["low"], row["high"]) for row in entries.distinct().collect())


def _keeps_rows(operation: str, summary: Mapping[str, str]) -> bool:
    return operation == "replace" or MAINTENANCE in summary
