"""The doors over a small published city, and over a home where nothing is published."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from web_city import city_tables, publish_tables

from catalog.access.store import AccessStore, open_store
from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings


@pytest.fixture(scope="session")
def web_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the small city published; tests only read its tables."""
    settings = Settings(home=tmp_path_factory.mktemp("web") / "home", threads=1)
    publish_tables(settings, "city", city_tables())
    return settings.home


@pytest.fixture
def settings(web_home: Path) -> Settings:
    return Settings(home=web_home, threads=1)


@pytest.fixture
def store(settings: Settings) -> Iterator[AccessStore]:
    with open_store(app_database(settings)) as opened:
        yield opened


@pytest.fixture(scope="session")
def city_client(web_home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=web_home, threads=1)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(city_client: TestClient) -> TestClient:
    """A browser-like client without cookies or headers of its own."""
    city_client.cookies.clear()
    return city_client


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a home where nothing is published."""
    with TestClient(create_app(Settings(home=tmp_path / "home", threads=1)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def own_settings(web_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """A small city of one's own, to publish into."""
    settings = Settings(home=tmp_path / "own", threads=1)
    tables = {key: sql for key, sql in city_tables().items() if key in ("dsjj.division", "gaj.resident")}
    publish_tables(settings, "city", tables)
    yield settings
    shutil.rmtree(settings.home, ignore_errors=True)


@pytest.fixture
def key_of(store: AccessStore) -> Callable[..., dict[str, str]]:
    """Make a key and return the request headers that carry it."""

    def make(dept: str = "jyj", *resources: str, **grant: Any) -> dict[str, str]:
        return {"X-API-Key": store.create_key(dept, "test", resources, **grant)}

    return make
