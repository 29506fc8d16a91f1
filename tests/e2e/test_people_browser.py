"""People in a real browser: the first account to a working day, lockout and unlocking, by keyboard, on a phone, for everybody."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from served_city import citybrain, served

pytestmark = pytest.mark.e2e
OWN = "Longjing-Tea-2026"
PHONE: Any = {"width": 390, "height": 844}
ADMINISTRATORS = ("sysadmin", "secadmin", "auditor")
SECRET = re.compile(r"\w{5}(?:-\w{5}){3}")


@pytest.fixture(scope="module")
def people_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people") / "home"


@pytest.fixture(scope="module")
def first_passwords(people_home: Path) -> dict[str, str]:
    """The three administrators, as ``citybrain account init`` makes them."""
    return {row["account"]: row["password"] for row in citybrain(people_home, "account", "init")}


@pytest.fixture(scope="module")
def people_url(people_home: Path, first_passwords: dict[str, str]) -> Iterator[str]:
    with served(people_home) as url:
        yield url


@pytest.fixture
def desks(browser: Browser, people_url: str) -> Iterator[list[BrowserContext]]:
    """Browsers of several people."""
    opened = [
        browser.new_context(base_url=people_url, viewport={"width": 1360, "height": 860}, locale="zh-CN")
        for _ in range(4)
    ]
    yield opened
    for context in opened:
        context.close()


def begin(page: Page, account: str, first: str) -> None:
    """Sign in with a first password, and change it as one is told to."""
    enter(page, account, first)
    expect(page.get_by_text("请先改为您自己的口令")).to_be_visible()
    page.get_by_label("原口令").fill(first)
    page.get_by_label("新口令", exact=True).fill(OWN)
    page.get_by_label("再次输入新口令").fill(OWN)
    page.keyboard.press("Enter")
    if account in ADMINISTRATORS:
        enrol(page)
    expect(page.get_by_role("button", name="退出", exact=True)).to_be_visible()


def enrol(page: Page) -> None:
    """Set up one-time codes, as an administrator's telephone would."""
    expect(page.get_by_role("img", name="动态口令的二维码")).to_be_visible()
    page.locator(".qr img").evaluate("image => image.decode()")
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("当前的 6 位数字").fill(pyotp.TOTP(secret).now())
    page.keyboard.press("Enter")
    expect(page.locator(".recovery li")).to_have_count(10)
    page.get_by_role("link", name="已保存，继续").click()


def enter(page: Page, account: str, password: str) -> None:
    page.goto("/login?next=/account")
    page.get_by_label("账号").fill(account)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def clean(page: Page, axe: str) -> None:
    """Axe has no complaint, and nothing is wider than the window, on a desk and on a phone."""
    for size in (PHONE, {"width": 1360, "height": 860}):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    short = [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found["violations"]]
    assert short == [], json.dumps(short, ensure_ascii=False, indent=1)


def test_three_administrators_make_one_account_work(
    desks: list[BrowserContext], first_passwords: dict[str, str], axe: str
) -> None:
    system, security, auditor, worker = (context.new_page() for context in desks)
    for page, account in ((system, "sysadmin"), (security, "secadmin"), (auditor, "auditor")):
        begin(page, account, first_passwords[account])
        clean(page, axe)

    system.get_by_role("link", name="账号管理").click()
    system.get_by_label("账号", exact=True).fill("lisi")
    system.get_by_label("姓名").fill("李四")
    system.get_by_label("部门").select_option(label="市公安局")
    system.get_by_role("button", name="新建").click()
    slip = system.locator("#slip")
    expect(slip).to_contain_text("只显示这一次")
    first = SECRET.search(slip.inner_text())
    assert first
    clean(system, axe)
    shown(system, "accounts")
    system.reload()
    expect(system.locator("#slip")).to_have_count(0)

    begin(worker, "lisi", first[0])
    expect(worker.get_by_text("尚未授予岗位")).to_be_visible()
    security.get_by_role("link", name="岗位授权").click()
    security.get_by_role("link", name="调整岗位 lisi").click()
    security.get_by_label("编目员").check()
    clean(security, axe)
    shown(security, "posts")
    security.get_by_role("button", name="提交").click()
    expect(security.locator("tr#lisi")).to_contain_text("编目员")
    clean(security, axe)
    shown(security, "rights")
    worker.goto("/account")
    expect(worker).to_have_url(re.compile("/login"))  # the change of posts ended the session

    for _ in range(5):
        enter(worker, "lisi", "wrong")
        expect(worker.get_by_role("alert")).to_be_visible()
    enter(worker, "lisi", OWN)
    expect(worker.get_by_role("alert")).to_contain_text("分钟后再试")
    clean(worker, axe)
    security.goto("/rights")
    security.get_by_role("button", name="解除锁定 lisi").click()
    enter(worker, "lisi", OWN)
    expect(worker.get_by_text("编目员")).to_be_visible()
    shown(worker, "account")
    clean(worker, axe)
    worker.goto("/account/password")
    clean(worker, axe)
    shown(worker, "password")
    worker.goto("/accounts")
    expect(worker.get_by_role("heading", level=1)).to_contain_text("由系统管理员办理")
    worker.get_by_role("button", name="退出", exact=True).click()
    expect(worker.get_by_role("link", name="登录", exact=True)).to_be_visible()
    worker.goto("/account")
    expect(worker).to_have_url(re.compile(r"/login\?next=/account"))

    auditor.get_by_role("link", name="审计日志").click()
    auditor.get_by_label("账号", exact=True).fill("lisi")
    auditor.get_by_role("button", name="查询").click()
    for said in ("新建账号", "调整岗位", "口令错误", "解除锁定", "操作被拒绝", "退出"):
        expect(auditor.locator("tbody").get_by_text(said, exact=True).first).to_be_visible()
    clean(auditor, axe)
    shown(auditor, "audit")
    with auditor.expect_download() as taken:
        auditor.get_by_role("link", name="导出 CSV").click()
    assert taken.value.suggested_filename == "audit-people.csv"


def shown(page: Page, name: str) -> None:
    """Keep a picture where ``CITYBRAIN_SCREENSHOTS`` asks for one."""
    if folder := os.environ.get("CITYBRAIN_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"people-{name}.png", full_page=True)
