"""What became of each delivery: refused as a whole, or accounted for row by row, as ingestion does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from catalog.contract.model import Contract
from lakehouse.ingest.accepting import MASK
from lakehouse.ingest.judging import CHANGED_RATIO, CHANGED_ROWS
from lakehouse.ingest.outcome import BatchOutcome
from lakehouse.ingest.punctuality import LATE, late_reason
from lakehouse.ingest.reasons import ROW_ENCODING
from spark_jobs.backfill.deliveries import Delivery
from spark_jobs.backfill.judging import GOOD, IDENTICAL, QUARANTINED, REPORT
from spark_jobs.errors import Refused


@dataclass(frozen=True)
class Tally:
    """The numbers of one delivery. ``faults`` are rules and reasons for which it is refused as a whole."""

    received: int = 0
    checksum: int = 0
    good: int = 0
    quarantined: int = 0
    identical: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)


def tallies(verdicts: DataFrame, contract: Contract, deliveries: Sequence[Delivery], encoding: str) -> dict[int, Tally]:
    """Count what became of the rows of each delivery.

    Raises:
        Refused: rows were lost or doubled on the way.
    """
    reports: dict[int, list[dict[str, Any]]] = {delivery.number: [] for delivery in deliveries}
    for row in verdicts.where(F.col("_verdict") == REPORT).select("_delivery", "_raw").collect():
        reports[row["_delivery"]].append(json.loads(row["_raw"]))
    counts = {row["_delivery"]: row for row in _counts(verdicts, contract).collect()}
    ends = {number: sum(report.get("received", 0) for report in found) for number, found in reports.items()}
    bad_ends = _bad_ends(verdicts, {n for n, found in reports.items() if any(r.get("open_end") for r in found)}, ends)
    return {
        delivery.number: _tally(
            delivery,
            contract,
            reports[delivery.number],
            counts.get(delivery.number),
            delivery.number in bad_ends,
            encoding,
        )
        for delivery in deliveries
    }


def _counts(verdicts: DataFrame, contract: Contract) -> DataFrame:
    """Count verdicts, rows in a foreign encoding, and values that do or do not fit their type."""
    typed = [prop for prop in contract.properties if prop.base_type != "varchar"]
    one = F.count_if
    return (
        verdicts.where(F.col("_verdict") != REPORT)
        .groupBy("_delivery")
        .agg(
            F.sum(F.col("_hash").cast("decimal(38,0)")).alias("hashes"),
            *(one(F.col("_verdict") == kind).alias(kind) for kind in (GOOD, QUARANTINED, IDENTICAL)),
            one(F.get("_rules", F.lit(0)) == ROW_ENCODING).alias("foreign"),
            *(one(F.array_contains("_rules", f"{p.name}.type")).alias(f"bad {p.name}") for p in typed),
            *(F.count(p.name).alias(f"fit {p.name}") for p in typed),
        )
    )


def _bad_ends(verdicts: DataFrame, open_ended: set[int], ends: Mapping[int, int]) -> set[int]:
    """Return the deliveries of which the last record has no line end and is no good record either."""
    wanted = [(F.col("_delivery") == n) & (F.col("_row") == ends[n]) for n in sorted(open_ended)]
    if not wanted:
        return set()
    condition = wanted[0]
    for other in wanted[1:]:
        condition = condition | other
    rows = verdicts.where(condition & (F.size("_rules") > 0)).select("_delivery").collect()
    return {row["_delivery"] for row in rows}


def _tally(
    delivery: Delivery,
    contract: Contract,
    reports: list[dict[str, Any]],
    counts: Row | None,
    bad_end: bool,
    encoding: str,
) -> Tally:
    faults = [(report["rule"], report["reason"]) for report in reports if "rule" in report]
    received = sum(report.get("received", 0) for report in reports)
    if faults or counts is None:
        return Tally(received=received, faults=faults)
    rows = counts[GOOD] + counts[QUARANTINED] + counts[IDENTICAL]
    if rows != received or int(counts["hashes"] or 0) != sum(report["hashes"] for report in reports):
        raise Refused(f"{delivery.name}: {received} rows were read, {rows} accounted for; nothing was committed")
    faults += _changed_types(contract, counts)
    if counts["foreign"] >= CHANGED_ROWS and counts["foreign"] >= CHANGED_RATIO * received:
        reason = f"{received} 行中有 {counts['foreign']} 行不是约定的 {encoding.upper()} 编码"
        faults.append(("encoding.unreadable", reason))
    if bad_end:
        faults.append(("delivery.incomplete", f"第 {received} 条记录没有行结束符且不完整，文件可能没有传完"))
    checksum = sum(report["checksum"] for report in reports) & MASK
    return Tally(received, checksum, counts[GOOD], counts[QUARANTINED], counts[IDENTICAL], faults)


def _changed_types(contract: Contract, counts: Row) -> Iterable[tuple[str, str]]:
    for prop in contract.properties:
        if prop.base_type == "varchar":
            continue
        failing, fitting = counts[f"bad {prop.name}"], counts[f"fit {prop.name}"]
        if failing >= CHANGED_ROWS and failing >= CHANGED_RATIO * (failing + fitting):
            yield (
                "schema.changed_type",
                f"{prop.business_name}（{prop.physical_name}）的 {failing + fitting} 个值中有 {failing} 个不是 {prop.physical_type}",
            )


def outcome(contract: Contract, delivery: Delivery, tally: Tally, accepted: int) -> BatchOutcome:
    """Return the outcome of a delivery of which ``accepted`` rows are new to the table."""
    if tally.faults:
        rule, reason = tally.faults[0]
        return BatchOutcome(contract.key, delivery.name, delivery.batch_id, "failed", rule=rule, reason=reason)
    if not tally.received:
        return BatchOutcome(contract.key, delivery.name, delivery.batch_id, "empty", reason="送达 0 行")
    late = late_reason(contract, delivery.data_date, delivery.delivered_at)
    checksum = f"{tally.checksum:016x}"
    return BatchOutcome(
        resource=contract.key,
        delivery=delivery.name,
        batch_id=delivery.batch_id,
        status="accepted",
        received=tally.received,
        accepted=accepted,
        quarantined=tally.quarantined,
        deduplicated=tally.identical + tally.good - accepted,
        rule=LATE if late else None,
        reason=late,
        received_checksum=checksum,
        accounted_checksum=checksum,
    )
