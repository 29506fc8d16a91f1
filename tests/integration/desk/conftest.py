"""The desk over a small published city; each test has its own app database, all share the published tables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_doors import City
from desk_people import SignInByHeader
from starlette.testclient import TestClient

from catalog.access.store import AccessStore
from catalog.sharing.reminders import ReminderStore
from catalog.sharing.store import SharingStore
from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

sys.path.append(str(Path(__file__).parents[1] / "web"))
from web_city import city_tables, publish_tables


@pytest.fixture(scope="session")
def desk_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("desk") / "home", threads=1)
    publish_tables(settings, "city", city_tables())
    return settings.home


@pytest.fixture
def settings(desk_city: Path) -> Settings:
    """The published city with an app database that nothing was written to."""
    found = Settings(home=desk_city, threads=1)
    for file in found.app_db.parent.glob(f"{found.app_db.name}*"):
        file.unlink()
    return found


@pytest.fixture
def city(settings: Settings) -> Iterator[City]:
    app = create_app(settings)
    app.add_middleware(SignInByHeader)
    address = app_database(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        store, access, reminders = SharingStore(address), AccessStore(address), ReminderStore(address)
        yield City(client, settings, store, access, reminders)
        for opened in (store, access, reminders):
            opened.close()


@pytest.fixture
def own_city(tmp_path: Path) -> Iterator[tuple[Settings, Callable[[dict[str, str]], str]]]:
    """A city of one's own to publish into: its settings, and what publishes tables."""
    settings = Settings(home=tmp_path / "own", threads=1)
    tables = city_tables()
    publish_tables(settings, "city", tables)
    yield settings, lambda changed: publish_tables(settings, "again", changed)
    shutil.rmtree(settings.home, ignore_errors=True)
