"""Real dbt builds on small hand-made resources: what passes is committed, what is wrong blocks and says why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.branches import Branch, drop_branch, open_branch
from lakehouse.connect.duck import Connection, attach_branch, literal, open_duckdb, quote
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.dbt_process import DbtResult, run_command
from lakehouse.pipeline.errors import PipelineError
from lakehouse.pipeline.inputs import Inputs, load_inputs
from lakehouse.pipeline.transform import (
    commit_models,
    input_fingerprint,
    prepare_build,
    run_dbt,
    write_dbt_docs,
)

pytestmark = pytest.mark.integration

MARTS = 22
DEAD, WIDOW, CHILD, MIGRANT = "330102195001019018", "330102195501019026", "330102201501019014", "420102199003039017"
RESIDENT = {"registration_status_code": "1", "division_code": "330102001001", "household_id": "H1", "sex_code": "1"}


@dataclass(frozen=True)
class Built:
    """A build of the handful of rows below."""

    settings: Settings
    branch: Branch
    database: Path
    result: DbtResult

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        con = open_duckdb(self.database, read_only=True, settings=self.settings)
        try:
            return con.execute(sql).fetchall()
        finally:
            con.close()


def insert(con: Connection, table: str, **values: str | int) -> None:
    """Insert a row; columns not named are null, text is read as the column's type."""
    names = ", ".join(quote(name) for name in values)
    texts = ", ".join(literal(str(value)) for value in values.values())
    con.execute(f"insert into {table} ({names}) select {texts}")


