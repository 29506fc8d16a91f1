"""The app database of one installation, in SQLite or PostgreSQL: keys, audit events, received lineage, sharing matters.

This is the one place where a database of an earlier version gets what is new: tables that are missing, indexes, and
columns that are missing of a table, which must take nothing for an answer (nullable), since the old rows have none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

CONNECT_SECONDS = 5
_REMEDY = {
    "sqlite": "look at the file, its folder's rights and the space left",
    "postgresql": "`citybrain stack status` shows the servers",
}
_SET_UP = sa.text("select pg_advisory_xact_lock(hashtextextended('citybrain app database', 0))")


class AppDatabaseUnavailable(RuntimeError):
    """The app database does not answer; the message says where it is and what to do."""


def open_app_database(address: str, tables: sa.MetaData, *, append_only: Sequence[str] = ()) -> sa.Engine:
    """Open the database at an SQLAlchemy address and make what is missing of ``tables``.

    A file is made readable by its owner only. Rows of the tables in ``append_only`` can be neither changed nor removed.

    Raises:
        AppDatabaseUnavailable: it does not answer.
    """
    url = sa.make_url(address)
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgres(url)
    sa.event.listen(engine, "handle_error", _named)
    with engine.begin() as db:
        # several processes may start at once, and "if not exists" does not wait for the other
        if db.dialect.name == "postgresql":
            db.execute(_SET_UP)
        else:
            db.exec_driver_sql("begin immediate")
        tables.create_all(db)
        _add_columns(db, tables)
        for index in {index for table in tables.sorted_tables for index in table.indexes}:
            index.create(db, checkfirst=True)
        for table in append_only:
            for statement in _guards(db.dialect.name, table):
                db.execute(sa.text(statement))
    return engine


def _add_columns(db: sa.Connection, tables: sa.MetaData) -> None:
    """Add the columns that a table of an earlier version lacks."""
    for table in tables.sorted_tables:
        there = {column["name"] for column in sa.inspect(db).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                if not column.nullable:
                    raise ValueError(f"{table.name}.{column.name}: old rows have no value for a new column")
                kind = column.type.compile(db.dialect)
                db.execute(sa.text(f"alter table {table.name} add column {column.name} {kind}"))


def _named(context: sa.ExceptionContext) -> None:
    """Say where the database is, and not with which password, when it does not answer."""
    if isinstance(context.sqlalchemy_exception, OperationalError):
        url = context.engine.url if context.engine else sa.URL.create("postgresql")
        said = str(context.original_exception).strip().splitlines()
        raise AppDatabaseUnavailable(
            f"app database at {url.set(query={}).render_as_string(hide_password=True)}:"
            f" {said[0] if said else 'no answer'}; {_REMEDY[url.get_backend_name()]}"
        ) from context.original_exception


def _sqlite(url: sa.URL) -> sa.Engine:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = sa.create_engine(url, connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _configure)
    return engine


def _postgres(url: sa.URL) -> sa.Engine:
    """A connection that was lost is noticed before it is used, so that a restarted server costs no request."""
    return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})


def _configure(connection: Any, _record: Any) -> None:
    """Let readers and the one writer go on beside each other; commits stay durable, since audit events are evidence."""
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.close()


def _guards(dialect: str, table: str) -> Iterator[str]:
    if dialect == "sqlite":
        for verb in ("update", "delete"):
            yield (
                f"create trigger if not exists {table}_no_{verb} before {verb} on {table}"
                f" begin select raise(abort, '{table} is append-only'); end"
            )
        return
    yield (
        "create or replace function refuse_change() returns trigger language plpgsql as"
        " $$ begin raise exception '% is append-only', tg_table_name; end $$"
    )
    yield (
        f"create or replace trigger {table}_append_only before update or delete or truncate on {table}"
        " for each statement execute function refuse_change()"
    )
