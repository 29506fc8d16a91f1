"""The desk in a real browser and over real HTTP: a department applies, calls the API with its grant, and expiry closes it;
a doubted value is reported, corrected by a reload and closed by the system's own recheck."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from served_city import citybrain, published_city, served
from signed_in import PASSWORD, own_password

from catalog.access.person import Person, Post
from catalog.contract.city_time import city_day
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.e2e
PHONE: Any = {"width": 390, "height": 844}
READING = {"device_id": "D000", "metric_code": "M0", "measured_at": "2026-01-01T00:00:00"}
TYPE = "double"
PEOPLE = (
    Person("li", "李申请", "wjw", frozenset({Post.APPLICANT})),
    Person("wang", "王处长", "wjw", frozenset({Post.HEAD})),
    Person("zhao", "赵处长", "gaj", frozenset({Post.HEAD})),
    Person("chen", "陈处长", "sthj", frozenset({Post.HEAD})),
    Person("sun", "孙审核", "dsjj", frozenset({Post.REVIEWER})),
)


@dataclass
class Desk:
    """A served city, and the pages of those who are signed in to it."""

    url: str
    settings: Settings
    city: ModuleType
    pages: dict[str, Page]

    def open(self, account: str, path: str) -> Page:
        page = self.pages[account]
        page.goto(path)
        return page

    def tick(self, on: date) -> Any:
        """Let the day's work be done by the command line."""
        return citybrain(self.settings.home, "sharing", "tick", "--on", on.isoformat())


def picture(page: Page, name: str) -> None:
    """Keep what the page looks like, in the folder that ``CITYBRAIN_SCREENSHOTS`` names."""
    folder = os.environ.get("CITYBRAIN_SCREENSHOTS")
    if folder:
        page.evaluate("scrollTo(0, 0)")  # the bar at the top stays there in the picture
        page.screenshot(path=Path(folder) / f"desk-{name}.png", full_page=True)


def call(url: str, key: str, **headers: str) -> tuple[int, Any]:
    """Call the API as a program of the department does."""
    answer = httpx.get(url, headers={"X-API-Key": key, **headers}, timeout=30)
    return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Desk]:
    """A server of its own over a small city of its own, with four people signed in at the sign-in page."""
    home = tmp_path_factory.mktemp("desk") / "home"
    settings, city = published_city(home)
    _add_people(settings)
    complaints: list[str] = []
    with served(home) as url:
        pages = {who.account: _signed_in(browser, url, who.account, complaints) for who in PEOPLE}
        yield Desk(url, settings, city, pages)
        for page in pages.values():
            page.context.close()
    assert complaints == []


def _add_people(settings: Settings) -> None:
    for who in PEOPLE:
        own_password(app_database(settings), who)


def _signed_in(browser: Browser, url: str, account: str, complaints: list[str]) -> Page:
    context = browser.new_context(base_url=url, viewport={"width": 1360, "height": 860}, locale="zh-CN")
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((url, "data:")) else complaints.append(r.url))
    page.goto("/login?next=/desk")
    page.locator("input[name=account]").fill(account)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("共享办事台")
    return page


def press(page: Page, name: str) -> None:
    page.locator("#moves").get_by_role("button", name=name, exact=True).click()


def state(page: Page) -> Any:
    return page.locator(".head .tags .tag").first


@pytest.fixture(scope="module")
def used(desk: Desk) -> tuple[str, str]:
    """An application that went its way through the pages: its path, and the department's new API key."""
    li = desk.open("li", "/catalogue/gaj/resident")
    li.get_by_role("link", name="申请共享").click()
    li.get_by_role("button", name="保存并提交本部门审批").click()
    expect(li.get_by_role("alert")).to_contain_text("处需要修改")
    expect(li.locator("#fault-basis")).to_be_visible()
    li.get_by_label("使用依据").fill("《基本医疗卫生与健康促进法》第二十条")
    li.get_by_label("使用场景").fill("家庭医生签约对象核对，逐人核验")
    li.get_by_label("使用范围").fill("市卫生健康委基层处")
    li.get_by_label("服务接口").check()
    li.get_by_label("使用时限（止）").fill((city_day(datetime.now(UTC)) + timedelta(days=20)).isoformat())
    for name in ("公民身份号码", "性别代码"):
        li.locator("#f-columns").get_by_label(name, exact=True).check()
    picture(li, "apply")
    li.get_by_label("使用范围").fill("")
    li.get_by_role("button", name="保存草稿").click()
    expect(state(li)).to_have_text("草稿")
    press(li, "提交")
    expect(li.get_by_role("alert")).to_contain_text("有 1 处需要修改")
    li.get_by_label("使用范围").fill("市卫生健康委基层处")
    li.get_by_role("button", name="保存并提交本部门审批").click()
    expect(state(li)).to_have_text("待本部门审批")
    path = li.url.removeprefix(desk.url)

    wang = desk.open("wang", "/")
    expect(wang.locator("#today")).to_contain_text("王处长，今天待办")
    picture(wang, "home")
    wang.locator("#today a", has_text="待本部门审批").click()
    press(wang, "本部门同意")
    expect(state(wang)).to_have_text("待大数据局受理")

    sun = desk.open("sun", "/desk/list/intake")
    picture(sun, "intake")
    sun.get_by_role("link", name="户籍人口基本信息").click()
    expect(sun.locator(".deadline")).to_contain_text("剩 10 个工作日")
    press(sun, "受理")

    zhao = desk.open("zhao", "/desk")
    zhao.get_by_role("link", name="户籍人口基本信息").click()
    zhao.locator("summary", has_text="不予提供").click()
    picture(zhao, "answer")
    press(zhao, "同意")
    expect(state(zhao)).to_have_text("待提供数据")
    press(zhao, "提供")
    expect(state(zhao)).to_have_text("使用中")

    li = desk.open("li", "/desk/keys")
    li.get_by_label("用途").fill("签约核对系统")
    li.get_by_role("button", name="新建 API key").click()
    key = li.locator("#made code").inner_text()
    li.reload()
    expect(li.locator("#made")).to_have_count(0)
    return path, key


