"""Excel in the 1272号 form: what goes out comes back whole, and what is wrong is told with sheet, row and column."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import xlsxwriter
from cataloguing_cases import published
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xlsxwriter.utility import xl_col_to_name

from catalog.cataloguing.form import ENTRY_FIELDS, ITEM_FIELDS
from catalog.cataloguing.sheet_faults import CellFault, cell_place, faults_csv
from catalog.cataloguing.sheet_guard import RefusedFile
from catalog.cataloguing.sheet_read import ReadSheet, read_workbook
from catalog.cataloguing.sheet_write import CODE, ENTRIES, ITEMS, workbook_of
from catalog.contract.writing import canonical

GUIDE_ENTRY = [
    "信息资源分类",
    "信息资源名称",
    CODE,
    "信息资源提供方",
    "信息资源摘要",
    "信息资源格式",
    "共享类型",
    "共享方式",
    "是否向社会开放",
    "更新周期",
]
GUIDE_ITEM = [CODE, "信息项名称", "数据类型"]
ROW = [
    "306001",
    "居住登记信息",
    "306001/88",
    "市公安局",
    "公安机关登记的居住信息，一次一行。",
    "3",
    "无条件共享",
    "服务接口、批量交换",
    "否",
    "每日",
]
ITEM_ROWS = [["306001/88", "公民身份号码", "C 字符型"], ["306001/88", "姓名", ""], ["306001/88", "登记日期", "日期型"]]


def book(entries: list[list[Any]], items: list[list[Any]], *, formula: str = "") -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as made:
        for name, rows in ((ENTRIES, entries), (ITEMS, items)):
            sheet = made.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        if formula:
            made.get_worksheet_by_name(ENTRIES).write_formula(formula, "=1+1")
    return buffer.getvalue()


def documents() -> list[dict[str, Any]]:
    return [deepcopy(document.data) for document in published().documents.values()]


def test_every_built_in_contract_comes_back_as_it_went_out() -> None:
    found = read_workbook(workbook_of(documents(), published().vocabulary), published())
    assert found.faults == ()
    assert len(found.entries) == len(published().contracts)
    for entry in found.entries:
        assert entry.document == canonical(published().documents[entry.key].data)
        assert not entry.is_changed


TEXT = st.text(min_size=1, max_size=40) | st.sampled_from(
    [
        "=1+1",
        "+86",
        "-3",
        "@sum",
        "\tx",
        "\rx",
        "a\r\nb",
        " x ",
        "'",
        "_x000D_",
        "\x00",
        "\ufffe",
        "1e5",
        "是",
        "2026-01-01",
        "、",
        "=cmd|' /C calc'!A0",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(published().contracts)), st.lists(TEXT, min_size=8, max_size=8), st.booleans())
def test_no_text_is_lost_on_the_way(key: str, words: list[str], is_deprecated: bool) -> None:
    document = deepcopy(published().documents[key].data)
    column = document["schema"][0]["properties"][0]
    document["name"], document["description"]["purpose"], column["businessName"], column["description"] = words[:4]
    document["description"]["limitations"] = words[4]
    document["team"]["members"][0]["name"] = words[5]
    document["status"] = "deprecated" if is_deprecated else "active"
    for entry in document["customProperties"]:
        if entry["property"] == "govShareCondition":
            entry["value"] = {"scope": words[6], "purposes": [words[7], words[6]]}
    document["schema"][0]["businessName"] = document["name"]
    found = read_workbook(workbook_of([document], published().vocabulary), published())
    only_texts = all(fault.source.endswith("第三条") or "重复" in fault.message for fault in found.faults)
    assert only_texts or "已被" in str(found.faults) or "待填" in str(words), found.faults
    if not found.faults:
        assert found.entries[0].document == canonical(document)


def test_a_plain_guide_sheet_becomes_a_draft_with_proposals() -> None:
    found = read_workbook(book([GUIDE_ENTRY, ROW], [GUIDE_ITEM, *ITEM_ROWS]), published(), only_dept="gaj")
    assert found.faults == ()
    (entry,) = found.entries
    assert entry.base == ""
    assert entry.key.startswith("gaj.")
    columns = entry.document["schema"][0]["properties"]
    resident_id, person_name, registered = columns
    gov = {pair["property"]: pair["value"] for pair in resident_id["customProperties"]}
    assert (resident_id["name"], resident_id["classification"], gov["govMask"]) == ("resident_id", "3", "keep_6_4")
    assert person_name["name"] == "person_name"
    assert registered["physicalType"] == "date"
    assert entry.unfilled > 0


def faulty(entries: list[list[Any]], items: list[list[Any]]) -> ReadSheet:
    found = read_workbook(book([GUIDE_ENTRY, *entries], [GUIDE_ITEM, *items]), published(), only_dept="gaj")
    assert found.entries == ()
    return found


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (2, "30600/1", "类项目细目"),
        (2, "406001/1", "类项目细目"),
        (2, "306001/x", "类项目细目"),
        (2, "306001-1", "类项目细目"),
        (0, "999999", "不在列表中"),
        (3, "市天文局", "不在列表中"),
        (3, "市民政局", "不是本部门"),
        (6, "看情况共享", "不在列表中"),
        (8, "也许", "应为"),
        (9, "每小时", "不在列表中"),
        (4, "本表涉及国家秘密", "不得进入目录"),
    ],
)
def test_a_wrong_cell_is_told_with_its_place(column: int, value: str, said: str) -> None:
    row = [*ROW[:column], value, *ROW[column + 1 :]]
    items = [[row[2], *rest] for _, *rest in ITEM_ROWS]
    found = faulty([row], items)
    (fault, *_) = [fault for fault in found.faults if said in fault.message]
    assert (fault.sheet, fault.row, fault.column, fault.given) == (ENTRIES, 2, column + 1, value)
    assert fault.cell == f"{xl_col_to_name(column)}2"


def test_every_fault_of_a_file_is_told_at_once_and_nothing_is_taken() -> None:
    bad = [["306001", "", "306001/89", "市公安局", "x", "9", "1", "电话", "否", "每日"], ROW, ROW]
    found = faulty(bad, [*ITEM_ROWS, ["306001/77", "姓名", "C"], ["306001/89", "", "Q"]])
    places = {(fault.sheet, fault.row, fault.heading) for fault in found.faults}
    assert places >= {
        (ENTRIES, 2, "信息资源格式"),
        (ENTRIES, 4, CODE),
        (ITEMS, 5, CODE),
        (ITEMS, 6, "数据类型"),
        (ITEMS, 6, "信息项名称"),
    }


def test_a_missing_or_doubled_heading_is_told() -> None:
    found = read_workbook(book([[*GUIDE_ENTRY[1:], "共享类型"], ROW], [GUIDE_ITEM]), published())
    assert {fault.message for fault in found.faults} == {"缺少这一列", "列名重复"}


def test_a_formula_is_a_fault_and_text_like_one_stays_text() -> None:
    found = read_workbook(book([GUIDE_ENTRY, ROW], [GUIDE_ITEM, *ITEM_ROWS], formula="E2"), published())
    assert [(fault.cell, "公式" in fault.message) for fault in found.faults if "公式" in fault.message] == [
        ("E2", True)
    ]
    text = [*ROW[:4], '=HYPERLINK("http://x")', *ROW[5:]]
    kept = read_workbook(book([GUIDE_ENTRY, text], [GUIDE_ITEM, *ITEM_ROWS]), published())
    assert kept.entries[0].document["description"]["purpose"] == text[4]


def test_no_exported_cell_is_a_formula() -> None:
    document = deepcopy(published().documents["gaj.resident"].data)
    document["description"]["purpose"] = "=1+1"
    with zipfile.ZipFile(io.BytesIO(workbook_of([document], published().vocabulary))) as archive:
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any(b"<f>" in sheet for sheet in sheets)
        assert b'quotePrefix="1"' in archive.read("xl/styles.xml")
        assert b"dataValidation" in sheets[0]


def zipped(**parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def far_cell() -> bytes:
    whole = book([GUIDE_ENTRY, ROW], [GUIDE_ITEM])
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                )
            new.writestr(name, part)
    return buffer.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "空"),
        (lambda: b"a,b,c\n1,2,3\n", "不是 Excel"),
        (lambda: OLE + "EncryptedPackage".encode("utf-16-le"), "密码"),
        (lambda: OLE, "旧版 .xls"),
        (lambda: b"x" * (13 * 1024 * 1024), "超过"),
        (lambda: zipped(a=b"x"), "不是 Excel"),
        (lambda: zipped(xl__workbook=b"x", **{"xl/workbook.xml": b"\0" * (220 * 1024 * 1024)}), "压缩炸弹"),
        (lambda: zipped(**{"xl/workbook.xml": b"<workbook/>"}), "不能读取"),
        (far_cell, "列数"),
        (lambda: book([["a"]], [["b"]])[:-200], "不是 Excel"),
    ],
    ids=["empty", "csv", "password", "xls", "large", "zip", "bomb", "hollow", "far", "cut"],
)
def test_a_file_that_is_no_catalogue_is_refused_in_words(make: Callable[[], bytes], said: str) -> None:
    with pytest.raises(RefusedFile, match=said):
        read_workbook(make(), published())


def test_ten_thousand_rows_with_faults_take_seconds() -> None:
    entries, items = [], []
    for number in range(1000):
        code = f"306001/{1000 + number}"
        entries.append([*ROW[:1], f"居住登记信息{number}", code, *ROW[3:]])
        items += [[code, f"登记事项{n}", "C" if number % 10 else "Q"] for n in range(9)]
    started = time.process_time()
    found = faulty(entries, items)
    assert time.process_time() - started < 20
    assert len(found.faults) == 900


def test_fields_have_one_name_and_one_heading_each() -> None:
    for fields in (ENTRY_FIELDS, ITEM_FIELDS):
        assert len({field.name for field in fields}) == len({field.heading for field in fields}) == len(fields)


def test_a_code_of_another_entry_is_told_with_a_free_one() -> None:
    code = published().contracts["gaj.vehicle"].gov.resource_code
    found = faulty([[*ROW[:2], code, *ROW[3:]]], [[code, *rest] for _, *rest in ITEM_ROWS])
    (fault,) = [fault for fault in found.faults if fault.sheet == ENTRIES]
    assert published().contracts["gaj.vehicle"].name in fault.message
    assert published().next_code("306001") in fault.message


def test_a_fault_of_what_the_sheet_has_no_column_for_stands_in_its_row() -> None:
    code, name = "101001/1", published().contracts["gaj.resident"].name
    row = ["101001", name, code, *ROW[3:]]
    found = faulty([ROW, row], [*ITEM_ROWS, [code, "姓名", "C"]])
    assert {fault.row for fault in found.faults if fault.sheet == ENTRIES} == {3}


@given(st.integers(1, 16_384), st.integers(1, 1_048_576))
def test_cells_are_named_as_excel_names_them(column: int, row: int) -> None:
    assert cell_place(f"{xl_col_to_name(column - 1)}{row}") == (row, column)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_fault_of_a_list_is_a_formula(start: str) -> None:
    fault = CellFault(ENTRIES, 2, 3, CODE, f"{start}1+1", f"{start}x", "y")
    for line in faults_csv([fault]).decode("utf-8-sig").replace('"', "").split("\r\n")[1:2]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in line.split(","))
