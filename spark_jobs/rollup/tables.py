"""The tables of the rollups: brought up to date by the rows that differ, and not at all when none does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.branches import Branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import ensure_table
from spark_jobs.errors import Refused, WrongInput
from spark_jobs.lake import snapshot_properties
from spark_jobs.rollup.changes import changed_days

READINGS, DEVICES = "sthj.device_reading", "sthj.device"
SOURCES = "citybrain.rollup-sources"
Transform = Callable[[DataFrame, DataFrame, Any], DataFrame]


@dataclass(frozen=True)
class Rollup:
    """One rollup table on a branch; ``period`` is the column of its hour or day."""

    catalog: Catalog
    table: Table
    grain: str
    period: str

    @classmethod
    def of(cls, settings: Settings, branch: Branch, grain: str, period: str) -> Rollup:
        """Make the table unless it is there.

        Raises:
            WrongInput: the branch has no readings.
        """
        catalog = open_catalog(settings, branch.catalog_name)
        for source in (READINGS, DEVICES):
            if not catalog.table_exists(source):
                raise WrongInput(
                    f"branch {branch.name!r} has no table {source}", hint="take it in first: citybrain run"
                )
        name = {"hour": "rollup.device_reading_hourly", "day": "rollup.device_reading_daily"}[grain]
        return cls(catalog, ensure_table(catalog, name, _schema(grain, period), {}), grain, period)

    @property
    def identifier(self) -> str:
        """The table's name."""
        return ".".join(self.table.name())

    @property
    def key(self) -> list[str]:
        """What one row is about."""
        return ["device_id", "metric_code", self.period]

    def update(self, session: SparkSession, lake: str, transform: Transform, *, full: bool = False) -> dict[str, Any]:
        """Bring the table up to date; return the days that were looked at (None for all) and the rows that changed."""
        sources = self._sources()
        days = None if full else self._days(session, lake, sources)
        if days is not None and not days:
            return {"days": 0, "changed_rows": 0}
        readings = self._of_days(session.table(f"{lake}.{READINGS}"), F.col("measured_at").cast("date"), days)
        wanted = transform(readings, session.table(f"{lake}.{DEVICES}"), self.grain).persist()
        try:
            self._check(readings, wanted)
            held = self._of_days(session.table(f"{lake}.{self.identifier}"), F.col(self.period).cast("date"), days)
            changes = _changes(held, wanted, self.key).persist()
            changed = changes.count()
            if changed:
                with snapshot_properties(session, {SOURCES: json.dumps(sources)}):
                    self._merge(changes, f"{lake}.{self.identifier}")
            changes.unpersist()
        finally:
            wanted.unpersist()
        return {"days": None if days is None else len(days), "changed_rows": changed}

    def _sources(self) -> dict[str, int | None]:
        found = {name: self.catalog.load_table(name).current_snapshot() for name in (READINGS, DEVICES)}
        return {name: None if snapshot is None else snapshot.snapshot_id for name, snapshot in found.items()}

    def _days(self, session: SparkSession, lake: str, now: dict[str, int | None]) -> set[date] | None:
        """Return the days to compute again; None for all, as when a device may be another one now."""
        summaries = (s.summary for s in reversed(self.table.snapshots()) if s.summary)
        last = next((summary[SOURCES] for summary in summaries if summary.get(SOURCES)), None)
        before = json.loads(last) if last else {}
        if before.get(DEVICES) != now[DEVICES] or before.get(READINGS) is None:
            return None
        return changed_days(session, f"{lake}.{READINGS}", "measured_at", now[READINGS], before[READINGS])

    @staticmethod
    def _of_days(rows: DataFrame, day: Column, days: set[date] | None) -> DataFrame:
        return rows if days is None else rows.where(day.isin(sorted(days)))

    def _check(self, readings: DataFrame, wanted: DataFrame) -> None:
        """No reading may be lost or counted twice, as a device that is listed twice would do."""
        counted = wanted.agg(F.coalesce(F.sum("reading_count"), F.lit(0))).first()
        there = readings.count()
        if counted is None or counted[0] != there:
            raise Refused(f"{self.identifier}: {there} readings, {counted and counted[0]} in the rollup; not written")

    def _merge(self, changes: DataFrame, target: str) -> None:
        columns = [column for column in changes.columns if column != "_gone"]
        held = [F.col(f"{target}.{name}") == F.col(f"new.{name}") for name in self.key]
        values = {name: F.col(f"new.{name}") for name in columns}
        merge = changes.alias("new").mergeInto(target, reduce(and_, held))
        merge = merge.whenMatched(F.col("new._gone")).delete().whenMatched().update(values)
        merge.whenNotMatched(~F.col("new._gone")).insert(values).merge()


def _changes(held: DataFrame, wanted: DataFrame, key: list[str]) -> DataFrame:
    """Return the rows that are new or differ, and with ``_gone`` those that are no longer wanted."""
    columns = wanted.columns
    pairs = held.alias("h").join(wanted.alias("w"), [F.col(f"h.{k}") == F.col(f"w.{k}") for k in key], "full")
    same = reduce(and_, [F.col(f"h.{name}").eqNullSafe(F.col(f"w.{name}")) for name in columns])
    gone = F.col("w.device_id").isNull()
    chosen = [F.when(gone, F.col(f"h.{name}")).otherwise(F.col(f"w.{name}")).alias(name) for name in columns]
    return pairs.where(~same).select(*chosen, gone.alias("_gone"))


def _schema(grain: str, period: str) -> dict[str, Any]:
    types = {
        "device_id": "string",
        "device_kind_code": "string",
        "division_code": "string",
        "metric_code": "string",
        period: "date" if grain == "day" else "timestamp",
        "reading_count": "int",
        "min_value": "double",
        "max_value": "double",
        "mean_value": "double",
    }
    required = {"device_id", "metric_code", period}
    fields = [
        {"id": number, "name": name, "required": name in required, "type": kind}
        for number, (name, kind) in enumerate(types.items(), start=1)
    ]
    return {"type": "struct", "schema-id": 0, "fields": fields}
