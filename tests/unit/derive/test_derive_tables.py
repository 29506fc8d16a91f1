from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.derive.codes import DATA_TYPE_NAMES, FORMAT_NAMES, GRADE_NAMES, SHARE_TYPE_NAMES
from catalog.derive.maturity import maturity
from catalog.derive.tables import TABLE_COLUMNS, contract_tables

CONTRACTS, VOCABULARY = load_contracts(), load_vocabulary()
TABLES = contract_tables(CONTRACTS, VOCABULARY)
DOCS = Path(CATALOG_ROOT).parent / "docs" / "contracts.md"


@pytest.mark.parametrize("table", TABLE_COLUMNS)
def test_rows_have_the_declared_columns_and_types(table: str) -> None:
    declared = TABLE_COLUMNS[table]
    assert TABLES[table]
    con = duckdb.connect()
    con.execute(f"create table t ({', '.join(f'{name} {kind}' for name, kind in declared.items())})")
    for row in TABLES[table]:
        assert list(row) == list(declared)
        con.execute(f"insert into t values ({', '.join('?' * len(row))})", list(row.values()))
    kept = con.execute("select * from t").fetchall()
    assert kept == [tuple(row.values()) for row in TABLES[table]]


@pytest.mark.parametrize("table", TABLE_COLUMNS)
def test_every_column_is_documented(table: str) -> None:
    section = DOCS.read_text(encoding="utf-8").split(f"### `contract.{table}`")[1].split("\n#")[0]
    missing = [column for column in TABLE_COLUMNS[table] if f"`{column}`" not in section]
    assert missing == []


def test_there_is_one_row_a_resource_property_code_and_assertion() -> None:
    assert len(TABLES["resource"]) == len(CONTRACTS)
    assert len(TABLES["property"]) == sum(len(contract.properties) for contract in CONTRACTS.values())
    assert len(TABLES["code_value"]) == sum(len(codes.values) for codes in VOCABULARY.code_lists.values())
    assert len(TABLES["fact_assertion"]) == sum(len(fact.assertions) for fact in VOCABULARY.facts.values())
    assert len({row["resource_key"] for row in TABLES["resource"]}) == len(CONTRACTS)


def test_every_code_of_a_contract_has_a_name() -> None:
    named = ("topic_name", "class_name", "group_name", "category_name", "provider_name", "format_name")
    assert [row["resource_key"] for row in TABLES["resource"] if None in [row[name] for name in named]] == []
    assert [row["name"] for row in TABLES["property"] if row["item_name"] is None] == []


def test_every_category_continues_its_parent() -> None:
    codes = {row["code"] for row in TABLES["category"]}
    assert all(row["parent_code"] in codes for row in TABLES["category"] if row["level"] > 1)


def test_every_fact_has_one_authority_among_its_assertions() -> None:
    for fact in TABLES["fact"]:
        held = [row for row in TABLES["fact_assertion"] if row["fact"] == fact["fact"] and row["is_authority"]]
        assert [row["resource_key"] for row in held] == [fact["authority"]]


def test_value_lists_are_those_of_the_guide() -> None:
    assert (len(FORMAT_NAMES), len(SHARE_TYPE_NAMES), len(DATA_TYPE_NAMES), len(GRADE_NAMES)) == (7, 3, 11, 4)


def test_the_entry_holds_the_fields_of_the_guide_in_its_order() -> None:
    labels = [label for label, _ in catalogue_entry(CONTRACTS["gaj.resident"], VOCABULARY).labelled()]
    assert labels[:16] == [
        "信息资源分类", "信息资源名称", "信息资源代码", "信息资源提供方", "信息资源提供方代码", "信息资源摘要",
        "信息资源格式", "信息项", "共享类型", "共享条件", "共享方式", "是否向社会开放", "开放条件", "更新周期",
        "发布日期", "关联资源代码",
    ]  # fmt: skip


def test_the_entry_states_the_condition_or_the_basis_of_sharing() -> None:
    def condition(key: str) -> str:
        return catalogue_entry(CONTRACTS[key], VOCABULARY).share_condition

    assert "用途：核验身份" in condition("gaj.resident")
    assert "第二十一条" in condition("yjj.hazard_source")
    assert condition("zrzy.address") == ""


def test_items_carry_their_codes_and_authority() -> None:
    items = {item.name: item for item in catalogue_entry(CONTRACTS["gaj.resident"], VOCABULARY).items}
    assert dict(items["sex_code"].codes)["1"] == "男性"
    assert (items["person_name"].authority, items["person_name"].authority_fact) == ("市公安局", "姓名")


def test_maturity_is_computed_and_all_three_labels_occur() -> None:
    labels = {key: maturity(contract) for key, contract in CONTRACTS.items()}
    assert set(labels.values()) == {"铜", "银", "金"}
    assert labels["gaj.resident"] == "金"


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"team": None}, "铜"),
        ({"sla_properties": []}, "铜"),
        ({}, "金"),
    ],
)
def test_maturity_falls_when_what_it_asks_for_goes(change: dict[str, object], label: str) -> None:
    assert maturity(CONTRACTS["gaj.resident"].model_copy(update=change)) == label


def test_maturity_falls_to_silver_and_bronze_with_the_descriptions() -> None:
    def with_described(count: int) -> str:
        contract = CONTRACTS["gaj.resident"]
        props = [
            prop if position < count else prop.model_copy(update={"description": f"{prop.business_name}。"})
            for position, prop in enumerate(contract.properties)
        ]
        table = contract.tables[0].model_copy(update={"properties": props})
        return maturity(contract.model_copy(update={"tables": [table]}))

    assert [with_described(n) for n in (13, 12, 10, 9)] == ["金", "银", "银", "铜"]
