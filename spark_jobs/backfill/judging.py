"""The verdict on every received record, by the very statements of ingestion: there is no second reading of the rules."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.sql_predicates import quote
from lakehouse.connect.duck import Connection
from lakehouse.ingest.fast import DIVISIONS
from lakehouse.ingest.plan import Plan
from lakehouse.ingest.reasons import DUPLICATE_KEY
from spark_jobs.backfill.reading import worker_duckdb

GOOD, QUARANTINED, IDENTICAL, REPORT = "good", "quarantined", "identical", "report"
_ARROW = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_SPARK = {
    "varchar": "string",
    "integer": "int",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp_ntz",
}
_META = {
    "_delivery": (pa.int32(), "int"),
    "_row": (pa.int64(), "bigint"),
    "_hash": (pa.int64(), "bigint"),
    "_rules": (pa.list_(pa.string()), "array<string>"),
    "_key": (pa.string(), "string"),
    "_raw": (pa.string(), "string"),
}


def arrow_type(prop: Property) -> pa.DataType:
    """Return the Arrow type of a column's values."""
    return pa.decimal128(*prop.decimal_parameters) if prop.base_type == "decimal" else _ARROW[prop.base_type]


def spark_type(prop: Property) -> str:
    """Return the Spark type of a column's values."""
    return prop.physical_type if prop.base_type == "decimal" else _SPARK[prop.base_type]


@dataclass(frozen=True)
class Judge:
    """The rules of one resource, ready for the workers. ``divisions`` is the reference that codes are looked up in."""

    contract: Contract
    vocabulary: Vocabulary
    json_lines: bool
    divisions: pa.Table | None

    @property
    def ddl(self) -> str:
        """The columns that come out: typed values by name, and the verdict."""
        values = [f"`{prop.name}` {spark_type(prop)}" for prop in self.contract.properties]
        return ", ".join([*values, *(f"{name} {kind}" for name, (_, kind) in _META.items())])

    @property
    def schema(self) -> pa.Schema:
        """The same, for Arrow."""
        values = [(prop.name, arrow_type(prop)) for prop in self.contract.properties]
        return pa.schema([*values, *((name, kind) for name, (kind, _) in _META.items())])

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Judge the records of a partition."""
        with (
            tempfile.TemporaryDirectory(prefix="citybrain-judge-") as folder,
            closing(worker_duckdb(Path(folder))) as con,
        ):
            if self.divisions is not None:
                con.register("divisions", self.divisions)
                con.execute(f"create table {DIVISIONS} as select division_code, valid_until from divisions")
            statement = self._statement()
            for batch in batches:
                is_record = batch.column("_row").is_valid()
                yield from self._passed_on(batch.filter(pc.invert(is_record)))
                yield from self._judged(con, statement, batch.filter(is_record))

    def _statement(self) -> str:
        plan = Plan(self.contract, self.vocabulary, "", self.divisions is not None, self.json_lines)
        values = ", ".join(f"{plan.value(prop.name)} as {quote(prop.name)}" for prop in self.contract.properties)
        return (
            f"select {values}, _rules, _key, _raw from ({plan.judge('received', 'fault', excel=False)}) order by _row"
        )

    def _passed_on(self, reports: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Let the reports on files through."""
        if reports.num_rows:
            kept = {"_delivery": reports.column("_delivery"), "_raw": reports.column("_raw")}
            nothing = (pa.nulls(reports.num_rows, field.type) for field in self.schema)
            columns = [kept.get(field.name, null) for field, null in zip(self.schema, nothing, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _judged(self, con: Connection, statement: str, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Number the records of the batch anew, because several deliveries may meet in it, and put the numbers back."""
        if not batch.num_rows:
            return
        table = pa.Table.from_batches([batch])
        place = pa.array(range(len(table)), pa.int64())
        texts = {prop.physical_name: table.column(f"c{i}") for i, prop in enumerate(self.contract.properties)}
        con.register("received", pa.table({**texts, "_line": table["_line"], "_row": place, "_hash": table["_hash"]}))
        faults = pa.table({"_row": place, "rule": table["_rule"], "raw": table["_raw"], "key": table["_key"]})
        con.register("fault", faults)
        verdict = con.execute(statement).to_arrow_table()
        where = {name: table[name] for name in ("_delivery", "_row", "_hash")}
        found = {name: verdict.column(name) for name in verdict.column_names} | where
        yield from (
            pa.table([found[name] for name in self.schema.names], self.schema.names).cast(self.schema).to_batches()
        )


def judged(received: DataFrame, judge: Judge) -> DataFrame:
    """Return the typed values, broken rules, key and raw form of every record; reports on files are not touched."""
    return received.mapInArrow(judge, judge.ddl)


def without_duplicates(rows: DataFrame, contract: Contract) -> DataFrame:
    """Add ``_verdict``: of the same key twice in one delivery, identical rows count once and the newest is kept."""
    key = [F.col(name) for name in contract.primary_key]
    is_record = F.col("_row").isNotNull()
    is_good = is_record & (F.size("_rules") == 0)
    watermark = contract.gov.source.watermark
    newest = [F.col(watermark).desc_nulls_last()] if watermark else []
    group: list[Column] = [F.col("_delivery"), is_good, *key]
    copy = F.row_number().over(Window.partitionBy(*group, F.col("_content")).orderBy("_row"))
    place = F.row_number().over(Window.partitionBy(*group, F.col("_copy") == 1).orderBy(*newest, "_row"))
    verdict = (
        F.when(~is_record, REPORT)
        .when(~is_good, QUARANTINED)
        .when(F.col("_copy") > 1, IDENTICAL)
        .when(F.col("_place") > 1, QUARANTINED)
        .otherwise(GOOD)
    )
    rules = F.when(is_good & (F.col("_verdict") == QUARANTINED), F.array(F.lit(DUPLICATE_KEY))).otherwise(
        F.col("_rules")
    )
    return (
        rows.withColumn("_content", content_hash(contract))
        .withColumn("_copy", copy)
        .withColumn("_place", place)
        .withColumn("_verdict", verdict)
        .withColumn("_rules", rules)
        .drop("_copy", "_place")
    )


def content_hash(contract: Contract) -> Column:
    """Return a hash of a row's values: it is compared among rows of one key only, where 64 bits leave no doubt."""
    values = [F.col(p.name) + F.lit(0.0) if p.base_type == "double" else F.col(p.name) for p in contract.properties]
    # A hash skips nulls, so that (1, null) and (null, 1) would be equal; where the nulls are is part of it.
    nulls = F.concat(*(F.when(F.col(p.name).isNull(), "0").otherwise("1") for p in contract.properties))
    return F.xxhash64(nulls, *values)
