"""The catalogue in a real browser: with a mouse, with the keyboard, on a phone, without scripts, for everybody."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.e2e
PAGES = [
    "/",
    "/catalogue",
    "/catalogue?q=hj&share=2",
    "/catalogue/gaj/resident",
    "/quality",
    "/governance",
    "/api/docs",
]
PHONE: Any = {"width": 390, "height": 844}


def names(page: Page) -> list[str]:
    return page.locator(".list .what > a").all_inner_texts()


def test_typing_narrows_the_list_and_the_address_can_be_shared(web_page: Page, context: BrowserContext) -> None:
    web_page.goto("/catalogue")
    assert len(names(web_page)) == 20
    web_page.get_by_role("combobox", name="搜索目录").type("hjrk", delay=20)
    expect(web_page.get_by_role("status")).to_contain_text("匹配“hjrk”")
    assert "户籍人口基本信息" in names(web_page)
    expect(web_page).to_have_url(re.compile("q=hjrk"))
    expect(web_page.get_by_role("combobox", name="搜索目录")).to_be_focused()
    second = context.new_page()
    second.goto(web_page.url)
    assert names(second) == names(web_page)


def test_a_filter_narrows_without_a_new_page_and_comes_off_again(web_page: Page) -> None:
    web_page.goto("/catalogue")
    web_page.evaluate("window.untouched = true")
    web_page.locator("[id='f-share-3']").click()
    expect(web_page.get_by_role("status")).to_contain_text("共 1 个")
    assert names(web_page) == ["重大危险源信息"]
    web_page.get_by_role("link", name="去掉条件 不予共享").click()
    expect(web_page.get_by_role("status")).to_contain_text("共 30 个")
    assert web_page.evaluate("window.untouched") is True
    web_page.go_back()
    expect(web_page.get_by_role("status")).to_contain_text("共 1 个")


def test_filter_and_words_go_together(web_page: Page) -> None:
    web_page.goto("/catalogue")
    web_page.locator("[id='f-dept-gaj']").click()
    expect(web_page.get_by_role("status")).to_contain_text("共 4 个")
    web_page.get_by_role("combobox", name="搜索目录").fill("户籍人口")
    expect(web_page.get_by_role("status")).to_contain_text("匹配“户籍人口”")
    expect(web_page).to_have_url(re.compile("dept=gaj"))


def test_an_entry_opens_from_the_list_and_its_code_list_unfolds(web_page: Page) -> None:
    web_page.goto("/catalogue")
    web_page.get_by_role("link", name="户籍人口基本信息", exact=True).click()
    expect(web_page.get_by_role("heading", level=1)).to_have_text("户籍人口基本信息")
    web_page.get_by_role("navigation", name="本页内容").get_by_role("link", name="信息项").click()
    expect(web_page.get_by_role("heading", name="信息项")).to_be_in_viewport()
    folded = web_page.locator("#items details").first
    folded.locator("summary").click()
    expect(folded.locator("li").first).to_be_visible()
    expect(web_page.locator("svg.lineage .box")).to_have_count(3)


def test_everything_is_in_reach_of_the_keyboard(web_page: Page) -> None:
    web_page.goto("/catalogue")
    web_page.keyboard.press("Tab")
    expect(web_page.get_by_role("link", name="跳到正文")).to_be_focused()
    expect(web_page.get_by_role("link", name="跳到正文")).to_be_in_viewport()
    web_page.keyboard.press("Enter")
    expect(web_page.locator("main")).to_be_focused()
    web_page.keyboard.press("/")
    expect(web_page.get_by_role("combobox", name="搜索目录")).to_be_focused()
    web_page.locator("[id='f-share-1']").focus()
    web_page.keyboard.press("Enter")
    expect(web_page.get_by_role("status")).to_contain_text("共 14 个")
    expect(web_page.locator("[id='f-share-1']")).to_be_focused()
    assert web_page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("url", PAGES)
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, web_url: str, url: str) -> None:
    opened = browser.new_context(base_url=web_url, viewport=PHONE)
    page = opened.new_page()
    page.goto(url)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    opened.close()


@pytest.mark.parametrize("url", PAGES)
def test_axe_finds_nothing_to_complain_about(web_page: Page, axe: str, url: str) -> None:
    web_page.goto(url)
    web_page.evaluate(axe)
    found = web_page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    short = [
        (rule["id"], rule["impact"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found["violations"]
    ]
    assert short == [], json.dumps(short, ensure_ascii=False, indent=1)


def test_axe_does_complain_about_a_page_with_faults(web_page: Page, axe: str) -> None:
    web_page.goto("/catalogue")
    web_page.evaluate(
        "document.querySelector('label[for=q]').remove(); document.getElementById('q').removeAttribute('placeholder')"
    )
    web_page.evaluate(axe)
    assert web_page.evaluate("axe.run(document).then(found => found.violations.map(rule => rule.id))") != []


def test_everything_works_without_scripts(browser: Browser, web_url: str) -> None:
    opened = browser.new_context(base_url=web_url, java_script_enabled=False)
    page = opened.new_page()
    page.goto("/catalogue")
    page.get_by_role("searchbox", name="搜索目录").fill("户籍人口")
    page.get_by_role("button", name="搜索").click()
    expect(page.get_by_role("status")).to_contain_text("匹配“户籍人口”")
    page.goto("/catalogue")
    page.locator("[id='f-share-3']").click()
    assert names(page) == ["重大危险源信息"]
    page.get_by_role("searchbox", name="搜索目录").fill("没有这样的词")
    page.get_by_role("button", name="搜索").click()
    expect(page.get_by_text("没有符合条件的资源")).to_be_visible()
    opened.close()


def test_paper_gets_the_content_and_not_the_controls(web_page: Page) -> None:
    web_page.goto("/catalogue/gaj/resident")
    web_page.emulate_media(media="print")
    expect(web_page.locator(".menu")).to_be_hidden()
    expect(web_page.locator(".contents")).to_be_hidden()
    expect(web_page.get_by_role("heading", level=1)).to_be_visible()
    web_page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert web_page.locator("details:not([open])").count() == 0
    web_page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert web_page.locator("details:not([open])").count() > 0


def test_hostile_text_does_nothing(web_page: Page) -> None:
    web_page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    web_page.goto("/catalogue/dsjj/division")
    expect(web_page.locator("#sample")).to_contain_text("<script>alert(1)</script>")
    web_page.goto("/catalogue?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(web_page.get_by_role("combobox", name="搜索目录")).to_have_value("<img src=x onerror=alert(1)>")


def test_a_wrong_address_is_told_kindly(context: BrowserContext) -> None:
    page = context.new_page()
    answer = page.goto("/catalogue/gaj/nothing")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("没有这个数据资源")
    page.get_by_role("link", name="数据目录").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("数据目录")
