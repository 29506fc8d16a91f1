"""The dbt project says what the contracts and the vocabulary say, and nothing in it asks the clock."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from catalog.contract.load import load_contracts, load_vocabulary, read_yaml
from lakehouse.pipeline.ops_tables import OUTCOMES, QUALITY, ops_columns
from lakehouse.pipeline.topics import PROJECT

CONTRACTS = load_contracts()
FACTS = load_vocabulary().facts
MODELS = PROJECT / "models"
SQL_FILES = sorted(MODELS.rglob("*.sql"))
CLOCK = re.compile(
    r"\b(current_date|current_timestamp|localtimestamp|now\s*\(|today\s*\(|run_started_at)", re.IGNORECASE
)
# Spellings that only DuckDB has; models go through the macros in engine.sql instead.
DUCKDB_ONLY = re.compile(
    r"\b(date_diff|date_trunc|strptime|list_\w+|struct_pack|read_\w+|exclude|qualify|ilike)\b|::|//", re.I
)


@cache
def described() -> dict[str, dict[str, Any]]:
    """Return every model that some properties file describes, by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in MODELS.rglob("*.yml"):
        for model in read_yaml(path).get("models", []):
            assert model["name"] not in found, f"{model['name']} is described twice"
            found[model["name"]] = model
    return found


def column_type_of(physical_type: str) -> str:
    """Iceberg strings have no length, so neither have the columns of staging; its timestamps have microseconds."""
    if physical_type == "timestamp":
        return "timestamp(6)"
    return "varchar" if physical_type.startswith("varchar") else physical_type


@pytest.mark.parametrize("key", sorted(CONTRACTS))
def test_staging_model_describes_what_its_contract_says(key: str) -> None:
    contract = CONTRACTS[key]
    model = described()[f"stg_{contract.dept}__{contract.resource}"]
    wanted = [(p.name, column_type_of(p.physical_type), p.business_name) for p in contract.properties]

    columns = [(c["name"], c["data_type"], c["config"]["meta"]["business_name"]) for c in model["columns"]]

    assert columns == [*wanted, ("batch_id", "varchar", "批次号")]
    assert model["config"]["contract"]["enforced"]
    assert model["data_tests"] == [{"primary_key": {"arguments": {"columns": contract.primary_key}}}]


def test_every_resource_has_one_staging_model_and_no_other_exists() -> None:
    wanted = {f"stg_{contract.dept}__{contract.resource}" for contract in CONTRACTS.values()}

    assert {path.stem for path in (MODELS / "staging").rglob("*.sql")} == wanted


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_model_is_described_named_in_chinese_and_has_a_tested_key(path: Path) -> None:
    model = described()[path.stem]

    assert model["description"]
    assert re.search(r"[一-鿿]", model["config"]["meta"]["business_name"])
    assert any("primary_key" in test for test in model["data_tests"])


@pytest.mark.parametrize("path", [p for p in SQL_FILES if "marts" in p.parts], ids=lambda path: path.stem)
def test_mart_keeps_an_enforced_contract_with_every_column_explained(path: Path) -> None:
    model = described()[path.stem]

    assert model["config"]["contract"]["enforced"]
    assert all(c["description"] and c["data_type"] and c["config"]["meta"]["business_name"] for c in model["columns"])


def test_mart_folders_are_the_topics_and_what_looks_across_them() -> None:
    folders = {path.parent.name for path in SQL_FILES if "marts" in path.parts}

    assert folders == {*load_vocabulary().categories.topics, "governance", "catalogue"}


def test_fact_conflict_decides_exactly_the_facts_of_the_vocabulary() -> None:
    sql = (MODELS / "marts/governance/fact_conflict.sql").read_text(encoding="utf-8")

    assert set(re.findall(r"'(\w+)' as fact,", sql)) == set(FACTS)


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_fact_conflict_asks_everyone_who_asserts_a_fact(fact: str) -> None:
    sql = (MODELS / "marts/governance/fact_conflict.sql").read_text(encoding="utf-8")
    asked = re.findall(r"'(\w+)' as fact,\s+'(\w+)' as asserting_dept,\s+'(\w+)' as asserting_resource", sql)
    others = {a.rsplit(".", 1)[0] for a in FACTS[fact].assertions} - {FACTS[fact].authority}

    assert {f"{dept}.{resource}" for name, dept, resource in asked if name == fact} == others


@pytest.mark.parametrize("pattern", [CLOCK, DUCKDB_ONLY], ids=["clock", "duckdb_only"])
def test_no_model_asks_the_clock_or_speaks_one_engines_dialect(pattern: re.Pattern[str]) -> None:
    faults = [path.name for path in SQL_FILES if pattern.search(path.read_text(encoding="utf-8"))]

    assert faults == []


@pytest.mark.parametrize(
    ("pattern", "sql"), [(CLOCK, "where d < current_date"), (CLOCK, "select now()"), (DUCKDB_ONLY, "select a::int")]
)
def test_the_patterns_would_notice(pattern: re.Pattern[str], sql: str) -> None:
    assert pattern.search(sql)


@pytest.mark.parametrize("identifier", [OUTCOMES, QUALITY])
def test_ops_sources_have_the_columns_that_the_pipeline_writes(identifier: str) -> None:
    source, _, table = identifier.partition(".")
    sources = {entry["name"]: entry for entry in read_yaml(MODELS / "sources.yml")["sources"]}
    described = next(entry for entry in sources[source]["tables"] if entry["name"] == table)

    assert {column["name"]: column["data_type"] for column in described["columns"]} == ops_columns(identifier)
