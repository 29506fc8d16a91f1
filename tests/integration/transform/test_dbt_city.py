"""What the marts say about a whole sample city, against the truth that was planted in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.connect.settings import Settings
from lakehouse.query import Reader, open_reader

pytestmark = pytest.mark.integration

Finding = tuple[str, str, str, str]  # dept, resource, key, rule


@pytest.fixture(scope="module")
def reader(published_home: Path) -> Iterator[Reader]:
    with open_reader(Settings(home=published_home)) as opened:
        yield opened


def planted(city: Path, kind: str) -> set[Finding]:
    lines = (city / "truth" / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()
    return {(row["dept"], row["resource"], row["key"], row["rule"]) for row in map(json.loads, lines)}


def found(reader: Reader, sql: str) -> set[Finding]:
    return {tuple(row.values()) for row in reader.arrow(sql).to_pylist()}  # type: ignore[misc]


def test_conflicts_are_the_planted_ones_and_no_others(reader: Reader, sample_city: Path) -> None:
    sql = "select authority_dept, authority_resource, entity_key, rule from governance.fact_conflict"
    truth = planted(sample_city, "contradicting_fact")

    assert truth
    assert found(reader, sql) == truth


def test_blind_spots_are_the_planted_ones_and_no_others(reader: Reader, sample_city: Path) -> None:
    truth = planted(sample_city, "missing_entity")

    assert truth
    assert found(reader, "select dept, resource, entity_key, rule from governance.missing_entity") == truth


@pytest.mark.parametrize(
    ("mart", "resource"),
    [
        ("population.dim_person where person_kind = '户籍'", "gaj.resident"),
        ("population.dim_household", "gaj.household"),
        ("legal_person.dim_legal_person", "scjg.enterprise"),
        ("city_operation.dim_address", "zrzy.address"),
        ("city_operation.component_health", "cgj.component"),
        ("economy.project_progress", "fgw.investment_project"),
        ("livelihood.school_capacity", "jyj.school"),
    ],
)
def test_mart_has_one_row_for_each_of_its_master(reader: Reader, mart: str, resource: str) -> None:
    sql = f"select (select count(*) from {mart}) as mart, (select count(*) from {resource}) as master"

    counts = reader.arrow(sql).to_pylist()[0]

    assert counts["mart"] == counts["master"] > 0


def test_one_file_a_person_draws_on_every_department(reader: Reader) -> None:
    sql = """
        select
            count(*) as persons,
            count(allowance_certificate_no) as civil_affairs,
            sum(case when active_insurance_count > 0 then 1 else 0 end) as social_insurance,
            sum(case when has_medical_insurance then 1 else 0 end) as medical_insurance,
            count(school_id) as education,
            sum(case when owned_area > 0 then 1 else 0 end) as land_and_housing
        from livelihood.person_livelihood
    """

    assert all(reader.arrow(sql).to_pylist()[0].values())


def test_every_resource_has_an_entry_a_supply_and_a_score(reader: Reader) -> None:
    sql = """
        select
            (select count(*) from catalogue.catalogue_entry) as entries,
            (select count(*) from catalogue.supply_status) as supplies,
            (select count(*) from catalogue.quality_score where dimension = '总分') as scores,
            (select count(*) from catalogue.quality_score where score not between 0 and 100) as impossible
    """

    assert reader.arrow(sql).to_pylist() == [{"entries": 30, "supplies": 30, "scores": 30, "impossible": 0}]
