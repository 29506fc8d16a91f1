"""Row rules come from the contract and the vocabulary alone, and every one of them has working SQL."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.rules import DIVISION_REFERENCE, ingest_order, row_rules
from catalog.derive.sql_predicates import predicate, quote


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts()


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create table division (division_code varchar, valid_until date)")
        yield connection


def rule_ids(contract: Contract, vocabulary: Vocabulary, column: str) -> list[str]:
    return [rule.id for rule in row_rules(contract, vocabulary) if rule.column == column]


def test_a_column_names_its_rules_in_the_order_in_which_a_row_breaks_them(
    contracts: dict[str, Contract], vocabulary: Vocabulary
) -> None:
    resident = contracts["gaj.resident"]
    assert rule_ids(resident, vocabulary, "resident_id") == [
        "resident_id.required",
        "resident_id.length",
        "resident_id.checksum",
    ]
    assert rule_ids(resident, vocabulary, "birth_date") == [
        "birth_date.required",
        "birth_date.type",
        "birth_date.range",
    ]
    assert rule_ids(resident, vocabulary, "phone") == ["phone.length", "phone.pattern"]
    assert rule_ids(resident, vocabulary, "division_code")[-1] == "division_code.division"


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        ("zjj.house", "longitude.in_city"),
        ("zjj.house", "floor_area.range"),
        ("zjj.construction_project", "planned_finish.order"),
        ("swj.tax_payment", "period.pattern"),
        ("swj.tax_payment", "taxpayer_no.checksum"),
        ("cgj.component", "owner_dept_code.pattern"),
        ("cgj.component", "is_working.type"),
        ("wjw.death", "cause_code.pattern"),
        ("gaj.vehicle", "vin.pattern"),
        ("dsjj.division", "division_code.pattern"),
    ],
)
def test_items_code_lists_and_dates_become_rules(
    contracts: dict[str, Contract], vocabulary: Vocabulary, resource: str, rule: str
) -> None:
    assert rule in {found.id for found in row_rules(contracts[resource], vocabulary)}


def test_every_rule_of_every_contract_has_a_reason_a_source_and_sql(
    contracts: dict[str, Contract], vocabulary: Vocabulary, con: duckdb.DuckDBPyConnection
) -> None:
    for contract in contracts.values():
        columns = ", ".join(f"{quote(prop.name)} {prop.physical_type}" for prop in contract.properties)
        con.execute(f"create or replace table rows ({columns})")
        con.execute(f"insert into rows values ({', '.join(['null'] * len(contract.properties))})")
        for rule in row_rules(contract, vocabulary):
            assert rule.reason.startswith(contract.property_named(rule.column).business_name)
            assert rule.source
            good = con.execute(f"select {predicate(rule, divisions='division')} from rows").fetchall()
            assert good == [(rule.check != "required",)], f"{contract.key} {rule.id}: null is good unless required"


def test_the_division_reference_is_ingested_first(contracts: dict[str, Contract]) -> None:
    order = ingest_order(contracts)
    assert order[0] == DIVISION_REFERENCE
    assert sorted(order) == sorted(contracts)


def test_without_a_reference_the_order_is_by_name(contracts: dict[str, Contract]) -> None:
    others = {key: contract for key, contract in contracts.items() if key != DIVISION_REFERENCE}
    assert ingest_order(others) == sorted(others)
