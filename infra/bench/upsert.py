"""``citybrain bench upsert``: changed rows into a large table, against a bare rewrite and PyIceberg's own upsert.

The changed keys are scattered evenly over the whole table, the hardest case: every data file holds some. Most changes
replace a row, some are new. All arms write zstd Parquet with DuckDB's or PyArrow's defaults; each ends in the same
rows, which is compared. Ours marks the replaced rows where they are few, so it may well beat the floor, which writes
every affected file again; what readers pay for the marks is in the notes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from infra.bench.harness import FLOOR, OURS, ArmResult, run_arms
from lakehouse.branches import drop_branch, open_branch, publish
from lakehouse.connect.duck import Connection, attach_branch, literal, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, merge_rows, write_files
from lakehouse.tables.derived import content_hash

PEER = "peer:pyiceberg"
TABLE = "gaj.resident"
NEW_SHARE = 20  # one change in so many is a new key
_FIELDS = [
    ("resident_id", "string", True),
    ("person_name", "string", False),
    ("sex_code", "string", False),
    ("birth_date", "date", False),
    ("division_code", "string", False),
    ("address", "string", False),
    ("phone", "string", False),
    ("income", "decimal(12, 2)", False),
    ("is_registered", "boolean", False),
    ("updated_at", "timestamp", False),
    ("_batch_id", "string", True),
    ("_row", "long", True),
]
SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": number, "name": name, "type": type_, "required": required}
        for number, (name, type_, required) in enumerate(_FIELDS, 1)
    ],
}
COLUMNS = [name for name, _, _ in _FIELDS]


def bench_upsert(
    rows: int = 5_000_000,
    changes: int = 100_000,
    repeat: int = 5,
    slice_rows: int | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure ``changes`` changed rows into ``rows``; the peer on ``slice_rows`` (default: all), scaled up linearly.

    Scaling favours the peer: the cost of its upsert grows faster than linearly with rows and keys (measured: ten times
    the rows and changes take seventeen times as long).
    """
    slice_rows = min(slice_rows or rows, rows)
    slice_changes = max(changes * slice_rows // rows, NEW_SHARE)
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
        home, slice_home = Path(folder) / "full", Path(folder) / "slice"
        _prepare(home, rows, changes)
        _prepare(slice_home, slice_rows, slice_changes)
        scale = rows / slice_rows
        result = run_arms(
            "upsert",
            {
                "rows": rows,
                "changes": changes,
                "slice_rows": slice_rows,
                "slice_changes": slice_changes,
                "scale": scale,
                "note": f"{PEER} is measured on {slice_rows} rows with {slice_changes} changes, times {scale:g}",
            },
            {
                OURS: partial(_ours, home),
                FLOOR: partial(_floor, home),
                PEER: partial(_peer, slice_home, scale),
            },
            repeat,
            progress=progress,
        )
    result["equal"] = result["equal"] and all(
        figures.get("notes", {}).get("slice_equal", True) for figures in result["arms"].values()
    )
    return result


def _settings(home: Path) -> Settings:
    return Settings(home=home)


def _rows_sql(rows: int) -> str:
    return (
        "select '3301' || lpad((i * 7919 % 100000000)::varchar, 8, '0') || lpad(i::varchar, 8, '0') as resident_id,"
        " '市民' || (i * 31 % 99991) as person_name, (1 + i % 2)::varchar as sex_code,"
        " date '1940-01-01' + (i * 17 % 30000)::integer as birth_date, '3301' || lpad((i % 1300)::varchar, 8, '0') as"
        " division_code, '文三路' || (i % 5000) || '号' || (i % 77) || '室' as address,"
        " '1' || lpad((i * 104729 % 10000000000)::varchar, 10, '0') as phone, (i % 2000000 / 100)::decimal(12, 2) as income,"
        " i % 3 = 0 as is_registered, timestamp '2025-01-01' + interval (i % 86400) second as updated_at,"
        f" 'base' as _batch_id, i + 1 as _row from range({rows}) r(i)"
    )


def _changes_sql(rows: int, changes: int) -> str:
    """Return changes scattered evenly over the keys: one in ``NEW_SHARE`` is new, the others move and earn more."""
    new = changes // NEW_SHARE
    step = rows // (changes - new)
    return (
        f"with changed as (select * from ({_rows_sql(rows)}) where (_row - 1) % {step} = 0 limit {changes - new})"
        " select * replace (address || '(迁入)' as address, income + 1 as income,"
        " updated_at + interval 30 day as updated_at, 'change' as _batch_id) from changed union all"
        f" select * replace ('new-' || resident_id as resident_id, 'change' as _batch_id) from ({_rows_sql(new)})"
    )


def _prepare(home: Path, rows: int, changes: int) -> None:
    """Publish the table, sorted by key as a compacted one is, and stage the changes."""
    settings = _settings(home)
    con = open_duckdb(settings=settings)
    branch = open_branch(settings, "base")
    table = ensure_table(open_catalog(settings, branch.catalog_name), TABLE, SCHEMA)
    append_files(table, write_files(con, table, _rows_sql(rows)), batch_id="base")
    publish(settings, branch)
    con.execute(f"copy ({_changes_sql(rows, changes)}) to {literal(str(home / 'changes.parquet'))} (compression zstd)")
    con.close()


def _content(con: Connection, source: str) -> str:
    return content_hash(con, f"select * from {source}", COLUMNS)


def _ours(home: Path) -> ArmResult:
    """Merge on a branch of its own, as a pipeline run does; ``main`` stays for the next repetition."""
    settings = _settings(home)
    con = open_duckdb(settings=settings)
    branch = open_branch(settings, "bench", takeover=True)
    catalog = open_catalog(settings, branch.catalog_name)
    table = catalog.load_table(TABLE)  # outside the measured time, as for the peer: it imports half of PyIceberg
    started = time.perf_counter()
    batch = f"change-{branch.token}"
    result = merge_rows(con, table, home / "changes.parquet", key=["resident_id"], version="updated_at", batch_id=batch)
    seconds = time.perf_counter() - started
    attach_branch(con, settings, "bench")
    outcome = _content(con, TABLE)
    notes = {"inserted": result.inserted, "updated": result.updated, "scan_after_seconds": _scan_seconds(con)}
    drop_branch(settings, branch)
    attach_branch(con, settings, "main")
    return ArmResult(seconds, outcome, notes | {"scan_before_seconds": _scan_seconds(con)})


def _scan_seconds(con: Connection) -> float:
    """Time a reader's scan over some columns of the table."""
    started = time.perf_counter()
    con.execute(f"select division_code, count(*), sum(income), max(updated_at) from {TABLE} group by 1").fetchall()
    return round(time.perf_counter() - started, 3)


def _floor(home: Path) -> ArmResult:
    """Write the affected rows once with a bare DuckDB join, without comparing, statistics or commit."""
    settings = _settings(home)
    con = open_duckdb(settings=settings)
    catalog = open_catalog(settings, "main")
    files = ", ".join(literal(task.file.file_path) for task in catalog.load_table(TABLE).scan().plan_files())
    changes = f"read_parquet({literal(str(home / 'changes.parquet'))})"
    columns = ", ".join(f"case when s._row is null then t.{name} else s.{name} end as {name}" for name in COLUMNS)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        started = time.perf_counter()
        con.execute(
            f"copy (select {columns} from read_parquet([{files}]) t left join {changes} s using (resident_id) union all"
            f" select {', '.join(COLUMNS)} from {changes} s anti join read_parquet([{files}]) t using (resident_id))"
            f" to {literal(folder + '/out')} (format parquet, compression zstd, row_groups_per_file 4)"
        )
        seconds = time.perf_counter() - started
        return ArmResult(seconds, _content(con, f"read_parquet({literal(folder + '/out/*.parquet')})"))


def _peer(home: Path, scale: float) -> ArmResult:
    """Run PyIceberg's own ``Table.upsert`` on the slice, on a stock table; check its rows against ours."""
    from pyiceberg.catalog.sql import SqlCatalog

    settings = _settings(home)
    con = open_duckdb(settings=settings)
    base = open_catalog(settings, "main").load_table(TABLE).scan().to_arrow()
    changes = con.execute(f"select * from read_parquet({literal(str(home / 'changes.parquet'))})").to_arrow_table()
    expected = _ours(home).outcome
    with tempfile.TemporaryDirectory(dir=home) as folder:
        catalog = SqlCatalog("peer", uri=f"sqlite:///{folder}/catalog.db", warehouse=folder)
        catalog.create_namespace("gaj")
        table = catalog.create_table(TABLE, base.schema)
        table.append(base)
        changes = changes.cast(base.schema)
        started = time.perf_counter()
        table.upsert(changes, join_cols=["resident_id"])
        measured = time.perf_counter() - started
        con.register("peer_rows", table.scan().to_arrow())
        equal = _content(con, "peer_rows") == expected
    return ArmResult(measured * scale, None, {"measured_seconds": round(measured, 3), "slice_equal": equal})
