"""The embedded profile's register: one SQLite file with the Iceberg pointers, the branches and the publish log.

Every statement that changes more than one row runs in ``transaction``, which takes the write lock at once: two
writers wait for each other instead of failing half-way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from lakehouse.connect.settings import Settings

BUSY_TIMEOUT_SECONDS = 60.0
MAIN = "main"

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
create table if not exists branch (
    name text primary key,
    token integer not null,
    catalog_name text not null,
    state text not null,
    opened_at text not null,
    reason text
);
create table if not exists branch_base (
    branch text not null,
    identifier text not null,
    pointer text not null,
    primary key (branch, identifier)
);
create table if not exists branch_adoption (
    branch text not null,
    identifier text not null,
    from_branch text not null,
    pointer text not null,
    base text,
    primary key (branch, identifier)
);
create table if not exists publish_log (
    id integer primary key autoincrement,
    snapshot text not null,
    branch text not null,
    token integer not null,
    scope text not null,
    published_at text not null,
    tables_changed text not null,
    pointers text not null
);
"""


class ProfileUnavailable(RuntimeError):
    """The settings ask for a profile whose parts are not on this machine."""


class UnknownBranch(LookupError):
    """There is no such branch, or it was dropped."""


def open_database(settings: Settings) -> sqlite3.Connection:
    """Open the register, creating it when it is missing; autocommit outside ``transaction``."""
    if settings.profile != "embedded":
        raise ProfileUnavailable(
            f"profile {settings.profile!r} has no register in a file; set CITYBRAIN_PROFILE=embedded"
        )
    fresh = not settings.catalog_db.exists()
    settings.root.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(settings.catalog_db, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    if fresh or not _has_schema(db):
        db.execute("pragma journal_mode = wal")
        db.executescript(_SCHEMA)
    return db


def _has_schema(db: sqlite3.Connection) -> bool:
    return db.execute("select 1 from sqlite_master where name = 'publish_log'").fetchone() is not None


@contextmanager
def reading(settings: Settings) -> Iterator[sqlite3.Connection]:
    """Give a connection whose reads all see one state of the register."""
    with closing(open_database(settings)) as db:
        db.execute("begin")
        try:
            yield db
        finally:
            db.execute("rollback")


@contextmanager
def transaction(settings: Settings, *, atomic: bool = True) -> Iterator[sqlite3.Connection]:
    """Run the block as one transaction with the write lock held from its start.

    ``atomic=False`` commits statement by statement; only the negative control of a fault test asks for it.
    """
    with closing(open_database(settings)) as db:
        if not atomic:
            yield db
            return
        db.execute("begin immediate")
        try:
            yield db
        except BaseException:
            db.execute("rollback")
            raise
        db.execute("commit")


def pointers(db: sqlite3.Connection, catalog_name: str) -> dict[str, str]:
    """Return identifier -> metadata location of every table under a catalog name, sorted by identifier."""
    rows = db.execute(
        "select table_namespace || '.' || table_name, metadata_location from iceberg_tables"
        " where catalog_name = ? order by 1",
        (catalog_name,),
    )
    return dict(rows.fetchall())


def catalog_name_of(db: sqlite3.Connection, branch: str) -> str:
    """Return the catalog name that holds a branch's rows.

    Raises:
        UnknownBranch: no such branch, or it was dropped.
    """
    if branch == MAIN:
        return MAIN
    row = db.execute("select catalog_name, state from branch where name = ?", (branch,)).fetchone()
    if row is None or row[1] == "dropped":
        raise UnknownBranch(f"there is no branch {branch!r}; `citybrain branches` lists them")
    return str(row[0])


def branch_pointers(settings: Settings, branch: str = MAIN) -> dict[str, str]:
    """Return identifier -> metadata location of every table that a branch shows."""
    with reading(settings) as db:
        return pointers(db, catalog_name_of(db, branch))
