"""A proposal is submitted when all that articles 13 and 15 ask for is there; each fault is named by field and article."""

from __future__ import annotations

from typing import Any

import pytest
from cataloguing_cases import TODAY, published, resident

from catalog.cataloguing.checking import compared, set_gov, submission_faults, with_version
from catalog.cataloguing.drafting import blank, from_sample
from catalog.cataloguing.words import field_label
from catalog.contract.lint import lint
from catalog.contract.scaffold import Sample


def blocking(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    faults = submission_faults(document, published(), TODAY)
    return [(fault.label, fault.source, fault.step) for fault in faults if fault.blocks]


def without_gov(*names: str) -> dict[str, Any]:
    document = resident()
    for name in names:
        set_gov(document, name, None)
    return document


def with_gov(**values: Any) -> dict[str, Any]:
    document = resident()
    for name, value in values.items():
        set_gov(document, name, value)
    return document


def test_what_is_complete_may_be_submitted() -> None:
    assert blocking(resident()) == []


def test_built_in_contracts_are_all_complete() -> None:
    assert [finding for finding in lint() if finding.severity == "error"] == []


LAW = "《政务数据共享条例》"


@pytest.mark.parametrize(
    ("document", "label", "article", "step"),
    [
        ({**resident(), "name": ""}, "数据目录名称", "ODCS", "basics"),
        ({**resident(), "description": {"purpose": "x"}}, "使用条件", "第十三条", "sharing"),
        (without_gov("govFormat"), "数据格式", "1272", "basics"),
        (without_gov("govUpdateCycle"), "更新频率", "第十三条", "basics"),
        (without_gov("govShareType"), "共享属性", "第十四条", "sharing"),
        (with_gov(govShareType=1, govShareMethods=[], govShareCondition=None), "共享方式", "第二十二条", "sharing"),
        (with_gov(govShareType=2, govShareCondition=None), "共享属性", "第十五条", "sharing"),
        (with_gov(govShareType=3, govShareMethods=None, govShareCondition=None), "共享属性", "第十五条", "sharing"),
        (with_gov(govAssessments={"secrecy": "2026-01-15"}), "评估与签发", "第十三条", "assessments"),
        (with_gov(govAssessments={"personal_information": "2026-01-15"}), "评估与签发", "第十三条", "assessments"),
        (
            with_gov(govAssessments={"secrecy": "2026-03-03", "personal_information": "2026-01-15"}),
            "评估与签发",
            "第十三条",
            "assessments",
        ),
        (with_gov(govSecrecy="工作秘密"), "涉密情况", "第三条", "assessments"),
        (with_gov(govSecrecy="国家秘密"), "涉密情况", "第三条", "assessments"),
    ],
)
def test_what_the_law_asks_for_must_be_there(document: dict[str, Any], label: str, article: str, step: str) -> None:
    assert any(said.endswith(label) and article in source and at == step for said, source, at in blocking(document)), (
        blocking(document)
    )


def test_no_share_needs_law_article_and_reason() -> None:
    basis = {"law": "中华人民共和国统计法", "article": "第二十五条", "reason": "单个对象识别"}
    complete = with_gov(govShareType=3, govShareMethods=None, govShareCondition=None, govNoShareBasis=basis)
    assert blocking(complete) == []
    for part in basis:
        lacking = with_gov(
            govShareType=3,
            govShareMethods=None,
            govShareCondition=None,
            govNoShareBasis={name: text for name, text in basis.items() if name != part},
        )
        assert len(blocking(lacking)) == 1


def test_a_code_that_another_entry_has_is_refused() -> None:
    document = with_gov(govResourceCode="101002/1")
    assert ("信息资源代码", "发改高技〔2017〕1272号", "basics") in blocking(document)


def test_columns_ask_for_items_and_grades() -> None:
    document = resident()
    column = document["schema"][0]["properties"][0]
    column["classification"] = "1"
    assert ("resident_id · 数据分级", "GB/T 43697-2024", "items") in blocking(document)


def test_a_blank_draft_says_all_that_is_to_be_filled() -> None:
    labels = {label for label, _, _ in blocking(blank("gaj", "residence", published()))}
    assert labels >= {"数据目录名称", "摘要", "信息资源代码", "共享属性", "共享方式", "更新频率"}


def test_columns_are_proposed_with_items_grades_masks_and_codes() -> None:
    ids = ["330106199003070018", "330106198512120022"]
    sample = Sample("database", {"SFZH": ids, "LXDH": ["13800000000", "13900000000"], "XB": ["1", "2"]}, table="T")
    columns = from_sample("gaj", "residence", sample, published())["schema"][0]["properties"]
    by_header = {column["physicalName"]: column for column in columns}
    assert by_header["LXDH"]["classification"] == "3"
    gov = {entry["property"]: entry["value"] for entry in by_header["XB"]["customProperties"]}
    assert gov["govCodeList"] == "sex"
    with pytest.raises(ValueError, match="资源英文名"):
        from_sample("gaj", "../x", sample, published())


def test_a_free_code_is_proposed() -> None:
    taken = {contract.gov.resource_code for contract in published().contracts.values()}
    assert published().next_code("101001") not in taken
    assert published().next_code("399001", ["399001/1"]) == "399001/2"


def test_the_version_follows_from_the_changes() -> None:
    base = published().contracts["gaj.resident"]
    document = {**resident(), "status": "active"}
    assert with_version(resident(), None)["version"] == "1.0.0"
    document["description"] = {**document["description"], "purpose": "另一种说法"}
    assert with_version(document, base)["version"] == "1.0.1"
    del document["schema"][0]["properties"][1]
    assert with_version(document, base)["version"] == "2.0.0"
    changes = compared(document, base)
    assert changes is not None
    assert changes.is_breaking
    assert compared({"name": 1}, base) is None


def test_fields_are_called_as_the_form_calls_them() -> None:
    assert field_label("govShareCondition.scope") == "共享条件 · 共享范围"
    assert field_label("resident_id.physicalType") == "resident_id · 存储类型"
    assert field_label("") == "全表"


def test_what_is_unfilled_hides_no_other_fault() -> None:
    document = blank("gaj", "residence", published())
    set_gov(document, "govShareType", 2)
    labels = {(label, step) for label, _, step in blocking(document)}
    assert {("共享属性", "sharing"), ("共享方式", "sharing"), ("使用条件", "sharing")} <= labels


def test_words_for_stewards_name_no_file_of_the_project() -> None:
    for fault in submission_faults(blank("gaj", "residence", published()), published(), TODAY):
        assert "yaml" not in fault.message
