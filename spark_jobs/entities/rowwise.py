"""Statements about single rows, run by DuckDB on Arrow batches: the same on Spark's workers as on one machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lakehouse.connect.duck import Connection
from spark_jobs.backfill.reading import worker_duckdb
from spark_jobs.entities.definition import (
    LINK_COLUMNS,
    MENTION_COLUMNS,
    PREPARED_COLUMNS,
    initials,
    prepared,
    scored,
)

BATCH = "batch"
_ARROW = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "varchar[]": pa.list_(pa.string()),
}
_SPARK = {"varchar": "string", "integer": "int", "boolean": "boolean", "date": "date", "varchar[]": "array<string>"}


@dataclass(frozen=True)
class RowStatement:
    """A query over the relation ``batch`` and the columns that it gives; callable as Spark's ``mapInArrow`` wants it."""

    sql: str
    columns: tuple[tuple[str, str], ...]
    with_initials: bool = False

    @property
    def ddl(self) -> str:
        """The columns for Spark."""
        return ", ".join(f"{name} {_SPARK[kind]}" for name, kind in self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The columns for Arrow."""
        return pa.schema([(name, _ARROW[kind]) for name, kind in self.columns])

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Run the statement on each batch of a partition."""
        with (
            tempfile.TemporaryDirectory(prefix="citybrain-rows-") as folder,
            closing(worker_duckdb(Path(folder))) as con,
        ):
            for batch in batches:
                yield from self.table(con, pa.Table.from_batches([batch])).to_batches()

    def table(self, con: Connection, rows: pa.Table) -> pa.Table:
        """Run the statement on a table."""
        if self.with_initials:
            found = [None if name is None else initials(name) for name in rows.column("person_name").to_pylist()]
            rows = rows.append_column("initials", pa.array(found, pa.string()))
        con.register(BATCH, rows)
        try:
            return con.execute(self.sql).to_arrow_table().cast(self.schema)
        finally:
            con.unregister(BATCH)


def mentioning(sql: str) -> RowStatement:
    """Return the statement that finds mentions in the rows of a register."""
    return RowStatement(sql, tuple(MENTION_COLUMNS.items()))


PREPARE = RowStatement(prepared(BATCH), tuple(PREPARED_COLUMNS.items()), with_initials=True)
SCORE = RowStatement(scored(BATCH), tuple(LINK_COLUMNS.items()))
