"""A home with the small city of 履职, made once, and clients who are signed in as somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compliance_city import PEOPLE, make_city
from fastapi.testclient import TestClient
from httpx import Response
from signed_in import sign_in

from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

SeenBy = Callable[[str], Callable[[str], Response]]
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="session")
def duty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("compliance") / "home", threads=1)
    make_city(settings)
    return settings.home


@pytest.fixture(scope="session")
def duty_clients(duty_home: Path) -> Iterator[dict[str, TestClient]]:
    """Clients by account; ``""`` is a stranger."""
    settings = Settings(home=duty_home, threads=1)
    application = create_app(settings, warms=False)
    with TestClient(application, base_url="http://127.0.0.1", follow_redirects=False) as stranger:
        signed = {name: sign_in(application, app_database(settings), person) for name, person in PEOPLE.items()}
        yield signed | {"": stranger}


@pytest.fixture
def seen_by(duty_clients: dict[str, TestClient]) -> SeenBy:
    """Return how somebody (``""``: a stranger) gets a page."""
    return lambda account: lambda url: duty_clients[account].get(url, headers=BROWSER)
