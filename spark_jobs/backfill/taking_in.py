"""The course of a backfill: look at the files, read and judge what is new, account for it, commit it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.rules import DIVISION_REFERENCE
from lakehouse.branches import Branch, join_branch, rebase
from lakehouse.connect.database import MAIN
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.ingest.held import Held
from lakehouse.ingest.outcome import BatchOutcome
from lakehouse.ingest.resource import RESENT
from lakehouse.pipeline.ops_tables import OUTCOMES, read_ops, record_outcomes, recorded_deliveries
from lakehouse.pipeline.outbox import keep_outcomes, kept_outcomes
from lakehouse.pipeline.steps import INBOUND
from spark_jobs.backfill.accounting import outcome, tallies
from spark_jobs.backfill.committing import Target
from spark_jobs.backfill.deliveries import Delivery, Inspected, SourceFile, deliveries
from spark_jobs.backfill.judging import Judge
from spark_jobs.backfill.reading import FileReader, Work, received_schema
from spark_jobs.lake import branch_catalog

Transform = Callable[[DataFrame, Judge], DataFrame]
FILES_A_TASK = 4  # few, so that one worker is not left with many files; one costs the start of a Python for each
_INSPECTED = "location string, digest string, rows bigint, rule string, reason string"


@dataclass(frozen=True)
class Backfill:
    """One backfill of one resource."""

    session: SparkSession
    settings: Settings
    contract: Contract
    vocabulary: Vocabulary
    place: str
    files: Sequence[SourceFile]
    encoding: str

    def run(self, branch_name: str, transform: Transform) -> list[BatchOutcome]:
        """Take in what the branch does not hold; return an outcome for every delivery, in order."""
        branch = join_branch(self.settings, branch_name)
        if branch_name == INBOUND:
            rebase(self.settings, branch, [self.contract.key, _quarantine(self.contract)])
        target = Target.of(self.settings, branch, self.contract)
        every = deliveries(self.contract, self.place, self.files, self._inspect())
        done = self._settled(target.held, every)
        rest = [delivery for delivery in every if delivery.number not in done]
        first = {delivery.batch_id: delivery for delivery in reversed(rest)}
        fresh = sorted(first.values(), key=lambda delivery: delivery.number)
        if fresh:
            with branch_catalog(self.session, self.settings, branch.catalog_name) as lake:
                done |= self._take_in(target, fresh, transform, lake)
        for delivery in rest:
            done.setdefault(delivery.number, self._resent(delivery, done[first[delivery.batch_id].number]))
        outcomes = [done[delivery.number] for delivery in every]
        self._record(branch, outcomes)
        return outcomes

    def _resent(self, delivery: Delivery, before: BatchOutcome) -> BatchOutcome:
        """Return the outcome of a delivery whose content came with an earlier one; what was refused is refused again."""
        if before.status in ("failed", "empty"):
            return replace(before, delivery=delivery.name)
        return BatchOutcome(
            self.contract.key,
            delivery.name,
            delivery.batch_id,
            "skipped",
            skipped=True,
            rule=RESENT,
            reason="内容与已接收的批次相同",
        )

    @property
    def _reader(self) -> FileReader:
        return FileReader(self.settings, self.contract, self.vocabulary, self.files[0].format, self.encoding)

    def _inspect(self) -> list[Inspected]:
        """Land every file and learn its digest, on the workers."""
        reader = self._reader
        schema = pa.schema([(n, pa.int64() if n == "rows" else pa.string()) for n in Inspected.__dataclass_fields__])

        def inspect(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                found = [asdict(reader.inspect(location)) for location in batch.column("location").to_pylist()]
                yield pa.RecordBatch.from_pylist(found, schema=schema)

        places = self._spread([{"location": file.location} for file in self.files], "location string")
        return [Inspected(**row.asDict()) for row in places.mapInArrow(inspect, _INSPECTED).collect()]

    def _read(self, rest: Sequence[Delivery]) -> DataFrame:
        """Read the records of deliveries, on the workers."""
        reader, schema = self._reader, received_schema(self.contract)
        work = [
            asdict(Work(location, delivery.number, first_row))
            for delivery in rest
            for location, first_row in zip(delivery.files, delivery.first_rows, strict=True)
        ]

        def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for one in batch.to_pylist():
                    yield from reader.read(Work(**one))

        spread = self._spread(work, "location string, delivery int, first_row bigint")
        kinds = {pa.string(): "string", pa.int32(): "int", pa.int64(): "bigint"}
        return spread.mapInArrow(read, ", ".join(f"{field.name} {kinds[field.type]}" for field in schema))

    def _spread(self, rows: list[dict[str, object]], ddl: str) -> DataFrame:
        parts = max(1, -(-len(rows) // FILES_A_TASK), min(len(rows), self.session.sparkContext.defaultParallelism))
        return self.session.createDataFrame(self.session.sparkContext.parallelize(rows, parts), ddl)

    def _settled(self, held: Held, every: Sequence[Delivery]) -> dict[int, BatchOutcome]:
        """Return the outcomes of deliveries that cannot be read, or that are held; the others are to be read."""
        done: dict[int, BatchOutcome] = {}
        with closing(open_duckdb(settings=self.settings)) as con:
            for delivery in every:
                failed = BatchOutcome(
                    self.contract.key,
                    delivery.name,
                    delivery.batch_id,
                    "failed",
                    rule=delivery.rule,
                    reason=delivery.reason,
                )
                if delivery.rule:
                    done[delivery.number] = failed
                elif held.batch(delivery.batch_id):
                    found = held.outcome(con, delivery.batch_id)
                    is_same = found is not None and found.delivery == delivery.name
                    again = self._resent(delivery, replace(failed, status="accepted"))
                    done[delivery.number] = found if found is not None and is_same else again
        return done

    def _take_in(
        self, target: Target, rest: Sequence[Delivery], transform: Transform, lake: str
    ) -> dict[int, BatchOutcome]:
        judge = Judge(self.contract, self.vocabulary, self.files[0].format == "ndjson", self._divisions(target.branch))
        verdicts = transform(self._read(rest), judge).persist(StorageLevel.DISK_ONLY)
        try:
            found = tallies(verdicts, self.contract, rest, self.encoding)
            sound = [delivery for delivery in rest if not found[delivery.number].faults]
            accepted = target.commit(self.session, lake, verdicts, sound, found, judge)
        finally:
            verdicts.unpersist()
        return {d.number: outcome(self.contract, d, found[d.number], accepted.get(d.number, 0)) for d in rest}

    def _divisions(self, branch: Branch) -> pa.Table | None:
        """Return the reference that division codes are checked against, when the branch has it."""
        catalog = open_catalog(self.settings, branch.catalog_name)
        if self.contract.key == DIVISION_REFERENCE or not catalog.table_exists(DIVISION_REFERENCE):
            return None
        table = catalog.load_table(DIVISION_REFERENCE)
        if table.current_snapshot() is None:
            return None
        return table.scan(selected_fields=("division_code", "valid_until")).to_arrow()

    def _record(self, branch: Branch, outcomes: list[BatchOutcome]) -> None:
        """Let topics that take from ``inbound`` publish the outcomes; on any other branch they stand in its ops table."""
        if branch.name != INBOUND:
            record_outcomes(self.settings, branch, outcomes)
            return
        known = [row for row in read_ops(self.settings, MAIN, OUTCOMES) if row["resource"] == self.contract.key]
        recorded = recorded_deliveries(known)
        recorded |= {kept.delivery_key for kept in kept_outcomes(self.settings, [self.contract.key])}
        keep_outcomes(self.settings, [outcome for outcome in outcomes if outcome.delivery_key not in recorded])


def _quarantine(contract: Contract) -> str:
    return f"quarantine.{contract.dept}_{contract.resource}"
