"""The dbt project in Trino: it builds a city that has delivered nothing, its unit tests hold, and what is wrong blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home

from catalog.contract.load import CATALOG_ROOT
from lakehouse.branches import Branch, diverged, drop_branch, open_branch
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import branch_catalog, open_trino
from lakehouse.pipeline.building import schemas_of
from lakehouse.pipeline.dbt_process import DbtResult, read_manifest, run_command
from lakehouse.pipeline.inputs import Inputs, load_inputs
from lakehouse.pipeline.ops_tables import QUALITY, ops_columns
from lakehouse.pipeline.transform import build_path
from lakehouse.pipeline.trino_build import OnTrino
from lakehouse.tables import replace_with_query

pytestmark = pytest.mark.stack

MODELS = len(list(Path("dbt_project/models").rglob("*.sql")))
MARTS = 22
ID = "330102195001019018"
APPROVED, WITHDRAWN = "swj.invoice", "wjw.death"


@dataclass
class Work:
    """A branch in Trino, and how the build of everything on it went."""

    settings: Settings
    place: OnTrino
    inputs: Inputs
    result: DbtResult
    changed: list[str]  # what the build changed on the branch

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_trino(self.settings, self.place.catalog) as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def settings(
    tmp_path_factory: pytest.TempPathFactory, parsed_cluster_home: Callable[[Path], Path]
) -> Iterator[Settings]:
    home = parsed_cluster_home(tmp_path_factory.mktemp("dbt"))
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=1, memory_limit="300MB")
    yield settings
    remove_cluster_home(settings)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """What the project knows, and in the catalogue one resource more that was approved, and one that was withdrawn."""
    catalogued = tmp_path_factory.mktemp("catalogued")
    for origin, key, change, to in (
        ("swj.tax_payment", APPROVED, "tax_payment", "invoice"),
        (WITHDRAWN, WITHDRAWN, "active", "retired"),
    ):
        before, after = (Path(*name.split(".")).with_suffix(".odcs.yaml") for name in (origin, key))
        text = (CATALOG_ROOT / "contracts" / before).read_text(encoding="utf-8")
        (catalogued / after).parent.mkdir()
        (catalogued / after).write_text(text.replace(change, to), encoding="utf-8")
    return load_inputs(checked=False, approved=catalogued)


@pytest.fixture(scope="module")
def built(settings: Settings, inputs: Inputs) -> Iterator[Work]:
    branch = open_branch(settings, "nothing_delivered")
    put(settings, branch, APPROVED, inputs, rows=3, paid_on="date '2026-06-29'")
    with branch_catalog(settings, branch.catalog_name) as catalog:
        place = OnTrino(settings, branch, catalog)
        result = place.build(inputs, None)
        place.commit(None)
        changed = [name for name in diverged(settings, branch.name) if name != APPROVED]
        yield Work(settings, place, inputs, result, changed)


@pytest.fixture
def other(settings: Settings, built: Work) -> Iterator[tuple[Branch, OnTrino]]:
    branch = open_branch(settings, "delivered_wrong")
    with branch_catalog(settings, branch.catalog_name) as catalog:
        yield branch, OnTrino(settings, branch, catalog)
    drop_branch(settings, branch)


def put(settings: Settings, branch: Branch, identifier: str, inputs: Inputs, rows: int = 1, **columns: str) -> None:
    """Let a resource have rows; columns not named are null and of the contract's type."""
    contract = inputs.contracts[identifier]
    types = {p.name: p.physical_type for p in contract.properties} | {"_batch_id": "varchar", "_row": "bigint"}
    selected = ", ".join(columns.get(name, f"null::{kind}") + f' as "{name}"' for name, kind in types.items())
    with open_duckdb(settings=settings) as con:
        catalog = open_catalog(settings, branch.catalog_name)
        replace_with_query(con, catalog, identifier, f"select {selected} from range({rows})")


