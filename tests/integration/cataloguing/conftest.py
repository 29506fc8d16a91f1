"""The desk over a home of its own, and the people who sign in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cataloguing_visitors import PEOPLE, Visitor
from fastapi import FastAPI
from signed_in import sign_in

from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings


@pytest.fixture
def desk_settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def desk_app(desk_settings: Settings) -> FastAPI:
    return create_app(desk_settings)


@pytest.fixture
def as_(desk_app: FastAPI, desk_settings: Settings) -> Iterator[Callable[[str], Visitor]]:
    """Sign somebody of PEOPLE in."""
    held: dict[str, Visitor] = {}

    def visitor(name: str) -> Visitor:
        if name not in held:
            held[name] = Visitor(sign_in(desk_app, app_database(desk_settings), PEOPLE[name]))
        return held[name]

    yield visitor
    for one in held.values():
        one.client.close()
