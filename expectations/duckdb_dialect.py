"""SQLAlchemy over an open DuckDB connection: duckdb_engine with the reflection that works on SQLAlchemy 2.1."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.pool import StaticPool

from expectations.names import table_sql

DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "VARCHAR": sa.VARCHAR,
    "DATE": sa.DATE,
    "TIMESTAMP": sa.TIMESTAMP,
    "DOUBLE": sa.DOUBLE,
    "FLOAT": sa.FLOAT,
    "TINYINT": sa.SMALLINT,
    "SMALLINT": sa.SMALLINT,
    "INTEGER": sa.INTEGER,
    "BIGINT": sa.BIGINT,
    "BOOLEAN": sa.BOOLEAN,
}


class SharedConnection(ConnectionWrapper):  # type: ignore[misc]
    """A connection that belongs to the caller: SQLAlchemy neither begins, ends nor closes anything on it."""

    def begin(self) -> None:
        """Leave transactions to the owner."""

    def commit(self) -> None:
        """Leave transactions to the owner."""

    def rollback(self) -> None:
        """Leave transactions to the owner."""

    def close(self) -> None:
        """Leave the connection open for its owner."""


class SharedDuckDb(Dialect):  # type: ignore[misc]
    """DuckDB dialect that reads columns from ``describe`` instead of PostgreSQL's catalogue."""

    supports_statement_cache = False

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        """Return the columns of a table or view, in order."""
        name = table_sql(table_name if schema is None else f"{schema}.{table_name}")
        described = connection.exec_driver_sql(f"describe select * from {name}").fetchall()
        return [
            {"name": row[0], "type": _sqlalchemy_type(row[1]), "nullable": True, "default": None} for row in described
        ]

    def get_pk_constraint(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return no key: Iceberg tables declare none."""
        return {"constrained_columns": [], "name": None}


def _sqlalchemy_type(name: str) -> sa.types.TypeEngine[Any]:
    decimal = DECIMAL.fullmatch(name)
    if decimal:
        return sa.NUMERIC(int(decimal[1]), int(decimal[2]))
    return TYPES.get(name, sa.types.NullType)()


registry.register("duckdb.shared", __name__, SharedDuckDb.__name__)


def shared_engine(con: Any) -> sa.Engine:
    """Return an SQLAlchemy engine whose only connection is ``con``."""
    return sa.create_engine("duckdb+shared://", creator=lambda: SharedConnection(con), poolclass=StaticPool)
