"""履职 in a real browser: the matrix leads to evidence, the trend is drawn, for everybody, on a phone, on paper, in English."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from served_city import served
from signed_in import own_password

pytestmark = pytest.mark.e2e
CITY = Path(__file__).parents[1] / "integration" / "compliance" / "compliance_city.py"
PAGES = ["/compliance?on=2026-10-31", "/compliance/gaj?on=2026-10-31", "/compliance/report/2026-10"]
PHONE: Any = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def duty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server over the small city of 履职, and the cookie of a reviewer's session."""
    from catalog.access.accounts import Actor
    from catalog.access.sessions import SessionStore
    from lakehouse.connect.app_database import app_database
    from lakehouse.connect.settings import Settings

    settings = Settings(home=tmp_path_factory.mktemp("e2e-compliance") / "home", threads=1)
    city = _load(CITY)
    city.make_city(settings)
    address = app_database(settings)
    own_password(address, city.REVIEWER)
    sessions = SessionStore(address)
    cookie = sessions.open(city.REVIEWER.account, Actor(at=datetime.now(UTC)))
    sessions.close()
    with served(settings.home) as url:
        yield url, cookie


def _context(browser: Browser, server: tuple[str, str], **options: Any) -> BrowserContext:
    url, cookie = server
    opened = browser.new_context(base_url=url, **{"viewport": {"width": 1360, "height": 860}, **options})
    opened.add_cookies([{"name": "citybrain_session", "value": cookie, "url": url}])
    return opened


@pytest.fixture
def duty_page(browser: Browser, duty_server: tuple[str, str]) -> Iterator[Page]:
    """A reviewer's tab; afterwards nothing was complained about, and nothing asked of another host."""
    opened = _context(browser, duty_server, locale="zh-CN")
    page = opened.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((duty_server[0], "data:")) else complaints.append(r.url))
    yield page
    opened.close()
    assert complaints == []


def test_a_red_light_leads_to_its_evidence(duty_page: Page) -> None:
    duty_page.goto(PAGES[0])
    duty_page.get_by_role("link", name="市公安局，有条件共享按时答复：未履行，2 件").click()
    duty = duty_page.locator("[id='21.conditional']")
    expect(duty).to_have_attribute("open", "")
    expect(duty).to_contain_text("2026-10-22")
    expect(duty.get_by_role("link", name="SQ2026-000002")).to_have_attribute("href", "/desk/applications/SQ2026-000002")


def test_the_day_and_the_filter_are_chosen_by_keyboard(duty_page: Page) -> None:
    duty_page.goto(PAGES[0])
    duty_page.locator("select[name=status]").select_option("breached")
    duty_page.get_by_role("button", name="查看").press("Enter")
    expect(duty_page.get_by_role("row", name="有条件共享按时答复")).to_be_visible()
    expect(duty_page.get_by_role("row", name="申请要素齐全")).to_have_count(0)
    assert "on=2026-10-31" in duty_page.url


def test_the_trend_is_drawn_and_the_table_says_the_same(duty_page: Page) -> None:
    duty_page.goto(PAGES[2])
    chart = duty_page.locator(".chart")
    expect(chart).to_be_visible()
    expect(chart.locator("canvas")).to_be_visible()
    expect(duty_page.get_by_role("region", name="近月得分")).to_contain_text("2026-10")
    with duty_page.expect_download() as download:
        duty_page.get_by_role("link", name="下载 Excel").click()
    assert download.value.suggested_filename == "compliance-city-2026-10.xlsx"


def test_without_scripts_the_report_has_its_table(browser: Browser, duty_server: tuple[str, str]) -> None:
    opened = _context(browser, duty_server, java_script_enabled=False)
    page = opened.new_page()
    page.goto(PAGES[2])
    expect(page.locator(".chart")).to_be_hidden()
    expect(page.get_by_role("region", name="近月得分")).to_be_visible()
    opened.close()


def test_paper_gets_the_report_without_the_controls(duty_page: Page) -> None:
    duty_page.goto(PAGES[2])
    duty_page.emulate_media(media="print")
    expect(duty_page.locator(".menu")).to_be_hidden()
    expect(duty_page.locator(".months")).to_be_hidden()
    expect(duty_page.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("url", PAGES)
def test_a_phone_needs_no_sideways_scrolling(
    browser: Browser, duty_server: tuple[str, str], url: str, language: str
) -> None:
    opened = _context(browser, duty_server, viewport=PHONE)
    opened.add_cookies([{"name": "language", "value": language, "url": duty_server[0]}])
    page = opened.new_page()
    page.goto(url)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    opened.close()


@pytest.mark.parametrize("url", [*PAGES, "/compliance?on=2026-10-31&status=late"])
def test_axe_finds_nothing_on_the_pages_of_duties(duty_page: Page, axe: str, url: str) -> None:
    duty_page.goto(url)
    duty_page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    duty_page.evaluate(axe)
    found = duty_page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    short = [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found["violations"]]
    assert short == [], json.dumps(short, ensure_ascii=False, indent=1)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
