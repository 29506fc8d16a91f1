"""What a table says about the batches it holds: every data commit carries its outcome and how far the source was read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from lakehouse.connect.duck import Connection, version_sql
from lakehouse.connect.versions import table_version
from lakehouse.ingest.outcome import BatchOutcome
from lakehouse.tables import has_batch
from lakehouse.tables.commit import BATCH_ID

OUTCOME = "citybrain.outcome"
GOOD_ROWS = "citybrain.good-rows"
WATERMARK = "citybrain.watermark"
WINDOW = "citybrain.window"
DATA_DATE = "citybrain.data-date"
DELIVERED_AT = "citybrain.delivered-at"


@dataclass(frozen=True)
class Held:
    """The tables of a resource on a branch; ``quarantine`` is None as long as nothing was refused."""

    table: Table
    quarantine: Table | None

    @classmethod
    def load(cls, catalog: Catalog, table: Table, quarantine: str) -> Held:
        """Look for the quarantine table beside ``table``."""
        return cls(table, catalog.load_table(quarantine) if catalog.table_exists(quarantine) else None)

    def batch(self, batch_id: str) -> bool:
        """Tell whether a batch is held in full: its good rows, or, when it had none, its refused ones."""
        if has_batch(self.table, batch_id):
            return True
        if self.quarantine is None or not has_batch(self.quarantine, batch_id):
            return False
        return _summary_of(self.quarantine, batch_id).get(GOOD_ROWS) == "0"

    def outcome(self, con: Connection, batch_id: str) -> BatchOutcome | None:
        """Return the outcome that a held batch had; None when its snapshot is gone."""
        summary = _summary_of(self.table, batch_id)
        if not summary and self.quarantine is not None:
            summary = _summary_of(self.quarantine, batch_id)
        if OUTCOME not in summary:
            return None
        stored = BatchOutcome.from_json(json.loads(summary[OUTCOME]))
        good = int(summary[GOOD_ROWS])
        accepted = good if stored.accepted == good else self._rows_of(con, batch_id, good)
        return replace(stored, accepted=accepted, deduplicated=stored.deduplicated + good - accepted, skipped=True)

    def _rows_of(self, con: Connection, batch_id: str, at_most: int) -> int:
        """Count the rows of a batch that was merged: only the merge knew how many were new."""
        relation = version_sql(table_version(self.table.metadata_location))
        row = con.execute(f"select count(*) from {relation} where _batch_id = ?", [batch_id]).fetchone()
        return min(at_most, int(row[0])) if row else 0

    def last(self, name: str) -> str | None:
        """Return the newest value of a summary property that a data commit left."""
        summaries = (snapshot.summary for snapshot in reversed(self.table.snapshots()))
        return next((summary[name] for summary in summaries if summary and summary.get(name)), None)

    def is_newer(self, data_date: date | None, delivered_at: datetime | None) -> bool:
        """Tell whether the table was replaced by a delivery that is newer than this one."""
        held = self.last(DATA_DATE)
        if held is None or data_date is None or delivered_at is None:
            return False
        return (held, self.last(DELIVERED_AT) or "") > (data_date.isoformat(), delivered_at.isoformat())


def _summary_of(table: Table, batch_id: str) -> dict[str, Any]:
    for snapshot in table.snapshots():
        if snapshot.summary and snapshot.summary.get(BATCH_ID) == batch_id:
            return dict(snapshot.summary.additional_properties)
    return {}
