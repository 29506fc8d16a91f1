"""``bench ingest``: source file to typed, checked, committed Iceberg, against the bare engine and against dlt.

The floor is DuckDB's ``COPY (SELECT * FROM read_csv(file)) TO … (zstd)`` on the same file with the same threads: it guesses
types, checks nothing and commits nothing. The peer is dlt on the filesystem destination with Iceberg tables, three times:
as it comes, with its reader ``read_csv_duckdb`` without options; as ``dlt-tuned``, where that reader hands over Arrow in
large chunks, which is our tuning; and as ``dlt-arrow``, fed by hand with typed Arrow tables of pyarrow's reader, so that it
only has to store them. None checks a row. As it comes it takes minutes, so that it runs once.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import structlog

from catalog.contract.load import load_contracts, load_vocabulary
from infra.bench.harness import DEFAULT_VERSIONS, FLOOR, OURS, ArmResult, run_arms
from infra.bench.ingest_data import BAD_HOUSEHOLD, bench_contract, write_source
from lakehouse.branches import open_branch
from lakehouse.connect.duck import attach_branch, literal, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome, ingest_resource
from lakehouse.sources import SourceSystem

AS_IT_COMES = "peer:dlt"
TUNED = "peer:dlt-tuned"
HAND_FED = "peer:dlt-arrow"
DLT_CHUNK_ROWS = 100_000
ROWS = 1_000_000
SLOW_PEER_ROWS = 2_000_000  # above, the peer runs once
BRANCH = "bench"


def bench_ingest(rows: int = ROWS, repeat: int = 5) -> dict[str, Any]:
    """Measure the three arms on one register of ``rows`` residents; ``equal`` compares numbers and sums of good rows."""
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as name:
        root = Path(name)
        file = write_source(root / "source", rows)
        arms = {
            OURS: partial(_ours, root / "source", root / "ours"),
            FLOOR: partial(_floor, file, root / "floor"),
            TUNED: partial(_dlt, file, root / "dlt", partial(_read, chunk_size=DLT_CHUNK_ROWS, use_pyarrow=True)),
            HAND_FED: partial(_dlt, file, root / "dlt", _fed),
            AS_IT_COMES: partial(_dlt, file, root / "dlt", _read),
        }
        params = {
            "rows": rows,
            "columns": len(bench_contract().properties),
            "bytes": file.stat().st_size,
            "encoding": "utf-8",
        }
        once = frozenset({AS_IT_COMES, *((TUNED, HAND_FED) if rows > SLOW_PEER_ROWS else ())})
        return run_arms("ingest", params, arms, repeat, versions=(*DEFAULT_VERSIONS, "dlt"), once=once)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _ours(source: Path, work: Path) -> ArmResult:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = Settings(home=_fresh(work), threads=os.cpu_count() or 1)
    branch, vocabulary, system = open_branch(settings, BRANCH), load_vocabulary(), SourceSystem.from_dir(source)
    ingest_resource(settings, branch, load_contracts()["dsjj.division"], vocabulary, system)
    contract = bench_contract()
    started = time.perf_counter()
    (outcome,) = ingest_resource(settings, branch, contract, vocabulary, system)
    seconds = time.perf_counter() - started
    return ArmResult(seconds, _ours_sums(settings, outcome), {"quarantined": outcome.quarantined})


def _ours_sums(settings: Settings, outcome: BatchOutcome) -> dict[str, int]:
    con = open_duckdb(settings=settings)
    attach_branch(con, settings, BRANCH)
    good = _sums(
        con.execute(_SUMS.format(address="address_text", updated="updated_at", source="gaj.resident")).fetchall()
    )
    con.close()
    if outcome.received_checksum != outcome.accounted_checksum:
        raise AssertionError(f"not every row is accounted for: {outcome}")
    return {"rows": outcome.received, "bad": outcome.quarantined, **good}


_SUMS = "select count(*), sum(strlen({address})), sum(epoch({updated})::hugeint) from {source}"


def _sums(rows: list[tuple[Any, ...]]) -> dict[str, int]:
    count, addresses, updated = rows[0]
    return {"good": int(count), "address_bytes": int(addresses), "updated_seconds": int(updated)}


def _floor(file: Path, work: Path) -> ArmResult:
    settings = Settings(home=_fresh(work), threads=os.cpu_count() or 1)
    con = open_duckdb(settings=settings)
    target = work / "rows.parquet"
    sql = f"copy (select * from read_csv({literal(str(file))})) to {literal(str(target))} (format parquet, compression zstd)"
    started = time.perf_counter()
    con.execute(sql)
    seconds = time.perf_counter() - started
    return ArmResult(seconds, _sums_of_files(str(target)))


def _sums_of_files(pattern: str) -> dict[str, int]:
    """Take the marked bad rows out, which only our arm finds by itself."""
    con = open_duckdb()
    names = {prop.name: f'"{prop.physical_name}"' for prop in bench_contract().properties}
    source = f"read_parquet({literal(pattern)})"
    bad = f"starts_with({names['household_id']}, '{BAD_HOUSEHOLD}')"
    rows, bad_rows = con.execute(f"select count(*), count(*) filter (where {bad}) from {source}").fetchall()[0]
    good = _SUMS.format(address=names["address_text"], updated=names["updated_at"], source=f"{source} where not {bad}")
    sums = _sums(con.execute(good).fetchall())
    con.close()
    return {"rows": rows, "bad": bad_rows, **sums}


def _dlt(file: Path, work: Path, resource: Callable[[Path], Any]) -> ArmResult:
    """Let dlt load what ``resource`` reads; the names of columns stay as they are, or sums could not be compared."""
    _fresh(work)
    os.environ.update(
        {
            "DLT_DATA_DIR": str(work / "state"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
            "SCHEMA__NAMING": "direct",
            "DATA_WRITER__DISABLE_COMPRESSION": "true",
            "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false",
        }
    )
    import dlt

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(work / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=(work / "lake").as_uri()),
        dataset_name="gaj",
    )
    resident = resource(file)
    started = time.perf_counter()
    pipeline.run(resident, write_disposition="append", table_format="iceberg", loader_file_format="parquet")
    seconds = time.perf_counter() - started
    return ArmResult(seconds, _sums_of_files(str(work / "lake" / "gaj" / "resident" / "data" / "*.parquet")))


def _read(file: Path, **options: Any) -> Any:
    """Let dlt read the file itself; ``options`` are its reader's."""
    from dlt.sources.filesystem import filesystem, read_csv_duckdb

    listed = filesystem(bucket_url=file.parent.as_uri(), file_glob=file.name)
    return (listed | read_csv_duckdb(**options)).with_name("resident")


def _fed(file: Path) -> Any:
    import dlt

    return dlt.resource(_batches(file), name="resident", table_format="iceberg", file_format="parquet")


def _batches(file: Path) -> Iterator[pa.Table]:
    """Yield the file in Arrow tables with the types of the contract."""
    types = {"date": pa.date32(), "timestamp": pa.timestamp("us")}
    columns = {p.physical_name: types.get(p.base_type, pa.string()) for p in bench_contract().properties}
    reader = pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(block_size=32 << 20),
        convert_options=pacsv.ConvertOptions(column_types=columns, strings_can_be_null=True),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch])
