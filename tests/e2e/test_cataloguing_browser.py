"""A steward catalogues a new resource from Excel to publication in a real browser, and three people sign in to do it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from playwright.sync_api import Browser, Page, expect
from served_city import served
from signed_in import PASSWORD, own_password

from catalog.access.person import Person, Post
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.e2e
PEOPLE = [
    Person("gaj-bianmu", "王编目", "gaj", frozenset({Post.CATALOGUER})),
    Person("gaj-fuze", "李局长", "gaj", frozenset({Post.HEAD})),
    Person("dsjj-shenhe", "赵审核", "dsjj", frozenset({Post.REVIEWER})),
]
PHONE: Any = {"width": 390, "height": 844}
HEAD = [
    "信息资源分类",
    "信息资源名称",
    "信息资源代码",
    "信息资源提供方",
    "信息资源摘要",
    "信息资源格式",
    "更新周期",
    "共享类型",
    "是否向社会开放",
]
ROW = [
    "306001",
    "居住登记信息",
    "306001/2",
    "市公安局",
    "公安机关登记的居住信息，一次一行。",
    "2 电子表格",
    "每日",
    "有条件共享",
    "否",
]
ITEMS = [["公民身份号码", "C"], ["姓名", "C"], ["联系电话", "C"], ["登记日期", "D"]]


@pytest.fixture(scope="module")
def desk_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over a home with three accounts."""
    home = tmp_path_factory.mktemp("cataloguing") / "home"
    for person in PEOPLE:
        own_password(app_database(Settings(home=home)), person)
    with served(home) as url:
        yield url


def signed_in(browser: Browser, url: str, account: str, **how: Any) -> Page:
    """Return a tab of somebody who signed in."""
    page = browser.new_context(base_url=url, viewport={"width": 1360, "height": 900}, locale="zh-CN", **how).new_page()
    page.goto("/login?next=/cataloguing")
    page.get_by_label("账号").fill(account)
    page.get_by_label("口令").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="目录编制")).to_be_visible()
    return page


def shot(page: Page, name: str) -> None:
    """Keep a picture for the docs when ``CITYBRAIN_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("CITYBRAIN_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"cataloguing-{name}.png", full_page=True)


def sheet(*rows: list[str], codes: tuple[str, ...] = ("306001/2",)) -> dict[str, Any]:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        entries, items = book.add_worksheet("目录"), book.add_worksheet("信息项")
        for number, row in enumerate([HEAD, *rows]):
            entries.write_row(number, 0, row)
        listed = [[code, *item] for code in codes for item in ITEMS]
        for number, row in enumerate([["信息资源代码", "信息项名称", "数据类型"], *listed]):
            items.write_row(number, 0, row)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return {"name": "居住登记.xlsx", "mimeType": kind, "buffer": buffer.getvalue()}


def clean(page: Page, axe: str) -> None:
    """Nothing that axe-core finds, and no sideways scrolling."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_from_excel_to_publication(browser: Browser, desk_url: str, axe: str) -> None:
    steward = signed_in(browser, desk_url, "gaj-bianmu")
    steward.get_by_role("link", name="Excel 批量导入").click()
    wrong = [*ROW[:2], "30600-1", *ROW[3:5], "9", "每小时", *ROW[7:]]
    steward.get_by_label("选择 .xlsx 文件").set_input_files(sheet(wrong, ROW))
    steward.get_by_role("button", name="上传并检查").click()
    expect(steward.get_by_role("heading", name="问题清单")).to_be_visible()
    expect(steward.get_by_role("cell", name="G2", exact=False)).to_be_visible()
    shot(steward, "faults")
    clean(steward, axe)

    steward.get_by_label("选择 .xlsx 文件").set_input_files(sheet(ROW))
    steward.get_by_role("button", name="上传并检查").click()
    steward.get_by_role("link", name="居住登记信息").click()
    expect(steward.get_by_role("button", name="提交签发")).to_be_disabled()
    shot(steward, "proposal")
    steward.get_by_role("link", name="继续编制").click()
    steward.get_by_label("所属主题库").select_option("population")
    clean(steward, axe)
    shot(steward, "basics")
    steward.get_by_role("button", name="保存，下一步").click()

    expect(steward.get_by_label("数据分级 1", exact=True)).to_have_value("3")
    expect(steward.get_by_label("数据分级 3", exact=True)).to_have_value("3")
    expect(steward.get_by_label("信息项字典 4", exact=True)).to_have_value("event_date")
    shot(steward, "items")
    clean(steward, axe)
    steward.get_by_role("button", name="保存，下一步").click()
    shot(steward, "sharing")
    steward.get_by_label("共享条件").fill("本市各级行政机关")
    steward.get_by_label("使用用途").fill("核验身份、公共服务")
    steward.get_by_label("服务接口").check()
    steward.get_by_label("使用条件").fill("仅用于核验居住情况，不得提供给第三方。")
    clean(steward, axe)
    steward.get_by_role("button", name="保存，下一步").click()
    steward.get_by_label("保密风险评估日期", exact=True).fill("2026-01-10")
    steward.get_by_label("个人信息保护影响评估日期").fill("2026-01-12")
    clean(steward, axe)
    steward.get_by_role("button", name="保存，下一步").click()
    expect(steward.get_by_role("status")).to_contain_text("可以提交签发")
    shot(steward, "check")
    clean(steward, axe)
    steward.get_by_role("button", name="提交签发").click()
    address = steward.url

    head = signed_in(browser, desk_url, "gaj-fuze")
    head.get_by_role("region", name="等我办理").get_by_role("link", name="居住登记信息").click()
    head.get_by_role("button", name="签发", exact=True).click()

    reviewer = signed_in(browser, desk_url, "dsjj-shenhe")
    expect(reviewer.locator("#waiting")).to_contain_text("剩 2 个工作日")
    shot(reviewer, "waiting")
    clean(reviewer, axe)
    reviewer.get_by_role("region", name="等我办理").get_by_role("link", name="居住登记信息").click()
    shot(reviewer, "review")
    clean(reviewer, axe)
    reviewer.get_by_role("button", name="审核发布").click()
    reviewer.get_by_role("link", name="查看目录").click()
    expect(reviewer.get_by_role("heading", name="居住登记信息", level=1)).to_be_visible()
    steward.goto(address)
    shot(steward, "published")


