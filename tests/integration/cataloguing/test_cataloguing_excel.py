"""Excel through the door: an upload with faults takes nothing in, a clean one is a batch that is reviewed as a whole."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from catalog.cataloguing.sheet_read import read_workbook
from catalog.cataloguing.sheet_write import CODE, ENTRIES, ITEMS
from catalog.contract.load import load_contracts
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration

HEAD = [
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
    "使用条件",
    "保密风险评估日期",
    "个人信息保护影响评估日期",
    "所属主题库",
    "资源英文名",
]
ROW = [
    "306001",
    "居住登记信息",
    "306001/88",
    "市公安局",
    "公安机关登记的居住信息，一次一行。",
    "2",
    "无条件共享",
    "文件下载",
    "否",
    "每日",
    "仅用于核验。",
    "2026-01-10",
    "2026-01-12",
    "population",
    "residence",
]
ITEM_HEAD = [CODE, "信息项名称", "数据类型"]
ITEM_ROWS = [["306001/88", "公民身份号码", "C"], ["306001/88", "姓名", "C"], ["306001/88", "出生日期", "D"]]


def book(entries: list[list[Any]], items: list[list[Any]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as made:
        for name, rows in ((ENTRIES, entries), (ITEMS, items)):
            sheet = made.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return buffer.getvalue()


def test_a_faulty_sheet_is_told_cell_by_cell_and_takes_nothing_in(as_: Callable) -> None:
    steward = as_("steward")
    rows = [[*ROW[:2], f"30600/{n}", *ROW[3:]] for n in range(300)]
    answer = steward.upload(
        book(
            [HEAD, ROW, ["306001", "=1+1", "306001/9", "市公安局", "x", "9", *ROW[6:]], *rows], [ITEM_HEAD, *ITEM_ROWS]
        )
    )
    assert answer.status_code == 422
    assert "信息资源格式" in answer.text
    assert "F3" in answer.text
    assert "共" in re.findall(r'class="notice">(.*?)</p>', answer.text)[0]
    token = re.findall(r"/catalogue/import/faults/([\w-]+)\.csv", answer.text)[0]
    listed = steward.get(f"/catalogue/import/faults/{token}.csv").content.decode("utf-8-sig").splitlines()
    assert len(listed) > 301
    assert not any(cell.startswith(("=", "+", "@")) for line in listed for cell in line.split(","))
    excel = CalamineWorkbook.from_filelike(io.BytesIO(steward.get(f"/catalogue/import/faults/{token}.xlsx").content))
    assert len(excel.get_sheet_by_index(0).to_python()) == len(listed)
    assert as_("stranger").get(f"/catalogue/import/faults/{token}.csv").status_code == 404
    assert steward.json("/cataloguing.json")["drafts"] == []


def test_a_clean_sheet_is_one_batch_that_goes_through_as_a_whole(as_: Callable, desk_settings: Settings) -> None:
    steward, head, reviewer = as_("steward"), as_("head"), as_("reviewer")
    second = [*ROW[:1], "离市登记信息", "306001/89", *ROW[3:14], "departure"]
    more = [["306001/89", *rest] for _, *rest in ITEM_ROWS]
    answer = steward.upload(book([HEAD, ROW, second], [ITEM_HEAD, *ITEM_ROWS, *more]))
    assert answer.status_code == 303, re.findall(r"<td.*?</td>", answer.text)
    batch = answer.headers["location"]
    held = steward.json(f"{batch}.json")
    assert [row["lacks"] for row in held["proposals"]] == [0, 0]
    for who, kind in ((steward, "提交签发"), (head, "签发"), (reviewer, "审核发布")):
        done = who.post(f"{batch}/act", {"kind": kind}, page=batch)
        assert done.status_code == 303, done.text
    contracts = load_contracts(approved=desk_settings.contracts)
    assert {"gaj.residence", "gaj.departure"} <= contracts.keys()
    assert contracts["gaj.residence"].property_named("resident_id").classification == "3"


def test_an_incomplete_entry_of_a_batch_stays_and_says_why(as_: Callable) -> None:
    steward = as_("steward")
    answer = steward.upload(book([HEAD[:-5], ROW[:-5]], [ITEM_HEAD, *ITEM_ROWS]))
    batch = answer.headers["location"]
    stays = steward.post(f"{batch}/act", {"kind": "提交签发"}, page=batch)
    assert stays.status_code == 409
    assert "不符合要求" in stays.text


def test_the_whole_catalogue_goes_out_and_comes_back_unchanged(as_: Callable) -> None:
    admin = as_("admin")
    sent = admin.get("/catalogue/export.xlsx")
    assert "attachment" in sent.headers["content-disposition"]
    back = admin.upload(sent.content)
    assert back.status_code == 200
    assert "没有需要办理的变更" in back.text
    own = as_("steward").get("/catalogue/export.xlsx?dept=gaj").content
    assert "没有需要办理的变更" in as_("steward").upload(own).text
    assert admin.get("/catalogue/export.xlsx?dept=xxx").status_code == 404


def test_a_changed_cell_is_a_change_proposal(as_: Callable, desk_app: Any) -> None:
    steward = as_("steward")
    plain = [
        ["信息资源代码", *HEAD[:2], *HEAD[3:10]],
        ["101001/1", "101001", "户籍人口基本信息", "市公安局", "换一种说法。", "", "", "", "", ""],
    ]
    answer = steward.upload(book(plain, [ITEM_HEAD]))
    assert answer.status_code == 303, answer.text
    (row,) = steward.json(f"{answer.headers['location']}.json")["proposals"]
    assert (row["purpose"], row["key"]) == ("变更目录", "gaj.resident")
    changes = steward.json(f"/cataloguing/{row['number']}.json")["changes"]
    assert "信息资源摘要" in [change["field"] for change in changes]
    again = steward.upload(book(plain, [ITEM_HEAD]))
    assert again.status_code == 409
    assert "正在办理" in again.text


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"a,b\n1,2", "不是 Excel"), (b"", "空"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "旧版")],
)
def test_a_wrong_file_is_refused_in_words(as_: Callable, content: bytes, said: str) -> None:
    answer = as_("steward").upload(content)
    assert answer.status_code == 422
    assert said in answer.text


def test_only_those_may_import_whose_task_it_is(as_: Callable) -> None:
    assert as_("head").get("/catalogue/import").status_code == 403
    other = as_("stranger").upload(book([HEAD, ROW], [ITEM_HEAD, *ITEM_ROWS]))
    assert other.status_code == 422
    assert "不是本部门的目录" in other.text


def test_the_empty_form_can_be_read(as_: Callable) -> None:
    form = as_("steward").get("/catalogue/import/template.xlsx").content
    assert "没有目录" in as_("steward").upload(form).text
    assert CalamineWorkbook.from_filelike(io.BytesIO(form)).sheet_names[:2] == [ENTRIES, ITEMS]
    assert callable(read_workbook)


def test_other_portals_get_dcat(as_: Callable) -> None:
    client = as_("steward").client
    assert client.get("/catalogue.ttl").headers["content-type"].startswith("text/turtle")
    assert client.get("/catalogue/gaj/resident.jsonld").json()
    assert client.get("/catalogue/gaj/nothing.ttl").status_code == 404
