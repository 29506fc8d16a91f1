"""The suite that a contract gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.derive.rules import row_rules
from catalog.derive.suite import TECHNICAL_COLUMNS, expectation_suite
from expectations.fused.compile import COMPILERS
from expectations.marts import DIMENSIONS, mart_suites

CONTRACTS = load_contracts()
VOCABULARY = load_vocabulary()
GB_T_36344 = {"规范性", "完整性", "准确性", "一致性", "时效性", "可访问性", "唯一性"}


def suite_of(contract: Contract) -> dict[str, Any]:
    return expectation_suite(contract, VOCABULARY)


def changed(contract: Contract, **update: Any) -> Contract:
    """Copy a contract with its first property changed."""
    table = contract.tables[0]
    first = table.properties[0].model_copy(update=update)
    properties = [first, *table.properties[1:]]
    return contract.model_copy(update={"tables": [table.model_copy(update={"properties": properties})]})


@pytest.mark.parametrize("key", sorted(CONTRACTS))
def test_every_row_rule_but_the_types_is_stated_by_the_suite(key: str) -> None:
    suite = suite_of(CONTRACTS[key])
    stated = {entry["meta"]["rule"] for entry in suite["expectations"]}
    wanted = {rule.id for rule in row_rules(CONTRACTS[key], VOCABULARY) if rule.check != "type"}
    paired = {f"{rule.column}.in_city" for rule in row_rules(CONTRACTS[key], VOCABULARY) if rule.check == "in_city"}
    missing = wanted - stated
    assert missing <= paired
    if paired:
        assert paired & stated, "one expectation speaks of both coordinates"


@pytest.mark.parametrize("key", sorted(CONTRACTS))
def test_a_suite_is_plain_json_and_says_dimension_source_and_severity(key: str) -> None:
    suite = suite_of(CONTRACTS[key])
    assert json.loads(json.dumps(suite)) == suite
    assert suite["name"] == key
    for entry in suite["expectations"]:
        assert entry["severity"] in {"critical", "warning"}
        assert entry["meta"]["dimension"] in GB_T_36344
        assert entry["meta"]["source"]
        assert entry["meta"]["notes"]


@pytest.mark.parametrize("key", sorted(CONTRACTS))
def test_every_derived_expectation_runs_in_the_fused_scan(key: str) -> None:
    assert {entry["type"] for entry in suite_of(CONTRACTS[key])["expectations"]} <= set(COMPILERS)


def test_references_warn_and_keys_block() -> None:
    by_rule = {entry["meta"]["rule"]: entry for entry in suite_of(CONTRACTS["mzj.marriage"])["expectations"]}
    assert {entry["severity"] for rule, entry in by_rule.items() if rule.endswith(".reference")} <= {"warning"}
    assert by_rule["key.duplicate"]["severity"] == "critical"


def test_a_compound_key_is_unique_together() -> None:
    entries = suite_of(CONTRACTS["sthj.device_reading"])["expectations"]
    [key] = [entry for entry in entries if entry["meta"]["rule"] == "key.duplicate"]
    assert key["type"] == "expect_compound_columns_to_be_unique"
    assert (
        key["kwargs"]["column_list"] == ["device_id", "metric_code", "measured_on"]
        or key["kwargs"]["column_list"] == CONTRACTS["sthj.device_reading"].primary_key
    )


def test_the_table_holds_the_columns_of_the_contract_and_where_each_row_came_from() -> None:
    contract = CONTRACTS["gaj.resident"]
    [columns] = [e for e in suite_of(contract)["expectations"] if e["type"] == "expect_table_columns_to_match_set"]
    assert columns["kwargs"]["column_set"] == [*(p.name for p in contract.properties), *TECHNICAL_COLUMNS]


def test_the_last_day_of_a_range_counts_as_a_whole() -> None:
    entries = suite_of(CONTRACTS["gaj.resident"])["expectations"]
    [bounds] = [entry["kwargs"] for entry in entries if entry["meta"]["rule"] == "updated_at.range"]
    assert bounds["max_value"] == "2036-01-01"
    assert bounds["strict_max"] is True


def test_one_changed_length_changes_one_expectation() -> None:
    contract = CONTRACTS["gaj.resident"]
    options = contract.properties[0].logical_type_options.model_copy(update={"max_length": 17})
    before = suite_of(contract)["expectations"]
    after = suite_of(changed(contract, logical_type_options=options))["expectations"]
    different = [new["meta"]["rule"] for old, new in zip(before, after, strict=True) if old != new]
    assert different == ["resident_id.length"]


def test_examples_of_personal_data_are_never_shown_whole() -> None:
    for contract in CONTRACTS.values():
        personal = {prop.name for prop in contract.properties if int(prop.classification) >= 2}
        for entry in suite_of(contract)["expectations"]:
            if entry["kwargs"].get("column") in personal:
                assert entry["meta"].get("mask"), (contract.key, entry["meta"]["rule"])


def test_mart_suites_are_complete_and_run_in_the_fused_scan() -> None:
    suites = mart_suites()
    names = {suite["name"] for suite in suites}
    assert {
        "population.dim_person",
        "legal_person.dim_legal_person",
        "livelihood.person_livelihood",
        "governance.fact_conflict",
        "catalogue.catalogue_entry",
        "catalogue.quality_score",
    } <= names
    for suite in suites:
        json.dumps(suite)
        for entry in suite["expectations"]:
            assert entry["type"] in COMPILERS
            assert entry["meta"]["dimension"] in GB_T_36344
            assert not {"code_list", "facts", "city_bounds"} & set(entry["kwargs"])
    assert set(DIMENSIONS.values()) <= GB_T_36344