def test_the_grid_takes_a_paste_and_goes_by_keyboard(browser: Browser, desk_url: str, axe: str) -> None:
    page = signed_in(browser, desk_url, "gaj-bianmu")
    page.get_by_role("link", name="编制目录").click()
    shot(page, "new")
    clean(page, axe)
    page.locator("#blank-resource").fill("pasted_entry")
    page.locator("section", has=page.locator("#blank-resource")).get_by_role("button", name="开始编制").click()
    page.get_by_role("link", name="数据项").click()
    first = page.get_by_label("信息项名称 1", exact=True)
    first.focus()
    text = "姓名\tC\n公民身份号码\tC 字符型\n登记日期\t日期型\n备注\tM\n户号\tC\n性别代码\tC"
    page.evaluate(
        """text => {
            const data = new DataTransfer(); data.setData("text/plain", text);
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }""",
        text,
    )
    expect(page.get_by_label("信息项名称 6", exact=True)).to_have_value("性别代码")
    expect(page.get_by_label("数据类型 3", exact=True)).to_have_value("D")
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("信息项名称 2", exact=True)).to_be_focused()
    page.keyboard.press("Control+s")
    expect(page.get_by_label("信息项英文名 2", exact=True)).to_have_value("resident_id")
    expect(page.get_by_label("代码集 6", exact=True)).to_have_value("sex")
    page.get_by_role("button", name="撤销上一次修改").click()
    expect(page.get_by_label("信息项名称 1", exact=True)).not_to_have_value("姓名")


def test_two_people_at_once_lose_nothing(browser: Browser, desk_url: str) -> None:
    first = signed_in(browser, desk_url, "gaj-bianmu")
    first.goto("/cataloguing/new")
    first.locator("#blank-resource").fill("two_at_once")
    first.locator("section", has=first.locator("#blank-resource")).get_by_role("button", name="开始编制").click()
    second = first.context.new_page()
    second.goto(first.url)
    first.get_by_label("信息资源名称").fill("第一个人的名称")
    first.get_by_role("button", name="保存", exact=True).click()
    second.get_by_label("信息资源名称").fill("第二个人的名称")
    second.get_by_role("button", name="保存", exact=True).click()
    expect(second.get_by_role("alert")).to_contain_text("第一个人的名称")
    expect(second.get_by_label("信息资源名称")).to_have_value("第二个人的名称")
    shot(second, "two-at-once")


def test_it_works_on_a_phone(browser: Browser, desk_url: str, axe: str) -> None:
    page = signed_in(browser, desk_url, "gaj-bianmu")
    page.set_viewport_size(PHONE)
    number = page.locator("#drafts .what a, #done .what a").first.get_attribute("href")
    for path in (
        "/cataloguing",
        "/cataloguing/new",
        "/catalogue/import",
        f"{number}",
        f"{number}/edit/basics",
        f"{number}/edit/items",
        f"{number}/edit/check",
    ):
        page.goto(path)
        clean(page, axe)
    page.goto("/cataloguing")
    shot(page, "phone")
