"""Tables that Trino wrote again: only those whose content is another count as changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home

from lakehouse.branches import diverged, drop_branch, open_branch, publish
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import TrinoConnection, TrinoError, branch_catalog, open_trino
from lakehouse.pipeline.cluster_marts import content_hashes, settle_marts
from lakehouse.tables.derived import CONTENT_HASH

pytestmark = pytest.mark.stack

ROWS = "(1, 'a', date '2026-01-01'), (2, 'b', null), (3, '', date '2026-01-03')"
SAME_ROWS = "(3, '', date '2026-01-03'), (2, 'b', null), (1, 'a', date '2026-01-01')"
SWAPPED = "(1, 'b', date '2026-01-01'), (2, 'a', null), (3, '', date '2026-01-03')"
NULL_FOR_EMPTY = "(1, 'a', date '2026-01-01'), (2, 'b', null), (3, null, date '2026-01-03')"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("marts")
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=1, memory_limit="300MB")
    branch = open_branch(settings, "first")
    names = ["population.same", "population.swapped", "population.retyped"]
    with branch_catalog(settings, branch.catalog_name) as catalog, open_trino(settings, catalog) as con:
        con.execute("create schema if not exists population")
        for name in names:
            build(con, name, ROWS)
        assert settle_marts(settings, branch, con, names) == sorted(names)
    publish(settings, branch)
    yield settings
    remove_cluster_home(settings)


def build(con: TrinoConnection, name: str, rows: str, number: str = "integer") -> None:
    con.execute(
        f"create or replace table {name} as select cast(n as {number}) as n, cast(t as varchar) as t, d"
        f" from (values {rows}) as v (n, t, d)"
    )


def test_content_decides_what_changed_and_not_that_it_was_written(settings: Settings, tmp_path: Path) -> None:
    branch = open_branch(settings, "second")
    with branch_catalog(settings, branch.catalog_name) as catalog, open_trino(settings, catalog) as con:
        build(con, "population.same", SAME_ROWS)
        build(con, "population.swapped", SWAPPED)
        build(con, "population.retyped", ROWS, number="bigint")
        build(con, "population.fresh", ROWS)
        built = ["population.fresh", "population.retyped", "population.same", "population.swapped"]

        changed = settle_marts(settings, branch, con, built)
        again = settle_marts(settings, branch, con, built)

    assert changed == again == ["population.fresh", "population.retyped", "population.swapped"]
    assert diverged(settings, branch.name) == changed
    tables = open_catalog(settings, branch.catalog_name)
    assert all(tables.load_table(name).properties[CONTENT_HASH] for name in built)
    drop_branch(settings, branch)


@pytest.mark.parametrize(("rows", "is_same"), [(SAME_ROWS, True), (SWAPPED, False), (NULL_FOR_EMPTY, False)])
def test_hash_knows_rows_apart_and_not_their_order(settings: Settings, rows: str, is_same: bool) -> None:
    branch = open_branch(settings, "hashes")
    with branch_catalog(settings, branch.catalog_name) as catalog, open_trino(settings, catalog) as con:
        build(con, "population.other", rows)
        columns = ["n", "t", "d"]
        hashes = content_hashes(con, {"population.same": columns, "population.other": columns})
    drop_branch(settings, branch)

    assert (hashes["population.same"] == hashes["population.other"]) is is_same


def test_catalog_of_a_branch_goes_when_the_work_fails(settings: Settings) -> None:
    branch = open_branch(settings, "failing")
    with pytest.raises(TrinoError), branch_catalog(settings, branch.catalog_name) as catalog:  # noqa: SIM117
        with open_trino(settings, catalog) as con:
            con.execute("select * from population.nowhere")
    with open_trino(settings) as con:
        assert (catalog,) not in con.execute("show catalogs").fetchall()
    drop_branch(settings, branch)


def test_catalog_that_a_killed_process_left_goes_with_its_branch(settings: Settings) -> None:
    branch = open_branch(settings, "killed")
    left = branch_catalog(settings, branch.catalog_name)
    catalog = left.__enter__()  # and never left, as when the process is killed
    drop_branch(settings, branch)
    other = open_branch(settings, "next")
    with branch_catalog(settings, other.catalog_name), open_trino(settings) as con:
        assert (catalog,) not in con.execute("show catalogs").fetchall()
    drop_branch(settings, other)
