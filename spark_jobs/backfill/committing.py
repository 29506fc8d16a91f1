"""Commit what was accepted and what was refused: quarantine first, then the table, each at most once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from operator import and_

import pyarrow as pa
from blake3 import blake3
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from catalog.contract.model import Contract
from catalog.derive.iceberg import BATCH_COLUMN, ROW_COLUMN, iceberg_schema
from lakehouse.branches import Branch
from lakehouse.connect.duck import QUARANTINE_COLUMNS
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.ingest.held import DATA_DATE, DELIVERED_AT, GOOD_ROWS, OUTCOME, WATERMARK, Held
from lakehouse.ingest.landing import DIGEST_LENGTH
from lakehouse.ingest.plan import Plan
from lakehouse.ingest.reasons import reason_rows
from lakehouse.pipeline.ops_tables import iceberg_json
from lakehouse.tables import ensure_table, has_batch
from lakehouse.tables.commit import BATCH_ID, EXPIRED_BATCHES, expired_batches, short_batch_id
from spark_jobs.backfill.accounting import Tally, outcome
from spark_jobs.backfill.deliveries import Delivery
from spark_jobs.backfill.folding import ACCEPTED, BEFORE, folded, version_column
from spark_jobs.backfill.judging import GOOD, QUARANTINED, Judge, content_hash
from spark_jobs.lake import snapshot_properties

_ARROW = {"varchar": pa.string(), "bigint": pa.int64()}
QUARANTINE_SCHEMA = pa.schema([(name, _ARROW[kind]) for name, kind in QUARANTINE_COLUMNS.items()])


@dataclass(frozen=True)
class Target:
    """The tables of a resource on a branch."""

    branch: Branch
    contract: Contract
    catalog: Catalog
    table: Table
    quarantine: str

    @classmethod
    def of(cls, settings: Settings, branch: Branch, contract: Contract) -> Target:
        """Make the table, or let it grow, as the contract says."""
        catalog = open_catalog(settings, branch.catalog_name)
        table = ensure_table(catalog, contract.key, iceberg_schema(contract), {})
        return cls(branch, contract, catalog, table, f"quarantine.{contract.dept}_{contract.resource}")

    @property
    def held(self) -> Held:
        """What the branch holds of the resource."""
        return Held.load(self.catalog, self.table, self.quarantine)

    def commit(
        self,
        session: SparkSession,
        lake: str,
        verdicts: DataFrame,
        sound: Sequence[Delivery],
        found: Mapping[int, Tally],
        judge: Judge,
    ) -> dict[int, int]:
        """Commit the sound deliveries; return how many rows of each are new to the table."""
        if not sound:
            return {}
        verdicts = _with_batches(session, verdicts, sound)
        if self.contract.gov.source.mode == "replace":
            rows, accepted = self._replacing(verdicts, sound, found)
        else:
            rows, accepted = self._merging(session, lake, verdicts)
        summary = self._summary(verdicts, sound, found, accepted)
        if any(found[delivery.number].quarantined for delivery in sound):
            self._commit_quarantine(session, lake, verdicts, judge, summary)
        self._commit_rows(session, lake, rows, summary)
        self._remember([delivery.batch_id for delivery in sound if found[delivery.number].received])
        return accepted

    def _merging(self, session: SparkSession, lake: str, verdicts: DataFrame) -> tuple[DataFrame, dict[int, int]]:
        """Return the rows that the table is to take, and how many of each delivery were new when it came."""
        held = None
        if self.table.current_snapshot() is not None:
            version = version_column(self.contract)
            named = F.col(version) if version else F.lit(None).cast("int")
            held = session.table(f"{lake}.{self.contract.key}").select(
                *self.contract.primary_key, named.alias("_version"), content_hash(self.contract).alias("_content")
            )
        fates = folded(verdicts.where(F.col("_verdict") == GOOD), held, self.contract)
        counts = fates.where(F.col("_fate") == ACCEPTED).groupBy("_delivery").count().collect()
        return fates.where("_is_last"), {row["_delivery"]: row["count"] for row in counts}

    def _replacing(
        self, verdicts: DataFrame, sound: Sequence[Delivery], found: Mapping[int, Tally]
    ) -> tuple[DataFrame, dict[int, int]]:
        """Each delivery replaces the one before, unless what is there is of a later date; the last one stays."""
        accepted: dict[int, int] = {}
        last, held = BEFORE, self.held
        newest: tuple[date | None, datetime | None] = (None, None)
        for delivery in sound:
            when = (delivery.data_date, delivery.delivered_at)
            if found[delivery.number].good and not held.is_newer(*when) and not _is_newer(newest, when):
                accepted[delivery.number] = found[delivery.number].good
                last, newest = delivery.number, when
        return verdicts.where((F.col("_verdict") == GOOD) & (F.col("_delivery") == last)), accepted

    def _summary(
        self, verdicts: DataFrame, sound: Sequence[Delivery], found: Mapping[int, Tally], accepted: Mapping[int, int]
    ) -> dict[str, str]:
        """Return what the commits say of themselves, in the words of ingestion."""
        good = sum(found[delivery.number].good for delivery in sound)
        summary = {BATCH_ID: _together(self.contract, sound), GOOD_ROWS: str(good)}
        if len(sound) == 1:
            whole = outcome(self.contract, sound[0], found[sound[0].number], accepted.get(sound[0].number, 0))
            if whole.accepted != good:  # as after a merge: how many were new is counted in the table when it is asked
                whole = replace(whole, accepted=0, deduplicated=found[sound[0].number].identical)
            summary[OUTCOME] = json.dumps(whole.to_json(), ensure_ascii=False)
        watermark = self.contract.gov.source.watermark
        if watermark is not None:
            reached = verdicts.where(F.col("_verdict") == GOOD).agg(F.max(F.col(watermark)).cast("string")).first()
            marks = [mark for mark in (reached and reached[0], self.held.last(WATERMARK)) if mark]
            summary |= {WATERMARK: max(marks)} if marks else {}
        dated = [delivery for delivery in sound if delivery.data_date and delivery.delivered_at]
        if dated:
            newest = max(dated, key=lambda d: (str(d.data_date), str(d.delivered_at)))
            summary |= {DATA_DATE: str(newest.data_date), DELIVERED_AT: _iso(newest.delivered_at)}
        return summary

    def _commit_quarantine(
        self,
        session: SparkSession,
        lake: str,
        verdicts: DataFrame,
        judge: Judge,
        summary: Mapping[str, str],
    ) -> None:
        """Commit the refused rows of batches that are not there: a crash after this leaves them visible."""
        refused = quarantine_rows(verdicts, judge)
        table = ensure_table(self.catalog, self.quarantine, iceberg_json(QUARANTINE_SCHEMA), {})
        if table.current_snapshot() is not None:
            there = session.table(f"{lake}.{self.quarantine}").select("batch_id").distinct()
            refused = refused.join(F.broadcast(there), "batch_id", "left_anti").select(*QUARANTINE_COLUMNS)
        if not refused.isEmpty():
            with snapshot_properties(session, summary):
                refused.writeTo(f"{lake}.{self.quarantine}").append()

    def _commit_rows(self, session: SparkSession, lake: str, rows: DataFrame, summary: Mapping[str, str]) -> None:
        if has_batch(self.table, summary[BATCH_ID]) or rows.isEmpty():
            return
        columns = [prop.name for prop in self.contract.properties]
        rows = rows.select(*columns, BATCH_COLUMN, F.col(ROW_COLUMN))
        target = f"{lake}.{self.contract.key}"
        with snapshot_properties(session, summary):
            if self.table.current_snapshot() is None:
                rows.writeTo(target).append()
            elif self.contract.gov.source.mode == "replace":
                rows.writeTo(target).overwrite(F.lit(True))
            else:
                on_key = [F.col(f"{target}.{name}") == F.col(f"new.{name}") for name in self.contract.primary_key]
                merge = rows.alias("new").mergeInto(target, reduce(and_, on_key))
                merge.whenMatched().updateAll().whenNotMatched().insertAll().merge()

    def _remember(self, batch_ids: Sequence[str]) -> None:
        """Let the table know the batches that no snapshot names: those of a commit of several, or without a new row."""
        self.table.refresh()
        held = self.held
        unknown = {short_batch_id(self.table, batch) for batch in batch_ids if not held.batch(batch)}
        if unknown:
            known = ",".join(sorted(expired_batches(self.table) | unknown))
            with self.table.transaction() as transaction:
                transaction.set_properties({EXPIRED_BATCHES: known})


def quarantine_rows(verdicts: DataFrame, judge: Judge) -> DataFrame:
    """Return the refused rows as the quarantine table has them; the first broken rule gives column and reason."""
    plan = Plan(judge.contract, judge.vocabulary, "", judge.divisions is not None, judge.json_lines)
    words = reason_rows(plan.rules)
    rule = F.get("_rules", F.lit(0))
    return verdicts.where(F.col("_verdict") == QUARANTINED).select(
        F.col(BATCH_COLUMN).alias("batch_id"),
        F.col("_name").alias("delivery"),
        F.col(ROW_COLUMN).alias("row_number"),
        F.col("_key").alias("key"),
        rule.alias("rule"),
        F.concat_ws(",", "_rules").alias("rules"),
        _look_up({name: column for name, column, _ in words}, rule).alias("column_name"),
        _look_up({name: reason for name, _, reason in words}, rule).alias("reason"),
        F.col("_raw").alias("raw"),
    )


def _look_up(words: Mapping[str, str | None], rule: Column) -> Column:
    pairs = [F.lit(word) for pair in words.items() if pair[1] is not None for word in pair]
    return F.try_element_at(F.create_map(*pairs), rule)


def _with_batches(session: SparkSession, verdicts: DataFrame, sound: Sequence[Delivery]) -> DataFrame:
    """Add batch id and name of the delivery, and leave out the rows of deliveries that are not sound."""
    names = [(delivery.number, delivery.batch_id, delivery.name) for delivery in sound]
    named = session.createDataFrame(names, f"_delivery int, {BATCH_COLUMN} string, _name string")
    return verdicts.join(F.broadcast(named), "_delivery")


def _together(contract: Contract, sound: Sequence[Delivery]) -> str:
    """Return the batch id of one commit of several batches; that of the batch when it is one."""
    if len(sound) == 1:
        return sound[0].batch_id
    text = ",".join(sorted(delivery.batch_id for delivery in sound))
    return f"{contract.key}:{blake3(text.encode()).hexdigest()[:DIGEST_LENGTH]}"


def _is_newer(one: tuple[date | None, datetime | None], other: tuple[date | None, datetime | None]) -> bool:
    if one[0] is None or other[0] is None or other[1] is None:
        return False
    return (one[0].isoformat(), _iso(one[1])) > (other[0].isoformat(), _iso(other[1]))


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
