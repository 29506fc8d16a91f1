"""The pages in English in a real browser: nothing overflows, axe has no complaint, and the menu has room for more."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e
PAGES = ["/", "/catalogue", "/catalogue/gaj/resident", "/quality", "/governance", "/api/docs", "/login"]
MORE = ["Cataloguing", "Applications", "Compliance"]
GROW = """words => {
    const menu = document.querySelector('.menu');
    for (const word of words) {
        const link = document.createElement('a');
        link.href = '#';
        link.textContent = word;
        menu.append(link);
    }
    const menuBox = menu.getBoundingClientRect();
    const side = document.querySelector('.side').getBoundingClientRect();
    const isBeside = side.top < menuBox.bottom && menuBox.top < side.bottom;
    return isBeside && menuBox.right > side.left;
}"""


@pytest.fixture
def english(browser: Browser, web_url: str) -> Iterator[Page]:
    opened = browser.new_context(base_url=web_url, viewport={"width": 1024, "height": 800})
    opened.add_cookies([{"name": "language", "value": "en", "url": web_url}])
    yield opened.new_page()
    opened.close()


@pytest.mark.parametrize("width", [1360, 1024, 900, 390])
def test_nothing_overflows_in_english(english: Page, width: int) -> None:
    english.set_viewport_size({"width": width, "height": 800})
    for url in PAGES:
        english.goto(url)
        assert english.evaluate("document.documentElement.scrollWidth") <= width, url


@pytest.mark.parametrize("width", [1360, 1024, 981, 900, 390])
def test_the_menu_has_room_for_more(english: Page, width: int) -> None:
    english.set_viewport_size({"width": width, "height": 800})
    english.goto("/")
    assert not english.evaluate(GROW, MORE)
    assert english.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("url", PAGES)
def test_axe_finds_nothing_in_english(english: Page, axe: str, url: str) -> None:
    english.goto(url)
    english.evaluate(axe)
    found = english.evaluate("axe.run(document, {resultTypes: ['violations']})")
    short = [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found["violations"]]
    assert short == [], json.dumps(short, ensure_ascii=False, indent=1)


def test_the_switch_keeps_the_page_and_the_language_stays(english: Page) -> None:
    english.goto("/quality")
    english.get_by_role("link", name="中文").click()
    assert english.url.endswith("/quality")
    assert english.locator("html").get_attribute("lang") == "zh-CN"
    english.get_by_role("link", name="English").click()
    english.goto("/governance")
    assert english.locator("html").get_attribute("lang") == "en"
