"""Read-only access to what is published: one consistent state for as long as a reader is open."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from lakehouse.branches import pointers_at
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import (
    Connection,
    DuckError,
    open_duckdb,
    quarantine_view_sql,
    quote,
    view_sql,
)
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import table_version
from lakehouse.connect.warehouse import warehouse_location
from lakehouse.query.guard import QueryError, plain_message, read_question

QUARANTINE = "ops.quarantine"
DEFAULT_TIMEOUT_SECONDS = 120.0


class Reader:
    """SELECT over the published tables. Views are made when a statement first names their table."""

    def __init__(self, settings: Settings, pointers: dict[str, str]) -> None:
        self._settings = settings
        self._pointers = pointers
        self._known = frozenset(pointers) | {QUARANTINE}
        self._made: set[str] = set()
        self._con = self._open(iceberg=False)
        self._lock = threading.Lock()

    def tables(self) -> list[str]:
        """Return the identifiers of the published tables."""
        return sorted(self._pointers)

    def version(self, identifier: str) -> str | None:
        """Return a mark of what a published table holds, the same in every snapshot that shows the same; None without it."""
        return self._pointers.get(identifier)

    def arrow(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> pa.Table:
        """Answer one SELECT, DESCRIBE, SHOW or EXPLAIN; parameters are ``?``/``$1`` or ``$name``.

        Safe to call from several threads; the calls of one reader wait for each other.

        Raises:
            QueryError: the statement is refused, wrong, or took longer than ``timeout_seconds``.
        """
        with self._lock:
            question = read_question(self._con, sql, self._known)
            self._make_views(self._known if question.tables is None else question.tables)
            watch = threading.Timer(timeout_seconds, self._con.interrupt)
            watch.start()
            try:
                return self._con.execute(question.sql, params).to_arrow_table()
            except DuckError as fault:
                if "INTERRUPT" in str(fault).upper():
                    raise QueryError(
                        f"the statement took longer than {timeout_seconds:g} seconds; narrow it down"
                    ) from None
                raise QueryError(plain_message(fault)) from None
            finally:
                watch.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._con.close()

    def _open(self, *, iceberg: bool) -> Connection:
        """Open a connection that cannot leave the warehouse folder, whatever a statement says."""
        con = open_duckdb(settings=self._settings)
        if iceberg:
            con.execute("load avro")
            con.execute("load iceberg")
        readable = [warehouse_location(self._settings), str(self._settings.root / "tmp")]
        con.execute("set allowed_directories = ?", [readable])
        con.execute("set enable_external_access = false")
        for schema in sorted({identifier.partition(".")[0] for identifier in self._known}):
            con.execute(f"create schema {quote(schema)}")
        con.execute("set lock_configuration = true")
        self._iceberg = iceberg
        return con

    def _make_views(self, identifiers: frozenset[str]) -> None:
        wanted = set(identifiers)
        if QUARANTINE in wanted:
            wanted |= {identifier for identifier in self._pointers if identifier.startswith("quarantine.")}
        for identifier in sorted(wanted - self._made - {QUARANTINE}):
            self._make_view(identifier)
        if QUARANTINE in wanted - self._made:
            self._con.execute(quarantine_view_sql(self._pointers))
            self._made.add(QUARANTINE)

    def _make_view(self, identifier: str) -> None:
        pointer = self._pointers[identifier]
        if not self._iceberg and table_version(pointer).needs_extension:
            # Extensions cannot be loaded once external access is off, so start again with it.
            self._con.close()
            self._con = self._open(iceberg=True)
            again, self._made = self._made - {QUARANTINE}, set()
            for name in sorted(again):
                self._make_view(name)
        self._con.execute(view_sql(identifier, pointer))
        self._made.add(identifier)


@contextmanager
def open_reader(settings: Settings, snapshot: str | None = None) -> Iterator[Reader]:
    """Open a reader over ``main`` as it is now, or as it was at a publish.

    Raises:
        QueryError: that publish is not kept.
    """
    try:
        pointers = branch_pointers(settings) if snapshot is None else pointers_at(settings, snapshot)
    except RuntimeError as fault:
        raise QueryError(str(fault)) from None
    reader = Reader(settings, pointers)
    try:
        yield reader
    finally:
        reader.close()
