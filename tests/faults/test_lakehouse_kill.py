"""kill -9 at every named fault point, then a plain re-run: the rows of an undisturbed run, none twice.

The same tests must fail when the guard that they prove is off; otherwise they would prove nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import killed_at
from isolated_cluster import make_cluster_home, remove_cluster_home

from lakehouse.branches import Branch, current_snapshot, join_branch, open_branch, publish, publish_history
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import Connection, attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, merge_rows, replace_with_query, verify, write_files

pytestmark = pytest.mark.faults

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "id", "type": "long", "required": True},
        {"id": 2, "name": "name", "type": "string", "required": False},
        {"id": 3, "name": "_batch_id", "type": "string", "required": True},
        {"id": 4, "name": "_row", "type": "long", "required": True},
    ],
}
TABLES = ("gaj.event", "gaj.person", "population.person_count")


def run_pipeline(settings: Settings) -> None:
    """Do what a pipeline run does: take the branch, load, derive, publish. Safe to run again at any time."""
    branch = open_branch(settings, "run", takeover=True)
    con = open_duckdb(settings=settings)
    load(settings, branch, con)
    attach_branch(con, settings, branch.name)
    catalog = open_catalog(settings, branch.catalog_name)
    replace_with_query(con, catalog, "population.person_count", "select name, count(*) as n from gaj.person group by 1")
    publish(settings, branch)


def load(settings: Settings, branch: Branch, con: Connection) -> None:
    """Append three batches of events; upsert two batches of persons."""
    catalog = open_catalog(settings, branch.catalog_name)
    events = ensure_table(catalog, "gaj.event", SCHEMA)
    for number in range(3):
        files = write_files(con, events, rows_sql(number * 10, number * 10 + 10, "event", f"e{number}"))
        append_files(events, files, batch_id=f"gaj.event:{number}")
    persons = ensure_table(catalog, "gaj.person", SCHEMA)
    for number in range(2):
        staged = settings.root / f"staged-{os.getpid()}-{number}.parquet"
        con.execute(f"copy ({rows_sql(number * 5, number * 5 + 10, f'p{number}', f'p{number}')}) to '{staged}'")
        merge_rows(con, persons, staged, key=["id"], version=None, batch_id=f"gaj.person:{number}")
        staged.unlink()


def rows_sql(first: int, last: int, name: str, batch: str) -> str:
    return f"select i as id, '{name}' as name, '{batch}' as _batch_id, i + 1 as _row from range({first}, {last}) r(i)"


def run_killed_at(home: Path, fault: str, skip_guard: str = "") -> None:
    """Run the pipeline in a process of its own that is killed at the fault point."""
    killed_at(fault, run_in, home, skip_guard=skip_guard)


def run_in(home: Path) -> None:
    run_pipeline(make_settings(home))


def shown(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows that a reader of main sees."""
    with open_duckdb(settings=settings) as con:
        present = attach_branch(con, settings)
        return {
            name: con.execute(f"select * from {name} order by all").fetchall() for name in TABLES if name in present
        }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    settings = make_settings(tmp_path_factory.mktemp("undisturbed"))
    run_pipeline(settings)
    return shown(settings)


def make_settings(home: Path) -> Settings:
    profile = "cluster" if (home / "cluster.json").exists() else "embedded"
    return Settings(home=home, profile=profile, threads=1, memory_limit="300MB")


