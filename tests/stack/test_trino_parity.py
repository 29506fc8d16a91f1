"""One sample city through both profiles: every published table is the same, row by row and type by type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from few_deliveries import generate_small_city
from isolated_cluster import make_cluster_home, remove_cluster_home

from infra.cli.pipeline import department_systems
from lakehouse.branches import current_snapshot, publish_history
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import MAIN, SCRATCH_PREFIX
from lakehouse.connect.duck import attach_branch, open_duckdb, quote
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.nessie import Nessie
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import CATALOG_PREFIX, catalog_of, open_trino
from lakehouse.pipeline.report import RunReport
from lakehouse.pipeline.run import run_pipeline

pytestmark = pytest.mark.stack

PEOPLE = 300
MARTS = 22

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
def city(tmp_path_factory: pytest.TempPathFactory, test_seed: int) -> Path:
    place = tmp_path_factory.mktemp("parity") / "city"
    generate_small_city(place, seed=test_seed, people=PEOPLE)
    return place


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, city: Path) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("embedded"))
    report = run(settings, city)
    assert report.published, report.reason
    return settings


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, city: Path) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("cluster")
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster")
    report = run(settings, city)
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


def test_run_with_nothing_new_publishes_nothing(cluster: Settings, city: Path) -> None:
    before, publishes = current_snapshot(cluster), len(publish_history(cluster))

    assert run(cluster, city).tables_changed == 0

    assert current_snapshot(cluster) == before
    assert len(publish_history(cluster)) == publishes


def test_nothing_of_a_build_is_left_but_its_marts(cluster: Settings) -> None:
    servers = cluster_settings(cluster)
    on_main = Nessie(servers.nessie_uri).entries(servers.main_reference).tables
    with open_trino(cluster) as con:
        catalogs = {name for (name,) in con.execute("show catalogs").fetchall()}

    assert [name for name in on_main if name.startswith(SCRATCH_PREFIX)] == []
    ours = catalog_of(servers.reference_prefix)
    assert [name for name in catalogs if name.startswith(CATALOG_PREFIX) and name.startswith(ours)] == []
