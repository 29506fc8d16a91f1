"""The whole product from outside: ``citybrain serve`` as a process, and a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from served_city import published_city, served

AXE = "axe-core@4.14.1"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def web_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over the small published city."""
    home = tmp_path_factory.mktemp("e2e") / "home"
    published_city(home)
    with served(home) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium: ``$CITYBRAIN_CHROMIUM``, else the one on the path."""
    path = os.environ.get("CITYBRAIN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is missing: install it (apt-get install chromium), or set CITYBRAIN_CHROMIUM")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, web_url: str) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=web_url, viewport={"width": 1360, "height": 860}, locale="zh-CN")
    yield opened
    opened.close()


@pytest.fixture
def web_page(context: BrowserContext, web_url: str) -> Iterator[Page]:
    """A tab; afterwards, nothing may have been complained about on its console, or asked of another host."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((web_url, "data:")) else complaints.append(r.url))
    yield page
    assert complaints == []


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """The source of axe-core, fetched once from the npm registry into the test cache."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("axe-core")
    script = folder / "package" / "axe.min.js"
    with FileLock(str(folder) + ".lock"):
        if not script.exists():
            _fetch(folder)
    return script.read_text("utf-8")


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing: install Node to fetch axe-core, which checks accessibility")
    packed = subprocess.run(
        [npm, "pack", AXE, "--silent"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if packed.returncode != 0:
        pytest.skip(f"{AXE} cannot be fetched: {packed.stderr.strip()[-200:]}; give npm a registry")
    with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
        archive.extract("package/axe.min.js", folder, filter="data")
