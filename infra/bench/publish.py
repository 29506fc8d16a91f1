"""``citybrain bench publish``: many changed tables published in one step, and the same whatever they hold.

Ours is the real ``publish`` of a branch on which every table was changed, once over tables of full size and once over
tables of a hundredth of it. The floor is the bare pointer move: one transaction (embedded) or one commit (cluster) with as
many pointers, without token, comparison or log. The peer is what PyIceberg offers for write-audit-publish: every table
has its change on a branch of its own, and is moved to it one after the other - readers see all states between.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from infra.bench.harness import FLOOR, OURS, ArmResult, run_arms
from lakehouse.branches import open_branch, publish
from lakehouse.connect.cluster import cluster_file, cluster_settings
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, write_files

SMALL = "ours:a_hundredth_of_the_rows"
PEER = "peer:pyiceberg"
NAMESPACE = "bench"
TABLES = 100
ROWS = 100_000
SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "key", "type": "long", "required": True},
        {"id": 2, "name": "value", "type": "string", "required": False},
    ],
}


def bench_publish(
    rows: int = ROWS, repeat: int = 5, *, tables: int = TABLES, progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Measure one publish of ``tables`` changed tables of ``rows`` rows, on the profile of the environment."""
    profile = Settings().profile
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
        full, small = Path(folder) / "full", Path(folder) / "small"
        for home, size in ((full, rows), (small, max(1, rows // 100))):
            _make_home(home)
            _fill(home, tables, size)
        arms = {
            OURS: partial(_ours, full, tables),
            SMALL: partial(_ours, small, tables),
            FLOOR: partial(_floor, full, tables),
            PEER: partial(_peer, tables, rows),
        }
        params = {"tables": tables, "rows": rows, "profile": profile}
        return run_arms("publish", params, arms, repeat, progress=progress)


def _make_home(home: Path) -> None:
    """Make a home; on the cluster profile it uses the servers of the environment's home, with references of its own."""
    home.mkdir(parents=True)
    settings = Settings()
    if settings.profile == "cluster":
        servers = json.loads(cluster_file(settings).read_text(encoding="utf-8"))
        servers["reference_prefix"] = f"bench-{uuid.uuid4().hex[:8]}-"
        file = os.open(home / "cluster.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as out:
            json.dump(servers, out)


def _names(tables: int) -> list[str]:
    return [f"{NAMESPACE}.table_{number:03}" for number in range(tables)]


def _rows_sql(first: int, rows: int) -> str:
    return f"select i as key, 'value ' || i as value from range({first}, {first + rows}) numbers(i)"


def _fill(home: Path, tables: int, rows: int) -> None:
    """Publish the tables as they are before the change."""
    settings = Settings(home=home)
    branch = open_branch(settings, "base")
    catalog = open_catalog(settings, branch.catalog_name)
    con = open_duckdb(settings=settings)
    for name in _names(tables):
        table = ensure_table(catalog, name, SCHEMA)
        append_files(table, write_files(con, table, _rows_sql(0, rows)), batch_id="base")
    con.close()
    publish(settings, branch)


def _ours(home: Path, tables: int) -> ArmResult:
    settings = Settings(home=home)
    branch = open_branch(settings, "change")
    catalog = open_catalog(settings, branch.catalog_name)
    con = open_duckdb(settings=settings)
    for name in _names(tables):
        table = catalog.load_table(name)
        change = write_files(con, table, _rows_sql(-branch.token, 1))
        append_files(table, change, batch_id=f"change-{branch.token}")
    con.close()
    started = time.perf_counter()
    result = publish(settings, branch)
    return ArmResult(time.perf_counter() - started, len(result.tables_changed))


def _floor(home: Path, tables: int) -> ArmResult:
    settings = Settings(home=home)
    return _bare_commit(settings, tables) if settings.profile == "cluster" else _bare_transaction(home, tables)


def _bare_transaction(home: Path, tables: int) -> ArmResult:
    db = sqlite3.connect(home / "floor.db")
    db.execute("create table if not exists pointer (name text primary key, location text)")
    db.executemany("insert or ignore into pointer values (?, '')", [(name,) for name in _names(tables)])
    db.commit()
    started = time.perf_counter()
    moved = db.executemany(
        "update pointer set location = ? where name = ?", [(uuid.uuid4().hex, name) for name in _names(tables)]
    ).rowcount
    db.commit()
    seconds = time.perf_counter() - started
    db.close()
    return ArmResult(seconds, moved)


def _bare_commit(settings: Settings, tables: int) -> ArmResult:
    from lakehouse.connect.nessie import Nessie, Put

    cluster = cluster_settings(settings)
    nessie, reference = Nessie(cluster.nessie_uri), f"{cluster.reference_prefix}floor-{uuid.uuid4().hex[:8]}"
    head = nessie.head(cluster.main_reference)
    held = nessie.entries(cluster.main_reference, head).tables
    nessie.create(reference, head, cluster.main_reference)
    puts = [
        Put(tuple(name.split(".")), held[name] | {"metadataLocation": f"s3://elsewhere/{uuid.uuid4().hex}"})
        for name in _names(tables)
    ]
    started = time.perf_counter()
    nessie.commit(reference, head, puts, "bench: move pointers")
    seconds = time.perf_counter() - started
    nessie.delete(reference)
    return ArmResult(seconds, len(puts))


def _peer(tables: int, rows: int) -> ArmResult:
    """Move stock tables to their audited branches, one commit a table, in PyIceberg's SQL catalog."""
    import pyarrow as pa
    from pyiceberg.catalog.sql import SqlCatalog

    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
        catalog = SqlCatalog("peer", uri=f"sqlite:///{folder}/catalog.db", warehouse=folder)
        catalog.create_namespace(NAMESPACE)
        base = pa.table(
            {"key": pa.array(range(rows), pa.int64()), "value": pa.array([f"value {i}" for i in range(rows)])}
        )
        for name in _names(tables):
            table = catalog.create_table(name, base.schema)
            table.append(base)
            table.manage_snapshots().create_branch(table.current_snapshot().snapshot_id, "audit").commit()
            table.append(base.slice(0, 1), branch="audit")
        moved = 0
        started = time.perf_counter()
        for name in _names(tables):
            catalog.load_table(name).manage_snapshots().set_current_snapshot(ref_name="audit").commit()
            moved += 1
        return ArmResult(time.perf_counter() - started, moved)
