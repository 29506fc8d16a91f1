"""Change one field of a contract: exactly the artefacts that show it change."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.derive.artefacts import artefacts, changed_artefacts

CONTRACTS, VOCABULARY = load_contracts(), load_vocabulary()

ICEBERG, SCHEDULE, DBT, RULES = "iceberg_schema", "ingestion_schedule", "dbt_sources", "row_rules"
SUITE, ENTRY, TABLES, API = "expectation_suite", "catalogue_entry", "contract_tables", "resource_paths"
ALL = {ICEBERG, SCHEDULE, DBT, RULES, SUITE, ENTRY, TABLES, API}

Step = tuple[str, Any]
PERSON_NAME = ("schema", 0, "properties", 1)
MARITAL = ("schema", 0, "properties", 5)
PHONE = ("schema", 0, "properties", 10)

# what changes, where, its new value, the artefacts that change with it
CHANGES: list[tuple[str, tuple[str | int, ...], Any, set[str]]] = [
    ("nothing", (), None, set()),
    ("name", ("name",), "户籍人口信息", {DBT, SUITE, ENTRY, TABLES, API}),
    ("version", ("version",), "1.0.1", {DBT, SUITE, ENTRY, TABLES, API}),
    ("status", ("status",), "deprecated", {ENTRY, TABLES}),
    ("topic", ("dataProduct",), "livelihood", {DBT, SUITE, TABLES}),
    ("summary", ("description", "purpose"), "户籍登记。", {DBT, ENTRY, TABLES, API}),
    ("conditions of use", ("description", "usage"), "仅供核验。", {ENTRY, TABLES}),
    ("limitations", ("description", "limitations"), "无。", {TABLES}),
    ("sla", ("slaProperties",), [], {ENTRY, TABLES}),  # no stated freshness: the maturity label falls
    ("resource code", ("gov", "resourceCode"), "101001/2", {DBT, SUITE, ENTRY, TABLES, API}),
    ("category", ("gov", "category"), "101002", {ENTRY, TABLES}),
    ("provider code", ("gov", "providerCode"), "11330100MB90000377", {ENTRY, TABLES}),
    ("format", ("gov", "format"), "1", {ENTRY, TABLES}),
    ("share type", ("gov", "shareType"), 1, {DBT, ENTRY, TABLES, API}),
    ("share purposes", ("gov", "shareCondition", "purposes"), ["救助"], {ENTRY, TABLES}),
    ("share methods", ("gov", "shareMethods"), ["服务接口"], {ENTRY, TABLES}),
    ("open", ("gov", "open"), True, {ENTRY, TABLES}),
    ("update cycle", ("gov", "updateCycle"), "每周", {SCHEDULE, DBT, ENTRY, TABLES}),
    ("load mode", ("gov", "source", "mode"), "append", {TABLES}),
    # division codes must have been valid on the day of the watermark
    ("watermark", ("gov", "source", "watermark"), "birth_date", {DBT, RULES, SUITE, TABLES}),
    ("source path", ("gov", "source", "path"), "gaj/other.db", set()),  # only the reader of the source uses it
    ("fewest rows", ("gov", "quality", "minRows"), 10, {SUITE, TABLES}),
    ("quarantine limit", ("gov", "quality", "maxQuarantineRatio"), 0.1, {TABLES}),
    ("sign-off", ("gov", "assessments", "signOff"), "2026-03-01", {ENTRY, TABLES}),
    ("return flow", ("gov", "reflow"), True, {ENTRY, TABLES}),
    ("related", ("gov", "related"), ["101002/1"], {ENTRY, TABLES}),
    ("column name", (*PERSON_NAME, "name"), "full_name", {ICEBERG, DBT, RULES, SUITE, ENTRY, TABLES, API}),
    ("column header", (*PERSON_NAME, "physicalName"), "XINGMING", {TABLES}),
    ("column type", (*PERSON_NAME, "physicalType"), "varchar(60)", {DBT, ENTRY, TABLES}),
    ("column length", (*PERSON_NAME, "logicalTypeOptions", "maxLength"), 40, {RULES, SUITE}),
    ("column business name", (*PERSON_NAME, "businessName"), "全名", {ICEBERG, DBT, RULES, SUITE, ENTRY, TABLES, API}),
    ("column description", (*PERSON_NAME, "description"), "户口簿姓名。", {DBT, ENTRY, TABLES, API}),
    ("column optional", (*PERSON_NAME, "required"), False, {ICEBERG, RULES, SUITE, ENTRY, TABLES, API}),
    ("column grade", (*MARITAL, "classification"), "3", {DBT, ENTRY, TABLES}),
    ("table grade", (*MARITAL, "classification"), "4", {DBT, ENTRY, TABLES, API}),
    ("column mask", (*PHONE, "gov", "mask"), "hidden", {DBT, SUITE, ENTRY, TABLES}),
    ("code list", (*MARITAL, "gov", "codeList"), "sex", {DBT, RULES, SUITE, ENTRY, TABLES, API}),
    ("authority", (*PERSON_NAME, "gov", "authority"), None, {ENTRY, TABLES}),
    ("unique", (*PHONE, "unique"), True, {SUITE}),
]  # fmt: skip


def _changed(contract: Contract, path: tuple[str | int, ...], value: Any) -> Contract:
    raw = contract.model_dump(by_alias=True, exclude_none=True)
    holder: Any = raw
    for step in path[:-1]:
        holder = holder[step]
    if path:
        holder[path[-1]] = value
    return Contract.model_validate(raw)


@pytest.mark.parametrize(("what", "path", "value", "expected"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_change_shows_in_exactly_the_expected_artefacts(
    what: str, path: tuple[str | int, ...], value: Any, expected: set[str]
) -> None:
    contract = CONTRACTS["gaj.resident"]
    assert set(changed_artefacts(contract, _changed(contract, path, value), VOCABULARY)) == expected, what


def test_every_artefact_is_watched_by_some_change() -> None:
    assert set(artefacts(CONTRACTS["gaj.resident"], VOCABULARY)) == ALL
    assert set().union(*(expected for *_, expected in CHANGES)) == ALL


@pytest.mark.parametrize("key", sorted(CONTRACTS))
def test_deriving_twice_gives_the_same(key: str) -> None:
    assert artefacts(CONTRACTS[key], VOCABULARY) == artefacts(CONTRACTS[key], VOCABULARY)