def fill(con: Connection) -> None:
    """A dead man still registered, his widow, a child out of school, a migrant, a firm with two names."""
    people = (
        (DEAD, "张　三", "1950-01-01", "20"),
        (WIDOW, "李四", "1955-01-01", "20"),
        (CHILD, "张五", "2015-01-01", "10"),
    )
    for resident_id, name, born, marital in people:
        insert(
            con,
            "gaj.resident",
            resident_id=resident_id,
            person_name=f" {name} ",
            birth_date=born,
            marital_status_code=marital,
            **RESIDENT,
        )
    insert(con, "gaj.household", household_id="H1", head_resident_id=DEAD, member_count=3, address_id="A1")
    insert(
        con,
        "gaj.residence_permit",
        permit_no="JZ1",
        resident_id=MIGRANT,
        person_name="王六",
        registered_on="2026-01-01",
    )
    insert(con, "wjw.death", certificate_no="D1", resident_id=DEAD, death_date="2026-03-01", issued_on="2026-03-02")
    couple = {"husband_resident_id": DEAD, "wife_resident_id": WIDOW}
    insert(con, "mzj.marriage", registration_no="J1", kind_code="1", registered_on="1980-01-01", **couple)
    insert(con, "scjg.enterprise", credit_code="E1", org_name="甲公司", status_code="1")
    insert(con, "swj.tax_registration", taxpayer_no="E1", taxpayer_name="甲有限公司", status_code="03")
    insert(con, "ops.ingest_outcome", resource="gaj.residence_permit", delivery="residence_permit_20260628_20260629101500.csv",
           status="accepted", received=4, accepted=3, quarantined=1, deduplicated=0)  # fmt: skip
    insert(con, "ops.ingest_outcome", resource="gaj.residence_permit", delivery="residence_permit_20260630_20260630101500.csv",
           status="failed", received=0, accepted=0, quarantined=0, deduplicated=0)  # fmt: skip


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return load_inputs(checked=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> Built:
    settings = Settings(home=tmp_path_factory.mktemp("transform"), threads=2, memory_limit="500MB")
    branch = open_branch(settings, "run")
    database = prepare_build(settings, branch, inputs)
    con = open_duckdb(database, settings=settings)
    fill(con)
    con.close()
    return Built(settings, branch, database, run_dbt(settings, branch, database))


@pytest.fixture
def fresh(built: Built, inputs: Inputs) -> Iterator[tuple[Branch, Path, Connection]]:
    """Another branch with an empty build database, open for a test to put its own rows in."""
    branch = open_branch(built.settings, "other")
    database = prepare_build(built.settings, branch, inputs)
    con = open_duckdb(database, settings=built.settings)
    yield branch, database, con
    con.close()
    drop_branch(built.settings, branch)


def test_build_makes_every_model_and_runs_every_test(built: Built) -> None:
    assert built.result.failures == []
    assert built.result.ok
    assert built.result.models == len(list(Path("dbt_project/models").rglob("*.sql")))
    assert built.result.tests >= built.result.models


def test_departments_that_answer_for_a_fact_outweigh_the_register(built: Built) -> None:
    sql = "select resident_id, person_kind, person_name, marital_status_code, vital_status from population.dim_person"

    assert set(built.rows(sql)) == {
        (DEAD, "户籍", "张 三", "20", "死亡"),
        (WIDOW, "户籍", "李四", "30", "正常"),
        (CHILD, "户籍", "张五", "10", "正常"),
        (MIGRANT, "流动", "王六", None, "正常"),
    }


def test_migrant_has_sex_and_birth_date_from_the_resident_id(built: Built) -> None:
    sql = "select sex_code, cast(birth_date as varchar) from population.dim_person where person_kind = '流动'"

    assert built.rows(sql) == [("1", "1990-03-03")]


def test_contradictions_and_blind_spots_are_found_and_nothing_else(built: Built) -> None:
    conflicts = built.rows("select rule, entity_key, asserting_dept from governance.fact_conflict")
    missing = built.rows("select rule, entity_key, missing_in_dept from governance.missing_entity")

    assert set(conflicts) == {("deceased_but_active", DEAD, "gaj"), ("enterprise_name_differs", "E1", "swj")}
    assert missing == [("school_age_not_enrolled", CHILD, "jyj")]


def test_refused_delivery_does_not_make_the_supply_newer(built: Built) -> None:
    sql = "select cast(newest_on as varchar), failed_count, status from catalogue.supply_status where resource_key = "

    assert built.rows(sql + "'gaj.residence_permit'") == [("2026-06-28", 1, "按时")]
    assert built.rows(sql + "'jyj.school'") == [(None, 0, "未供")]


def test_quarantined_rows_lower_the_quality_score(built: Built) -> None:
    sql = "select dimension, score from catalogue.quality_score where resource_key = 'gaj.residence_permit'"

    assert {name: float(score) for name, score in built.rows(sql)} == {"准确性": 75.0, "总分": 75.0}


def test_lineage_reaches_from_the_delivered_column_to_the_mart(built: Built) -> None:
    sql = """
        with recursive origin as (
            select upstream, upstream_column from catalogue.lineage_column
            where downstream = 'livelihood.person_livelihood' and downstream_column = 'owned_area'
            union
            select edge.upstream, edge.upstream_column from catalogue.lineage_column as edge
            inner join origin
                on edge.downstream = origin.upstream and edge.downstream_column = origin.upstream_column
        )
        select upstream || '.' || upstream_column from origin where upstream not like 'staging.%'
    """

    delivered = {name for (name,) in built.rows(sql) if not name.startswith("intermediate.")}

    assert delivered == {"zjj.house.floor_area", "zrzy.real_estate.share_ratio"}


def test_every_mart_of_data_has_column_and_table_lineage(built: Built) -> None:
    sql = "select distinct downstream from catalogue.{}"
    marts = {f"{schema}.{table}" for schema, table in built.rows(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        " and table_schema in ('population', 'legal_person', 'livelihood', 'city_operation', 'economy', 'governance')"
    )}  # fmt: skip

    assert marts
    assert marts <= {name for (name,) in built.rows(sql.format("lineage_column"))}
    assert marts <= {name for (name,) in built.rows(sql.format("lineage_edge"))}


def test_marts_are_committed_once_and_not_again_when_nothing_changed(built: Built) -> None:
    first = commit_models(built.settings, built.branch, built.database)
    second = commit_models(built.settings, built.branch, built.database)

    assert len(first) == MARTS
    assert second == []
    con = open_duckdb(settings=built.settings)
    assert set(first) <= set(attach_branch(con, built.settings, built.branch.name))
    assert con.execute("select count(*) from population.dim_person").fetchone() == (4,)
    con.close()


def test_unit_tests_of_the_models_pass(built: Built) -> None:
    done = run_command(built.settings, built.database, ["test", "--select", "test_type:unit"])

    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"PASS=(\d+)", done.stdout)[1]) >= 12  # type: ignore[index]


