"""The engine that counts: whatever connection is handed in, it is asked in one SQL, DuckDB's, and answers in Python values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from catalog.derive.sql_predicates import literal
from expectations.fused.plan import Distinct
from expectations.names import table_sql
from expectations.trino_sql import to_trino

HASHES_AT_ONCE = 20_000_000
_ABSENT = {"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"}


class Engine(Protocol):
    """What a validation needs of an engine."""

    bit_tricks: bool  # takes words of text apart as numbers
    compares_rows: bool  # finds the smallest of rows that have nulls

    def describe(self, name: str) -> Mapping[str, str] | None:
        """Return the columns of a table (dotted name) with their types in DuckDB's words; None when there is none."""

    def describe_all(self, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """Return the same of those of these tables that can be described together; the others are asked for one by one."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a statement."""

    def distinct_aggregates(self, wanted: Distinct) -> list[str]:
        """Return what the scan must count for :meth:`distinct`; nothing, where that reads the column by itself."""

    def distinct(self, wanted: Distinct, rows: int, scanned: Mapping[str, Any]) -> int:
        """Return how many different hashes ``rows`` rows have; ``scanned`` are the scan's aggregates by their SQL."""

    def sqlalchemy(self) -> Any:
        """Return an SQLAlchemy engine on the same connection."""


def engine_of(con: Any) -> Engine:
    """Return the engine behind a connection: Trino's says so itself, any other is DuckDB's."""
    return TrinoEngine(con) if getattr(con, "dialect", "duckdb") == "trino" else DuckDbEngine(con)


class DuckDbEngine:
    """An open DuckDB connection."""

    bit_tricks = True
    compares_rows = True

    def __init__(self, con: Any) -> None:
        self._con = con

    def describe(self, name: str) -> Mapping[str, str] | None:
        """Return column names and types, or None when there is no such table."""
        try:
            described = self.rows(f"describe select * from {table_sql(name)}")
        except Exception as error:  # DuckDB's own classes are not imported here
            if type(error).__name__ != "CatalogException":
                raise
            return None
        return {row[0]: row[1] for row in described}

    def describe_all(self, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """Return nothing: to ask for one costs next to nothing."""
        return {}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a statement."""
        found: list[tuple[Any, ...]] = self._con.execute(sql).fetchall()
        return found

    def distinct_aggregates(self, wanted: Distinct) -> list[str]:
        """Return nothing: :meth:`distinct` reads the column by itself."""
        return []

    def distinct(self, wanted: Distinct, rows: int, scanned: Mapping[str, Any]) -> int:
        """Count hashes as one array, which takes half the time of the engine's own way; of many rows, in slices."""
        slices = rows // HASHES_AT_ONCE + 1
        hashes = f"select hash({wanted.listed}) as h from {wanted.table} as t where {wanted.condition}"
        parts = [hashes] if slices == 1 else [f"from ({hashes}) where h % {slices} = {part}" for part in range(slices)]
        return sum(int(self._con.execute(part).pl()["h"].n_unique()) for part in parts)

    def sqlalchemy(self) -> Any:
        """Return an SQLAlchemy engine whose only connection is this one."""
        from expectations.duckdb_dialect import shared_engine

        return shared_engine(self._con)


class TrinoEngine:
    """A connection to a Trino catalog: ``execute`` as DuckDB's, and the driver's own connection as ``raw``."""

    bit_tricks = False
    compares_rows = False

    def __init__(self, con: Any) -> None:
        self._con = con

    def describe(self, name: str) -> Mapping[str, str] | None:
        """Return column names and types, or None when there is no such table."""
        try:
            described = self._con.execute(f"describe {table_sql(name)}").fetchall()
        except Exception as error:  # nor are Trino's
            if getattr(error, "error_name", None) not in _ABSENT:
                raise
            return None
        return {row[0]: str(row[1]).upper() for row in described}

    def describe_all(self, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """Ask for all tables of the session's catalog in one statement: planning one for each takes as long as small scans."""
        wanted = [name for name in names if name.count(".") == 1]
        if not wanted:
            return {}
        schemas, tables = (", ".join(sorted({literal(name.split(".")[part]) for name in wanted})) for part in (0, 1))
        columns = self._con.execute(
            "select table_schema, table_name, column_name, data_type from information_schema.columns"
            f" where table_schema in ({schemas}) and table_name in ({tables}) order by 1, 2, ordinal_position"
        ).fetchall()
        found: dict[str, dict[str, str]] = {}
        for schema, table, column, type_ in columns:
            found.setdefault(f"{schema}.{table}", {})[column] = str(type_).upper()
        return {name: found[name] for name in wanted if name in found}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a statement, translated."""
        found: list[tuple[Any, ...]] = self._con.execute(to_trino(sql)).fetchall()
        return found

    def distinct_aggregates(self, wanted: Distinct) -> list[str]:
        """Let the scan count: a statement of its own takes longer than small scans."""
        return [f"count(distinct hash({wanted.listed})) filter (where {wanted.condition})"]

    def distinct(self, wanted: Distinct, rows: int, scanned: Mapping[str, Any]) -> int:
        """Return what the scan counted."""
        [sql] = self.distinct_aggregates(wanted)
        return int(scanned[sql])

    def sqlalchemy(self) -> Any:
        """Return an SQLAlchemy engine whose only connection is this one."""
        import sqlalchemy as sa
        from sqlalchemy.pool import StaticPool

        return sa.create_engine("trino://localhost", creator=lambda: self._con.raw, poolclass=StaticPool)