def test_everything_builds_where_nothing_was_delivered_that_models_read(built: Work) -> None:
    assert built.result.failures == []
    assert built.result.models == MODELS
    assert built.rows("select count(*), count_if(status = '未供') from catalogue.supply_status") == [(30, 29)]
    assert built.rows("select count(*) from population.dim_person") == [(0,)]


def test_what_was_approved_in_the_catalogue_is_counted_and_what_was_withdrawn_reads_as_empty(built: Work) -> None:
    told = "select resource_key, row_count, cast(newest_on as varchar), status from catalogue.supply_status"
    found = {row[0]: tuple(row[1:]) for row in built.rows(told)}

    assert found[APPROVED] == (3, "2026-06-29", "按时")
    assert found.keys() == built.inputs.contracts.keys()
    assert WITHDRAWN not in found


def test_unit_tests_of_the_models_pass(built: Work) -> None:
    """The rows of a test stand for a table's, and dbt asks that table for its columns: so there must be one."""
    columns = ", ".join(f'null::{kind} as "{name}"' for name, kind in ops_columns(QUALITY).items())
    with open_duckdb(settings=built.settings) as con:
        catalog = open_catalog(built.settings, built.place.branch.catalog_name)
        replace_with_query(con, catalog, QUALITY, f"select {columns}")
    database = build_path(built.settings, built.place.branch)

    done = run_command(
        built.settings,
        database,
        ["test", "--select", "test_type:unit"],
        trino=built.place.environment(built.inputs),
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"PASS=(\d+)", done.stdout)[1]) >= 12  # type: ignore[index]


def test_only_marts_count_as_changed(built: Work) -> None:
    assert len(built.changed) == MARTS
    assert {name.partition(".")[0] for name in built.changed} == set(schemas_of(built.inputs, None))


def test_the_project_is_parsed_once_for_all_branches_and_is_in_the_catalog_of_each(
    built: Work, other: tuple[Branch, OnTrino]
) -> None:
    branch, place = other
    database = build_path(built.settings, branch)
    database.parent.mkdir(parents=True, exist_ok=True)

    done = run_command(
        built.settings,
        database,
        ["compile", "--select", "dim_person"],
        trino=place.environment(built.inputs),
    )

    assert done.returncode == 0, done.stdout
    assert "partial parsing" not in done.stdout, "it said that it could not use what was parsed before"
    manifest = read_manifest(database)
    parts = [*manifest["nodes"].values(), *manifest["sources"].values()]
    assert {node["database"] for node in parts} == {place.catalog}
    names = [node["relation_name"] for node in parts if node.get("relation_name")]
    assert names
    assert all(name.startswith(f'"{place.catalog}".') for name in names)


def test_lineage_and_docs_name_schemas_as_readers_know_them(built: Work) -> None:
    [(upstream,)] = built.rows(
        "select upstream from catalogue.lineage_edge where downstream = 'population.dim_person'"
        " and upstream like '%stg_gaj__resident'"
    )

    assert upstream == "staging.stg_gaj__resident"
    assert built.rows("select count(*) from catalogue.lineage_column where upstream like 'scratch%'") == [(0,)]


def test_key_delivered_twice_and_a_changed_type_block_with_reasons(built: Work, other: tuple[Branch, OnTrino]) -> None:
    branch, place = other
    put(built.settings, branch, "gaj.resident", built.inputs, rows=2, resident_id=f"'{ID}'")
    put(built.settings, branch, "gaj.household", built.inputs, household_id="'H1'", member_count="'3'::varchar")

    result = place.build(built.inputs, "population")

    assert not result.ok
    assert any("primary_key_stg_gaj__resident" in line and "1 行不符" in line for line in result.failures)
    assert any("stg_gaj__household" in line and "member_count" in line for line in result.failures)


def test_secrets_are_in_no_file_of_a_build(built: Work) -> None:
    cluster = cluster_settings(built.settings)
    secret = cluster.trino_password.get_secret_value()
    assert secret
    folder = build_path(built.settings, built.place.branch).parent

    written = [path for path in folder.rglob("*") if path.is_file()]

    assert [path.name for path in written if secret.encode() in path.read_bytes()] == []
    assert written