@pytest.fixture
def cluster_place(tmp_path: Path) -> Iterator[Path]:
    make_cluster_home(tmp_path)
    yield tmp_path
    remove_cluster_home(make_settings(tmp_path))


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.stack)])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A home of either profile."""
    return tmp_path if request.param == "embedded" else request.getfixturevalue("cluster_place")


# Three appends, two merges and one derived table commit; tables are created before their first commit.
@pytest.mark.parametrize(
    "fault",
    [
        "after-data-files",
        "after-data-files:4",
        "after-data-files:6",
        "after-metadata",
        "after-metadata:2",
        "after-metadata:6",
        "after-metadata:9",
        "after-commit",
        "after-commit:3",
        "after-commit:5",
        "after-commit:6",
        "in-publish",
        "after-publish",
    ],
)
def test_rerun_after_a_kill_gives_the_rows_of_an_undisturbed_run(
    place: Path, fault: str, undisturbed: dict[str, list[tuple[Any, ...]]]
) -> None:
    settings = make_settings(place)
    run_killed_at(place, fault)
    seen_by_readers = shown(settings)
    assert seen_by_readers in ({}, undisturbed), "readers see nothing or everything"
    assert bool(seen_by_readers) == (fault == "after-publish")

    run_pipeline(settings)

    assert shown(settings) == undisturbed
    assert verify(settings).ok


@pytest.mark.stack
def test_publish_killed_between_the_stores_is_in_the_log_at_the_next_door(
    cluster_place: Path, undisturbed: dict[str, list[tuple[Any, ...]]]
) -> None:
    run_killed_at(cluster_place, "between-stores")
    settings = make_settings(cluster_place)
    assert shown(settings) == undisturbed, "Nessie's commit is the publish"

    branch = open_branch(settings, "next")

    assert [entry.branch for entry in publish_history(settings)] == ["run"]
    assert current_snapshot(settings) == publish_history(settings)[0].snapshot
    assert publish(settings, branch).tables_changed == []
    run_pipeline(settings)
    assert len(publish_history(settings)) == 1
    assert shown(settings) == undisturbed


@pytest.mark.stack
def test_without_the_intent_guard_the_log_never_hears_of_that_publish(
    cluster_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    run_killed_at(cluster_place, "between-stores")
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "intent")
    settings = make_settings(cluster_place)

    open_branch(settings, "next")

    assert publish_history(settings) == []


def test_several_kills_in_a_row_still_end_in_the_same_rows(
    place: Path, undisturbed: dict[str, list[tuple[Any, ...]]]
) -> None:
    for fault in ("after-commit", "after-data-files:2", "after-commit:2", "in-publish"):
        run_killed_at(place, fault)
    settings = make_settings(place)

    run_pipeline(settings)

    assert shown(settings) == undisturbed
    assert len(publish_history(settings)) == 1


def test_rerun_of_a_finished_run_commits_nothing(place: Path) -> None:
    settings = make_settings(place)
    run_pipeline(settings)
    before = branch_pointers(settings)

    run_pipeline(settings)

    assert branch_pointers(settings) == before
    assert len(publish_history(settings)) == 1


def test_without_the_batch_guard_rows_come_twice(
    place: Path, undisturbed: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the kill after a commit is what the batch id is for."""
    run_killed_at(place, "after-commit", skip_guard="batch-id")
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "batch-id")
    settings = make_settings(place)

    run_pipeline(settings)

    assert len(shown(settings)["gaj.event"]) > len(undisturbed["gaj.event"])


def test_without_the_publish_transaction_readers_see_half_a_publish(
    place: Path, undisturbed: dict[str, list[tuple[Any, ...]]]
) -> None:
    """Negative control: the kill in the middle of a publish is what the transaction is for."""
    run_killed_at(place, "in-publish", skip_guard="publish-transaction")

    assert shown(make_settings(place)) not in ({}, undisturbed)


def test_without_the_fencing_guard_a_late_writer_changes_what_its_successor_publishes(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a writer that was taken over and woke up again is what the token is for."""
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "fencing")
    settings = make_settings(place)
    late = open_branch(settings, "run")
    successor = open_branch(settings, "run", takeover=True)
    con = open_duckdb(settings=settings)

    load(settings, late, con)

    assert publish(settings, successor).tables_changed == ["gaj.event", "gaj.person"]


def test_killed_writer_of_a_shared_branch_does_not_lock_the_others_out(place: Path) -> None:
    settings = make_settings(place)
    run_killed_at(place, "after-commit:2")

    branch = join_branch(settings, "run")
    load(settings, branch, open_duckdb(settings=settings))

    assert publish(settings, branch).tables_changed == ["gaj.event", "gaj.person"]
