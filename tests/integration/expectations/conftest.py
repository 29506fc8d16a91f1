"""A DuckDB connection for expectations, and Great Expectations imported once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from expectations.gx import load_great_expectations

load_great_expectations()  # before a test imports it by itself, with all that it has for expectations that nobody asks for


@pytest.fixture
def con() -> Iterator[Any]:
    connection = duckdb.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def duck() -> Iterator[Any]:
    """One connection for all examples of a property."""
    connection = duckdb.connect()
    yield connection
    connection.close()
