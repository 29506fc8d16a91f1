"""A lakehouse of either profile that nobody else uses, and a small table of persons to try things on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home

from lakehouse.branches import Branch, open_branch
from lakehouse.connect.duck import Connection, attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, write_files

PERSON_SCHEMA: dict[str, Any] = {
    "type": "struct",
    "schema-id": 0,
    "fields": [
        {"id": 1, "name": "person_id", "type": "string", "required": True},
        {"id": 2, "name": "age", "type": "int", "required": False},
        {"id": 3, "name": "income", "type": "decimal(12, 2)", "required": False},
        {"id": 4, "name": "updated_at", "type": "timestamp", "required": False},
        {"id": 5, "name": "_batch_id", "type": "string", "required": True},
        {"id": 6, "name": "_row", "type": "long", "required": True},
    ],
}


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.stack)])
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    home = tmp_path / "home"
    if request.param == "embedded":
        yield Settings(home=home, threads=2, memory_limit="500MB")
        return
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=2, memory_limit="500MB")
    yield settings
    remove_cluster_home(settings)


@pytest.fixture
def con(settings: Settings) -> Iterator[Connection]:
    connection = open_duckdb(settings=settings)
    yield connection
    connection.close()


@pytest.fixture
def branch(settings: Settings) -> Branch:
    return open_branch(settings, "run")


def persons_sql(first: int, last: int, *, batch: str, age: int = 30, at: str = "2026-01-01") -> str:
    """Return a query of the persons ``first`` to ``last`` (exclusive) as one batch delivers them."""
    return (
        f"select lpad(i::varchar, 6, '0') as person_id, {age}::integer as age, (i * 1.5)::decimal(12, 2) as income,"
        f" timestamp '{at}' as updated_at, '{batch}' as _batch_id, (i - {first} + 1)::bigint as _row"
        f" from range({first}, {last}) r(i)"
    )


@pytest.fixture
def add_persons(settings: Settings, con: Connection) -> Callable[..., bool]:
    """Append persons to a table on a branch as one batch."""

    def add(branch: Branch, identifier: str, first: int, last: int, *, batch: str, **columns: Any) -> bool:
        table = ensure_table(open_catalog(settings, branch.catalog_name), identifier, PERSON_SCHEMA)
        files = write_files(con, table, persons_sql(first, last, batch=batch, **columns))
        return append_files(table, files, batch_id=batch)

    return add


@pytest.fixture
def count(settings: Settings) -> Callable[..., int]:
    """Count the rows of a table as a branch shows them now; a missing table has -1."""

    def count_rows(identifier: str, branch: str = "main") -> int:
        with open_duckdb(settings=settings) as fresh:
            if identifier not in attach_branch(fresh, settings, branch):
                return -1
            row = fresh.execute(f"select count(*) from {identifier}").fetchone()
            assert row is not None
            return int(row[0])

    return count_rows
