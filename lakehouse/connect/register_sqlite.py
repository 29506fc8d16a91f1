"""The embedded profile's register: one SQLite file with the Iceberg pointers, the branches and the publish log.

Every statement that changes more than one row runs in a transaction that takes the write lock at once: two writers wait
for each other instead of failing half-way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from lakehouse.connect.database import Register, Rows, branch_schema
from lakehouse.connect.settings import Settings
from lakehouse.connect.unfinished import refuse_unfinished_restore

BUSY_TIMEOUT_SECONDS = 60.0

_SCHEMA = """
create table if not exists iceberg_tables (
    catalog_name varchar(255) not null,
    table_namespace varchar(255) not null,
    table_name varchar(255) not null,
    metadata_location varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type varchar(5),
    primary key (catalog_name, table_namespace, table_name)
);
create table if not exists iceberg_namespace_properties (
    catalog_name varchar(255) not null,
    namespace varchar(255) not null,
    property_key varchar(255) not null,
    property_value varchar(1000) not null,
    primary key (catalog_name, namespace, property_key)
);
"""
_CATALOG_TABLES = ("iceberg_tables", "iceberg_namespace_properties")
_ONE_TABLE = "catalog_name = ? and table_namespace = ? and table_name = ?"


def open_database(settings: Settings) -> sqlite3.Connection:
    """Open the register, creating it when it is missing; autocommit outside a transaction."""
    refuse_unfinished_restore(settings)
    fresh = not settings.catalog_db.exists()
    settings.root.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(settings.catalog_db, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    if fresh or not _has_schema(db):
        db.execute("pragma journal_mode = wal")
        db.executescript(_SCHEMA + branch_schema("integer primary key autoincrement"))
    return db


def copy_database(source: Path, target: Path) -> None:
    """Write one moment of an SQLite database that others may be writing to; the target is a file of its own."""
    origin = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(origin, uri=True, timeout=BUSY_TIMEOUT_SECONDS)) as db,
        closing(sqlite3.connect(target)) as copy,
    ):
        db.backup(copy)


def _has_schema(db: sqlite3.Connection) -> bool:
    return db.execute("select 1 from sqlite_master where name = 'publish_log'").fetchone() is not None


@contextmanager
def reading_embedded(settings: Settings) -> Iterator[Register]:
    """Give the register as of one moment."""
    with closing(open_database(settings)) as db:
        db.execute("begin")
        try:
            yield SqliteRegister(db)
        finally:
            db.execute("rollback")


@contextmanager
def embedded_transaction(settings: Settings, *, atomic: bool) -> Iterator[Register]:
    """Run the block as one transaction with the write lock held from its start."""
    with closing(open_database(settings)) as db:
        if not atomic:
            yield SqliteRegister(db)
            return
        db.execute("begin immediate")
        try:
            yield SqliteRegister(db)
        except BaseException:
            db.execute("rollback")
            raise
        db.execute("commit")


class SqliteRegister(Register):
    """Register and pointers in one SQLite transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        return self._db.execute(sql, tuple(parameters))

    def catalog_name(self, branch: str, token: int) -> str:
        """The token is part of the name."""
        return f"{branch}@{token}"

    def pointers(self, catalog_name: str) -> dict[str, str]:
        """Return the pointers of a catalog name."""
        rows = self._db.execute(
            "select table_namespace || '.' || table_name, metadata_location from iceberg_tables"
            " where catalog_name = ? order by 1",
            (catalog_name,),
        )
        return dict(rows.fetchall())

    def set_pointer(self, catalog_name: str, identifier: str, pointer: str | None) -> None:
        """Write, or delete, one pointer."""
        key = _key(catalog_name, identifier)
        if pointer is None:
            self._db.execute(f"delete from iceberg_tables where {_ONE_TABLE}", key)
            return
        self._db.execute(
            "insert into iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type)"
            " values (?, ?, ?, ?, 'TABLE') on conflict (catalog_name, table_namespace, table_name) do update"
            " set previous_metadata_location = metadata_location, metadata_location = excluded.metadata_location",
            (*key, pointer),
        )

    def swap_pointer(self, catalog_name: str, identifier: str, base: str | None, pointer: str | None) -> bool:
        """Compare-and-swap one pointer."""
        key = _key(catalog_name, identifier)
        if base is None:
            self.set_pointer(catalog_name, identifier, pointer)
            return True
        if pointer is None:
            sql = f"delete from iceberg_tables where {_ONE_TABLE} and metadata_location = ?"
            return self._db.execute(sql, (*key, base)).rowcount == 1
        sql = (
            "update iceberg_tables set previous_metadata_location = metadata_location, metadata_location = ?"
            f" where {_ONE_TABLE} and metadata_location = ?"
        )
        return self._db.execute(sql, (pointer, *key, base)).rowcount == 1

    def copy_catalog(self, source: str, target: str) -> None:
        """Copy the pointers."""
        for identifier, pointer in self.pointers(source).items():
            self.set_pointer(target, identifier, pointer)

    def rename_catalog(self, old: str, new: str) -> None:
        """Move the rows, so that the old name has none to swap."""
        for table in _CATALOG_TABLES:
            self._db.execute(f"update {table} set catalog_name = ? where catalog_name = ?", (new, old))

    def drop_catalog(self, catalog_name: str) -> None:
        """Delete the rows."""
        for table in _CATALOG_TABLES:
            self._db.execute(f"delete from {table} where catalog_name = ?", (catalog_name,))

    def every_pointer(self) -> list[tuple[str, str]]:
        """Return the pointers of all catalog names."""
        return self._db.execute(
            "select distinct table_namespace || '.' || table_name, metadata_location from iceberg_tables order by 1, 2"
        ).fetchall()


def _key(catalog_name: str, identifier: str) -> tuple[str, str, str]:
    namespace, _, table = identifier.partition(".")
    return catalog_name, namespace, table
