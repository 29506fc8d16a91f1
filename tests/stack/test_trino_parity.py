"""One sample city through both profiles: every published table is the same, row by row and type by type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home

from infra.cli.pipeline import department_systems
from lakehouse.branches import current_snapshot, drop_branch, open_branch, publish_history
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import MAIN, SCRATCH_PREFIX, branch_pointers
from lakehouse.connect.duck import attach_branch, open_duckdb, quote
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.nessie import Nessie
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import CATALOG_PREFIX, catalog_of, open_trino
from lakehouse.pipeline.ops_tables import OUTCOMES
from lakehouse.pipeline.report import RunReport
from lakehouse.pipeline.run import run_pipeline
from lakehouse.query import open_reader
from lakehouse.tables import verify

pytestmark = pytest.mark.stack

MARTS = 22
ROWS = 10_000

Columns = list[tuple[str, str]]  # name and Iceberg type
Content = tuple[Columns, list[str]]


def run(settings: Settings, city: Path) -> RunReport:
    with department_systems(city) as systems:
        return run_pipeline(settings, systems)


def published(settings: Settings) -> dict[str, Content]:
    """Return the columns and the sorted rows of every table on ``main``."""
    catalog = open_catalog(settings, MAIN)
    con = open_duckdb(settings=settings)
    try:
        return {
            name: (
                [(field.name, str(field.field_type)) for field in catalog.load_table(name).schema().fields],
                sorted(map(repr, con.execute(f"select * from {'.'.join(map(quote, name.split('.')))}").fetchall())),
            )
            for name in attach_branch(con, settings, extra_views=False)
        }
    finally:
        con.close()


def differences(one: dict[str, Content], other: dict[str, Content]) -> list[str]:
    found = [f"{name} is in one of them only" for name in sorted(one.keys() ^ other.keys())]
    for name in sorted(one.keys() & other.keys()):
        (columns, rows), (other_columns, other_rows) = one[name], other[name]
        found += [f"{name}: {a} is {b}" for a, b in zip(columns, other_columns, strict=False) if a != b]
        found += [f"{name}: {row}" for row in sorted(set(rows) ^ set(other_rows))[:3]]
        if len(rows) != len(other_rows):
            found.append(f"{name}: {len(rows)} rows are {len(other_rows)}")
    return found


@pytest.fixture(scope="module")
def embedded(small_home: Path) -> Settings:
    return Settings(home=small_home)


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, small_city: Path, parsed_cluster_home: Callable[[Path], Path]
) -> Iterator[Settings]:
    home = parsed_cluster_home(tmp_path_factory.mktemp("cluster"))
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster")
    report = run(settings, small_city)
    assert report.published, report.reason
    yield settings
    remove_cluster_home(settings)


def test_every_published_table_is_the_same_on_both_profiles(embedded: Settings, cluster: Settings) -> None:
    one, other = published(embedded), published(cluster)

    assert differences(one, other) == []
    assert sum(bool(rows) for _, rows in one.values()) > MARTS


@pytest.mark.parametrize("change", ["row", "type", "table"])
def test_the_comparison_would_notice(embedded: Settings, change: str) -> None:
    one = published(embedded)
    other = dict(one)
    columns, rows = other["population.dim_person"]
    if change == "row":
        other["population.dim_person"] = (columns, [*rows[1:], rows[1]])
    elif change == "type":
        other["population.dim_person"] = ([(columns[0][0], "long"), *columns[1:]], rows)
    else:
        del other["population.dim_person"]

    assert differences(one, other) != []


def test_run_with_nothing_new_publishes_nothing(cluster: Settings, small_city: Path) -> None:
    before, publishes = (current_snapshot(cluster), branch_pointers(cluster)), len(publish_history(cluster))

    assert run(cluster, small_city).tables_changed == 0

    assert (current_snapshot(cluster), branch_pointers(cluster)) == before
    assert len(publish_history(cluster)) == publishes


def test_what_was_published_verifies_to_the_last_page(cluster: Settings) -> None:
    report = verify(cluster, deep=True)

    assert report.ok, report.faults
    assert report.rows > ROWS


def test_reader_answers_the_same(embedded: Settings, cluster: Settings) -> None:
    sql = f"select status, count(*), sum(received) from {OUTCOMES} group by 1 order by 1"
    with open_reader(embedded) as one, open_reader(cluster) as other:
        assert one.arrow(sql).to_pylist() == other.arrow(sql).to_pylist()
        assert one.tables() == other.tables()


def test_a_run_branch_starts_from_what_was_published(cluster: Settings) -> None:
    branch = open_branch(cluster, "look")
    try:
        assert branch_pointers(cluster, branch.name) == branch_pointers(cluster)
    finally:
        drop_branch(cluster, branch)


def test_nothing_of_a_build_is_left_but_its_marts(cluster: Settings) -> None:
    servers = cluster_settings(cluster)
    on_main = Nessie(servers.nessie_uri).entries(servers.main_reference).tables
    with open_trino(cluster) as con:
        catalogs = {name for (name,) in con.execute("show catalogs").fetchall()}

    assert [name for name in on_main if name.startswith(SCRATCH_PREFIX)] == []
    ours = catalog_of(servers.reference_prefix)
    assert [name for name in catalogs if name.startswith(CATALOG_PREFIX) and name.startswith(ours)] == []
