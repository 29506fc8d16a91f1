"""A stack that has no real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.stack.parts import Parts, Pins
from infra.stack.places import StackPlaces
from infra.stack.settings import Ports, StackSettings


@pytest.fixture
def places(tmp_path: Path) -> StackPlaces:
    return StackPlaces(tmp_path / "home")


@pytest.fixture
def stack_settings() -> StackSettings:
    """Settings that name no real port."""
    ports = Ports(
        postgres=1,
        object_store=2,
        object_store_internal=list(range(10, 18)),
        nessie=3,
        nessie_management=4,
        trino=5,
        trino_internal=6,
        airflow=7,
        catalogue=8,
        departments=9,
    )
    return StackSettings(ports=ports)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """An empty cache."""
    return Parts(cache=tmp_path / "cache", pins=Pins("476", "0.99.0", "1.12.0", "3.5.0", "4.1_2.13"))