def test_documentation_is_one_page_that_needs_no_network(built: Built) -> None:
    page = write_dbt_docs(built.settings, built.branch)
    text = page.read_text(encoding="utf-8")

    assert page == built.settings.docs / "dbt" / "index.html"
    assert json.dumps("人口库")[1:-1] in text
    assert '"send_anonymous_usage_stats": false' in text  # so the page's tracker is never started
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="?(?:https?:)?//[^">]+', text) == []


def test_documentation_without_a_build_says_what_is_wrong(built: Built) -> None:
    with pytest.raises(PipelineError, match="branch unbuilt has no build"):
        write_dbt_docs(built.settings, open_branch(built.settings, "unbuilt"))


def test_key_delivered_twice_and_a_changed_type_block_with_reasons(
    built: Built, fresh: tuple[Branch, Path, Connection]
) -> None:
    branch, database, con = fresh
    for _ in range(2):
        insert(con, "gaj.resident", resident_id=DEAD, person_name="张三", birth_date="1950-01-01", **RESIDENT)
    con.execute("alter table gaj.household alter column member_count type varchar")
    con.close()

    result = run_dbt(built.settings, branch, database, topic="population")

    assert not result.ok
    assert any("primary_key_stg_gaj__resident" in line and "1 行不符" in line for line in result.failures)
    assert any("stg_gaj__household" in line and "member_count" in line for line in result.failures)
    assert not any("in macro" in line for line in result.failures)


def test_topic_without_models_builds_nothing_and_is_no_fault(
    built: Built, fresh: tuple[Branch, Path, Connection]
) -> None:
    branch, database, con = fresh
    con.close()

    result = run_dbt(built.settings, branch, database, topic="transport")

    assert (result.ok, result.models) == (True, 0)
    assert commit_models(built.settings, branch, database, topic="transport") == []


def test_models_read_a_withdrawn_resource_that_never_came_as_empty(built: Built, inputs: Inputs) -> None:
    kept = {key: contract for key, contract in inputs.contracts.items() if key != "wjw.death"}
    gone = {"wjw.death": inputs.contracts["wjw.death"]}
    branch = open_branch(built.settings, "withdrawn")
    database = prepare_build(built.settings, branch, replace(inputs, contracts=kept, withdrawn=gone))

    result = run_dbt(built.settings, branch, database, topic="catalogue")

    assert result.failures == []
    with open_duckdb(database, read_only=True, settings=built.settings) as con:
        told = con.execute("select count(*), count(*) filter (resource = 'death') from catalogue.catalogue_entry")
        assert told.fetchone() == (len(kept), 0)
        assert con.execute("select count(*) from staging.stg_wjw__death").fetchone() == (0,)
    drop_branch(built.settings, branch)


def test_topic_builds_and_commits_its_own_marts_only(built: Built, fresh: tuple[Branch, Path, Connection]) -> None:
    branch, database, con = fresh
    con.close()

    result = run_dbt(built.settings, branch, database, topic="economy")

    assert result.failures == []
    assert commit_models(built.settings, branch, database, topic="economy") == [
        "economy.enterprise_profile",
        "economy.project_progress",
    ]


def test_fingerprint_changes_with_contracts_and_tables_and_with_nothing_else(built: Built, inputs: Inputs) -> None:
    contracts = inputs.contracts
    key = "gaj.resident"
    other = {**contracts, key: contracts[key].model_copy(update={"version": "9.9.9"})}
    empty = open_branch(built.settings, "empty")

    def fingerprint(branch: Branch, given: Any, resources: list[str]) -> str:
        return input_fingerprint(built.settings, branch.name, given, resources)

    once = fingerprint(built.branch, contracts, [key, "population.dim_person"])
    assert fingerprint(built.branch, contracts, ["population.dim_person", key]) == once
    assert fingerprint(built.branch, other, [key, "population.dim_person"]) != once
    assert fingerprint(empty, contracts, [key, "population.dim_person"]) != once