def test_a_department_applies_is_approved_and_calls_the_api_until_expiry_closes_it(
    desk: Desk, used: tuple[str, str]
) -> None:
    path, key = used
    number = path.rsplit("/", 1)[1]
    li = desk.open("li", path)
    example = li.locator("#grant pre").inner_text()
    picture(li, "application")
    address = re.search(r'"(http://[^"]+)"', example)
    assert address
    status, answer = call(address[1], key, **{"X-Application": number})
    assert status == 200
    assert list(answer["data"][0]) == ["resident_id", "sex_code"]
    assert answer["meta"]["application"] == number
    status, refused = call(f"{address[1]}&fields=phone", key)
    assert (status, refused["error"]["code"]) == (403, "field_not_granted")

    assert desk.tick(city_day(datetime.now(UTC)) + timedelta(days=20))["expired"] == []
    assert call(address[1], key)[0] == 200
    assert desk.tick(city_day(datetime.now(UTC)) + timedelta(days=21))["expired"] == [number]
    status, refused = call(address[1], key)
    assert (status, refused["error"]["code"]) == (403, "not_granted")
    li.reload()
    expect(state(li)).to_have_text("待处置")
    li.locator("summary", has_text="处置").click()
    for label, text in (("处置方式", "全部销毁"), ("处置人", "李申请"), ("处置凭据", "销毁单 1 号")):
        li.get_by_label(label).fill(text)
    li.get_by_label("处置日期").fill(city_day(datetime.now(UTC)).isoformat())
    press(li, "处置")
    expect(state(li)).to_have_text("已归档")


def test_a_doubted_value_is_reported_corrected_and_closed_by_the_recheck(desk: Desk) -> None:
    li = desk.open("li", "/catalogue/sthj/device_reading")
    li.get_by_role("link", name="提出校核").click()
    for column, text in READING.items():
        li.locator(f"[id='f-key.{column}']").fill(text)
    li.get_by_label("数据项").select_option("value")
    li.get_by_label("应为").fill("41.5")
    li.get_by_label("依据").fill("现场比对记录 2026 第 8 号")
    picture(li, "report-form")
    li.get_by_role("button", name="提出校核").click()
    expect(state(li)).to_have_text("待核实")
    path = li.url.removeprefix(desk.url)

    chen = desk.open("chen", "/desk")
    chen.get_by_role("link", name="监测").first.click()
    chen.locator("summary", has_text="确认有误").click()
    chen.locator("#confirm-finding").fill("设备校准前的读数，应予更正")
    press(chen, "确认有误")
    _redeliver(desk)
    chen.locator("summary", has_text="更正").click()
    chen.get_by_label("重新送达的批次").fill("sthj.device_reading:0")
    press(chen, "更正")
    expect(chen.get_by_role("alert")).to_contain_text("没有批次 sthj.device_reading:0")
    chen.get_by_label("重新送达的批次").fill("sthj.device_reading:2")
    press(chen, "更正")
    expect(state(chen)).to_have_text("待复核")

    li = desk.open("li", path)
    li.get_by_role("button", name="现在复核").click()
    expect(state(li)).to_have_text("已办结")
    expect(li.locator("#timeline")).to_contain_text("复核通过")
    expect(li.locator("#timeline")).to_contain_text("sthj.device_reading:2")
    picture(li, "report")


def _redeliver(desk: Desk) -> None:
    """Publish the reading as it should be, with the batch that brought it."""
    tables, key = desk.city.city_tables(), "sthj.device_reading"
    where = " and ".join(f"cast({column} as varchar) = '{text.replace('T', ' ')}'" for column, text in READING.items())
    outcome = f"('{key}', 'reading', '{key}:2', 'accepted', 60, 60, 0, 0, null, null)"
    value = f"case when {where} then 41.5 else value end"
    tables[key] = f"select * replace (cast({value} as {TYPE}) as value) from ({tables[key]})"
    tables["ops.ingest_outcome"] += f" union all select * from (values {outcome})"
    desk.city.publish_tables(desk.settings, "again", {name: tables[name] for name in (key, "ops.ingest_outcome")})


def test_the_pages_fit_a_phone_and_everybody(desk: Desk, used: tuple[str, str], axe: str) -> None:
    path, _ = used
    for account, address in (
        ("li", "/"),
        ("li", "/desk"),
        ("li", path),
        ("li", "/desk/keys"),
        ("li", "/desk/apply/gaj/vehicle"),
        ("li", "/desk/report/sthj/device_reading"),
        ("sun", "/desk/list/all"),
        ("zhao", path),
        ("zhao", "/catalogue/gaj/resident"),
        ("sun", "/catalogue/gaj/resident"),
    ):
        page = desk.open(account, address)
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        short = [(rule["id"], [node["html"][:160] for node in rule["nodes"][:3]]) for rule in found["violations"]]
        assert short == [], json.dumps([address, short], ensure_ascii=False, indent=1)
        page.set_viewport_size(PHONE)
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
        if (account, address) == ("li", path):
            picture(page, "phone")
        page.set_viewport_size({"width": 1360, "height": 860})
