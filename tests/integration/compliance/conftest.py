"""A home with the small city of 履职, made once, and clients who are signed in as somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compliance_city import AS, make_city, signed_in
from starlette.testclient import TestClient

from catalog.web.app import create_app
from lakehouse.connect.settings import Settings


@pytest.fixture(scope="session")
def duty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("compliance") / "home", threads=1)
    make_city(settings)
    return settings.home


@pytest.fixture(scope="session")
def duty_client(duty_home: Path) -> Iterator[TestClient]:
    application = signed_in(create_app(Settings(home=duty_home, threads=1)))
    with TestClient(application, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def seen_by(duty_client: TestClient) -> Callable[[str], Callable[[str], object]]:
    """Return how somebody (``""``: a stranger) gets a page."""

    def as_(account: str) -> Callable[[str], object]:
        headers = {"Accept": "text/html,*/*;q=0.8"} | ({AS: account} if account else {})
        return lambda url: duty_client.get(url, headers=headers)

    return as_
