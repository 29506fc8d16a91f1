"""What a worker does with a file: the readers of ingestion, every value still text, every record numbered."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.sql_predicates import quote
from lakehouse.connect import objects
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.duck import Connection, open_duckdb
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings
from lakehouse.ingest.accepting import Accepted, accept_parts
from lakehouse.ingest.columns import check_columns, check_json_keys
from lakehouse.ingest.landing import land_file
from lakehouse.ingest.plan import Plan
from lakehouse.sources import Limits, Received, SourceError
from lakehouse.sources.archives import unpacked
from lakehouse.sources.csv_text import read_csv
from lakehouse.sources.json_text import read_ndjson
from lakehouse.sources.received import ParquetPart
from spark_jobs.backfill.deliveries import Inspected

WORKER_MEMORY = "600MB"  # of DuckDB in one worker
_COPY = "format parquet, compression zstd, return_files true"
_FAULT_FIELDS = ("row", "rule", "raw", "key")


def received_schema(contract: Contract) -> pa.Schema:
    """Return what :meth:`FileReader.read` gives: received columns by position, and where each record comes from.

    A record without ``_row`` is a report on a file: ``_raw`` is JSON with the number of records and their checksums, or
    with the rule that the file breaks as a whole.
    """
    texts = [(f"c{position}", pa.string()) for position in range(len(contract.properties))]
    return pa.schema(
        [
            *texts,
            ("_line", pa.string()),
            ("_delivery", pa.int32()),
            ("_row", pa.int64()),
            ("_hash", pa.int64()),
            ("_rule", pa.string()),
            ("_raw", pa.string()),
            ("_key", pa.string()),
        ]
    )


@dataclass(frozen=True)
class Work:
    """A file to read: of which delivery, and how many of its records lie in files before."""

    location: str
    delivery: int
    first_row: int


class _AsReceived(Plan):
    """A plan that takes every record as it came: nothing is judged here."""

    def accept(self, relation: str, *, spaces: str, not_rows: list[int]) -> str:
        """Select the received columns as text, by position."""
        texts = [f"cast({quote(p.physical_name)} as varchar) as c{i}" for i, p in enumerate(self.properties)]
        line = "_line" if self.json_lines else "cast(null as varchar) as _line"
        # 63 bits: Spark has no unsigned numbers.
        return f"select {', '.join(texts)}, {line}, _row, cast({self.row_hash} >> 1 as bigint) as _hash from {relation}"

    @property
    def keys(self) -> str:
        """The key columns of a written record, by position."""
        wanted = set(self.contract.primary_key)
        return ", ".join(f"c{i}" for i, prop in enumerate(self.properties) if prop.name in wanted)


@dataclass(frozen=True)
class FileReader:
    """Reads files of one resource; goes to the workers, so it holds nothing secret."""

    settings: Settings
    contract: Contract
    vocabulary: Vocabulary
    format: str
    encoding: str

    def inspect(self, location: str) -> Inspected:
        """Land a file and return its digest and number of records."""
        digest = ""
        try:
            with self._fetched(location) as (path, folder):
                landed, digest = land_file(self._landing(location, folder), self.contract, path)
                parts = self._open(landed, folder).parts
                rows = sum(part.rows or 0 for part in parts)
        except SourceError as error:
            return Inspected(location, digest, 0, error.rule, error.reason)
        return Inspected(location, digest, rows, None, None)

    def read(self, work: Work) -> Iterator[pa.RecordBatch]:
        """Yield the records of a file, then the report on it."""
        schema = received_schema(self.contract)
        try:
            with self._fetched(work.location) as (path, folder), closing(worker_duckdb(folder)) as con:
                received = self._open(path, folder)
                check_columns(self.contract, received)
                plan = _AsReceived(self.contract, self.vocabulary, "", False, received.json_lines)
                rows = folder / "rows"
                rows.mkdir()
                taken = accept_parts(con, received.parts, plan, rows, _COPY, 1)
                if received.json_lines:
                    check_json_keys(con, self.contract, taken.parts)
                hashes = 0
                for batch in _batches(con, taken, schema, work):
                    hashes += sum(batch.column("_hash").to_pylist())
                    yield batch
                report: dict[str, Any] = {
                    "received": taken.received,
                    "checksum": taken.received_sum,
                    "hashes": hashes,
                    "open_end": received.open_end,
                }
        except SourceError as error:
            report = {"rule": error.rule, "reason": error.reason}
        yield _report(schema, work.delivery, report)

    def _open(self, path: Path, folder: Path) -> Received:
        contract = self.contract
        expected = [prop.physical_name for prop in contract.properties]
        plain = unpacked(path, folder, Limits())
        match self.format:
            case "parquet":
                return _open_parquet(plain)
            case "ndjson":
                return read_ndjson(plain, expected, folder, 1)
            case _:
                key = [contract.property_named(name).physical_name for name in contract.primary_key]
                encoding: Any = self.encoding
                return read_csv(plain, encoding, expected, key, folder, 1)

    def _landing(self, location: str, folder: Path) -> Settings:
        """What is in the object store stays there: it is landed only to be read."""
        return Settings(home=folder, profile="embedded") if objects.is_remote(location) else self.settings

    @contextmanager
    def _fetched(self, location: str) -> Iterator[tuple[Path, Path]]:
        """Lend a file as a path, and a folder that is removed afterwards."""
        with tempfile.TemporaryDirectory(prefix="citybrain-backfill-") as name:
            folder = Path(name)
            if not objects.is_remote(location):
                yield Path(location), folder
                return
            cluster_settings(self.settings)
            path = folder / os.path.basename(location)
            try:
                with objects.open_input(location) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, 8 << 20)
            except ServerUnavailable as down:
                raise SourceError("source.unreachable", str(down)) from down
            yield path, folder


def worker_duckdb(folder: Path) -> Connection:
    """Open a small DuckDB that computes and reads local files, nothing else."""
    return open_duckdb(settings=Settings(home=folder, profile="embedded", threads=1, memory_limit=WORKER_MEMORY))


def _open_parquet(path: Path) -> Received:
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError("delivery.incomplete", f"{path.name} 不是完整的 Parquet 文件，可能没有传完") from error
    columns = list(footer.schema.to_arrow_schema().names)
    return Received(columns, iter([ParquetPart(path, columns, 0, footer.num_rows)]))


def _batches(con: Connection, taken: Accepted, schema: pa.Schema, work: Work) -> Iterator[pa.RecordBatch]:
    faults = {name: [getattr(fault, name) for fault in taken.faults] for name in _FAULT_FIELDS}
    types = {"row": pa.int64()} | dict.fromkeys(_FAULT_FIELDS[1:], pa.string())
    con.register("fault", pa.table({name: pa.array(values, types[name]) for name, values in faults.items()}))
    texts = ", ".join(name for name in schema.names if not name.startswith("_"))
    for file in taken.files:
        path = str(file).replace("'", "''")
        reader = con.execute(
            f"select {texts}, _line, {work.delivery}::integer as _delivery, _row + {work.first_row} as _row, _hash,"
            f" f.rule as _rule, f.raw as _raw, f.key as _key from read_parquet('{path}') r left join fault f on f.row = r._row"
        ).to_arrow_reader(50_000)
        for batch in reader:
            yield batch.cast(schema)


def _report(schema: pa.Schema, delivery: int, report: dict[str, Any]) -> pa.RecordBatch:
    values: dict[str, Any] = {"_delivery": delivery, "_raw": json.dumps(report, ensure_ascii=False)}
    return pa.RecordBatch.from_arrays(
        [pa.array([values.get(field.name)], field.type) for field in schema], schema=schema
    )
