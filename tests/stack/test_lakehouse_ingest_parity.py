"""The sample city taken in on both profiles: every table equal row by row, and a second run commits nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home

from infra.cli.pipeline import department_systems
from lakehouse.branches import current_snapshot, join_branch, open_branch, publish
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.pipeline.ops_tables import OUTCOMES, record_outcomes
from lakehouse.pipeline.run import ingest_all
from lakehouse.query import open_reader
from lakehouse.tables import verify

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Cities:
    """The same city in two installations."""

    embedded: Settings
    cluster: Settings


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory, sample_city: Path) -> Iterator[Cities]:
    home = tmp_path_factory.mktemp("parity")
    make_cluster_home(home / "cluster")
    both = Cities(
        Settings(home=home / "embedded", threads=2),
        Settings(home=home / "cluster", profile="cluster", threads=2),
    )
    try:
        for settings in (both.embedded, both.cluster):
            take_in(settings, sample_city)
        yield both
    finally:
        remove_cluster_home(both.cluster)


def take_in(settings: Settings, city: Path) -> list[str]:
    """Ingest every resource onto the standing branch, publish it, and return which tables changed."""
    inputs = load_inputs()
    branch = join_branch(settings, "inbound")
    with department_systems(city) as systems:
        outcomes = ingest_all(settings, branch, inputs, list(inputs.contracts.values()), systems)
    record_outcomes(settings, branch, outcomes)
    return publish(settings, branch).tables_changed


def rows_by_table(settings: Settings) -> dict[str, str]:
    """Return of every table its columns with types, and a hash of all rows that does not depend on their order."""
    with open_duckdb(settings=settings) as con:
        found = {}
        for identifier in sorted(attach_branch(con, settings)):
            columns = con.execute(f"describe {identifier}").fetchall()
            rows = con.execute(
                f"select count(*), bit_xor(hash(t))::varchar, sum(hash(t))::varchar from {identifier} t"
            ).fetchone()
            found[identifier] = f"{columns} {rows}"
        return found


def test_every_table_is_equal_row_by_row_in_both_profiles(cities: Cities) -> None:
    embedded, cluster = rows_by_table(cities.embedded), rows_by_table(cities.cluster)

    assert embedded.keys() == cluster.keys()
    assert len(embedded) > 20
    assert {name for name in embedded if embedded[name] != cluster[name]} == set()


def test_taking_the_city_in_again_changes_nothing(cities: Cities, sample_city: Path) -> None:
    before, snapshot = branch_pointers(cities.cluster), current_snapshot(cities.cluster)

    take_in(cities.cluster, sample_city)

    assert branch_pointers(cities.cluster) == before
    assert current_snapshot(cities.cluster) == snapshot


def test_what_was_published_verifies_to_the_last_page(cities: Cities) -> None:
    report = verify(cities.cluster, deep=True)

    assert report.ok, report.faults
    assert report.rows > 10_000


def test_reader_answers_the_same(cities: Cities) -> None:
    sql = f"select status, count(*), sum(received) from {OUTCOMES} group by 1 order by 1"
    with open_reader(cities.embedded) as one, open_reader(cities.cluster) as other:
        assert one.arrow(sql).to_pylist() == other.arrow(sql).to_pylist()
        assert one.tables() == other.tables()


def test_a_run_branch_starts_from_what_was_published(cities: Cities) -> None:
    branch = open_branch(cities.cluster, "look", takeover=True)

    assert branch_pointers(cities.cluster, branch.name) == branch_pointers(cities.cluster)
