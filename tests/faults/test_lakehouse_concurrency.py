"""Eight processes commit at once: every commit lands once, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from forked import processes
from isolated_cluster import make_cluster_home, remove_cluster_home

from lakehouse.branches import join_branch, open_branch, publish
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, history, verify, write_files

pytestmark = pytest.mark.faults

PROCESSES = 8
BATCHES = 3
SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "id", "type": "long", "required": True},
        {"id": 2, "name": "writer", "type": "int", "required": True},
    ],
}


def make_settings(home: Path) -> Settings:
    profile = "cluster" if (home / "cluster.json").exists() else "embedded"
    return Settings(home=home, profile=profile, threads=1, memory_limit="200MB")


def write(home: Path, writer: int, start: Barrier) -> None:
    """Append this writer's batches and one that all writers deliver; to a shared table and to one of its own."""
    start.wait(timeout=60)
    settings = make_settings(home)
    branch = join_branch(settings, "inbound")
    catalog = open_catalog(settings, branch.catalog_name)
    con = open_duckdb(settings=settings)
    for identifier in ("gaj.shared", f"gaj.own_{writer}"):
        table = ensure_table(catalog, identifier, SCHEMA)
        for batch in ("common", *(f"{writer}-{number}" for number in range(BATCHES))):
            rows = f"select i as id, {0 if batch == 'common' else writer}::integer as writer from range(10) r(i)"
            append_files(table, write_files(con, table, rows), batch_id=f"{identifier}:{batch}")


@pytest.fixture(scope="module", params=["embedded", pytest.param("cluster", marks=pytest.mark.stack)])
def settings(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """A home that eight processes wrote to at once, without anybody preparing it."""
    home = tmp_path_factory.mktemp("concurrent")
    if request.param == "cluster":
        make_cluster_home(home)
    context = processes()
    start = context.Barrier(PROCESSES)
    workers = [context.Process(target=write, args=(home, writer, start)) for writer in range(1, PROCESSES + 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    settings = make_settings(home)
    yield settings
    if request.param == "cluster":
        remove_cluster_home(settings)


def test_every_commit_to_the_shared_table_lands_once(settings: Settings) -> None:
    with open_duckdb(settings=settings) as con:
        attach_branch(con, settings, "inbound")
        counts = con.execute("select writer, count(*) from gaj.shared group by 1 order by 1").fetchall()

    assert counts == [(0, 10), *((writer, 10 * BATCHES) for writer in range(1, PROCESSES + 1))]
    batches = [snapshot.batch_id for snapshot in history(settings, "gaj.shared", "inbound")]
    assert len(batches) == len(set(batches)) == PROCESSES * BATCHES + 1


def test_all_tables_publish_together_and_verify(settings: Settings) -> None:
    topic = open_branch(settings, "topic", takeover=True)
    branch = join_branch(settings, "inbound")

    assert len(publish(settings, branch).tables_changed) == PROCESSES + 1
    assert publish(settings, topic).tables_changed == []
    assert verify(settings).ok
