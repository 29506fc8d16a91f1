from __future__ import annotations

import pytest
from stdnum.cn import ric

from catalog.contract.document import read_document
from catalog.contract.infer import infer_item, infer_type
from catalog.contract.lint import lint
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.scaffold import Sample, initials, scaffold

_STEMS = ("11010119900307391", "11010119900307451")
IDS = tuple(stem + ric.calc_check_digit(f"{stem}0") for stem in _STEMS)


def _drafted(columns: dict[str, list[str | None]], **options: str) -> dict[str, dict]:
    sample = Sample(options.pop("kind", "csv"), columns, **options)  # type: ignore[arg-type]
    text = scaffold("mzj", "adoption", sample, load_vocabulary(), load_contracts())
    data = read_document(text.encode()).data
    columns_of = {p["physicalName"]: p for p in data["schema"][0]["properties"]}
    for column in columns_of.values():
        column |= {c["property"]: c["value"] for c in column["customProperties"]}
    return columns_of


def test_proposes_items_grades_masks_and_code_lists_by_chinese_name() -> None:
    columns = _drafted({"公民身份号码": [*IDS], "姓名": ["张三", "李四"], "性别代码": ["1", "2"]})
    resident, name, sex = columns.values()
    assert (resident["name"], resident["govItem"], resident["classification"]) == ("resident_id", "resident_id", "3")
    assert (name["govMask"], name["physicalType"]) == ("keep_1_0", "varchar(50)")
    assert sex["govCodeList"] == "sex"


def test_does_not_propose_a_code_list_that_the_values_contradict() -> None:
    assert "govCodeList" not in _drafted({"性别代码": ["男", "女"]})["性别代码"]


def test_understands_the_pinyin_initials_of_department_databases() -> None:
    assert initials("出生日期") == "CSRQ"
    columns = _drafted({"CSRQ": ["1990-03-07"], "XM": ["张三"]}, kind="database", table="T_SY")
    assert [column["name"] for column in columns.values()] == ["birth_date", "person_name"]
    assert columns["CSRQ"]["physicalType"] == "date"


def test_recognises_identifiers_by_their_check_digits() -> None:
    assert infer_item(IDS) == "resident_id"
    assert infer_item((IDS[0][:-1] + ("1" if IDS[0][-1] != "1" else "2"), IDS[1])) is None
    assert infer_item(["11330100MB9000000E"]) == "credit_code"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], "integer"),
        (["3000000000"], "bigint"),
        (["007"], "varchar(4)"),
        (["9" * 5000], "varchar(4000)"),
        (["123456789012345678"], "varchar(18)"),
        (["1.5", "2"], "decimal(18,2)"),
        (["2026-01-15", "2026/1/5"], "date"),
        (["2026-01-15 08:00:00"], "timestamp"),
        (["是", "否"], "boolean"),
        ([], "varchar(50)"),
    ],
)
def test_infers_types_from_texts(values: list[str], expected: str) -> None:
    assert infer_type(values) == expected


def test_leaves_to_people_what_the_law_asks_of_them_and_lint_refuses_it(tree) -> None:
    text = scaffold(
        "mzj",
        "adoption",
        Sample("csv", {"收养登记证号": ["A1", "A2"]}, encoding="utf-8"),
        load_vocabulary(),
        load_contracts(),
    )
    path = tree.contract("mzj.adoption")
    path.write_text(text, encoding="utf-8")
    findings = lint(path)
    assert {finding.rule for finding in findings} == {"todo.unfilled"}
    open_fields = {finding.field for finding in findings}
    assert {"description.purpose", "govShareType", "govUpdateCycle", "govAssessments.sign_off"} <= open_fields
    assert "（条例第十四条）" in text


def test_the_same_sample_makes_the_same_draft() -> None:
    sample = Sample("csv", {"编号": ["1"]})
    assert len({scaffold("mzj", "adoption", sample, load_vocabulary(), load_contracts()) for _ in range(2)}) == 1
