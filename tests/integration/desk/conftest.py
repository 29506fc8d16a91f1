"""The desk over a small published city; each test has its own app database, all share the published tables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_doors import City, opened_city
from desk_people import Session, signed_in_people

from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

sys.path.append(str(Path(__file__).parents[1] / "web"))
from web_city import city_tables, publish_tables

OwnCity = Callable[[dict[str, str]], City]


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Session]]:
    """An app database in which everybody is signed in, and their sessions."""
    settings = Settings(home=tmp_path_factory.mktemp("people") / "home", threads=1)
    sessions = signed_in_people(create_app(settings), app_database(settings))
    return settings.app_db, sessions


@pytest.fixture(scope="session")
def desk_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("desk") / "home", threads=1)
    publish_tables(settings, "city", city_tables())
    return settings.home


@pytest.fixture
def city(desk_city: Path, people: tuple[Path, dict[str, Session]]) -> Iterator[City]:
    """The published city, with an app database in which nothing happened yet but signing in."""
    settings = Settings(home=desk_city, threads=1)
    for file in settings.app_db.parent.glob(f"{settings.app_db.name}*"):
        file.unlink()
    _sign_in(settings, people[0])
    with opened_city(settings, people[1]) as found:
        yield found


@pytest.fixture
def own_city(tmp_path: Path, people: tuple[Path, dict[str, Session]]) -> Iterator[OwnCity]:
    """Open a city of one's own over the given tables, to publish into."""
    settings, opened = Settings(home=tmp_path / "home", threads=1), []

    def over(tables: dict[str, str]) -> City:
        publish_tables(settings, "city", tables)
        _sign_in(settings, people[0])
        opened.append(opened_city(settings, people[1]))
        return opened[-1].__enter__()

    yield over
    for one in opened:
        one.__exit__(None, None, None)


def _sign_in(settings: Settings, app_db: Path) -> None:
    settings.app_db.parent.mkdir(parents=True, exist_ok=True)
    for file in app_db.parent.glob(f"{app_db.name}*"):
        shutil.copy(file, settings.app_db.parent / file.name)
