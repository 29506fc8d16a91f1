"""Database deliveries through ADBC: all columns as text, everything since the watermark, in one consistent read.

A row may be entered with an old time stamp. So a read looks back over the rows of some days before the watermark (rows
that are held already are found identical), and the rows before that are counted: when their number is another than
after the last read, everything is read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.sources.errors import SourceError
from lakehouse.sources.received import PART_ROWS, ParquetPart


@dataclass(frozen=True)
class Window:
    """What an incremental read asks for: rows from ``since`` on, if there are still ``rows_before`` rows before it."""

    since: str
    rows_before: int


@dataclass(frozen=True)
class DatabaseRead:
    """What a read gave: landed parts, and whether it was a full read."""

    columns: list[str]
    parts: list[ParquetPart]
    full: bool


def read_database(
    uri: str, table: str, expected: list[str], watermark: str | None, window: Window | None, folder: Path
) -> DatabaseRead:
    """Read a table into Parquet parts in ``folder``; ``watermark`` is the column's name in the database.

    Raises:
        SourceError: ``source.unreachable``, ``source.unauthorised``, or ``delivery.missing`` without the table.
    """
    with _connected(uri) as cursor:
        columns = _columns(cursor, table)
        incremental = watermark in columns and window is not None and set(expected) <= set(columns)
        where = ""
        if incremental and window is not None and watermark is not None:
            stamp, since = _quoted(watermark), window.since.replace("'", "''")
            before = _scalar(cursor, f"select count(*) from {_quoted(table)} where {stamp} < '{since}'")
            incremental = before == window.rows_before
            where = f" where {stamp} >= '{since}' or {stamp} is null" if incremental else ""
        fields = ", ".join(f"cast({_quoted(name)} as text) as {_quoted(name)}" for name in columns)
        cursor.execute(f"select {fields} from {_quoted(table)}{where}")
        schema = pa.schema([(name, pa.string()) for name in columns])
        return DatabaseRead(columns, _write_parts(cursor.fetch_record_batch(), schema, folder), not where)


@contextmanager
def _connected(uri: str) -> Iterator[Any]:
    try:
        if uri.startswith(("postgresql://", "postgres://")):
            connection = adbc_driver_postgresql.dbapi.connect(uri)
        elif not Path(uri).is_file():
            raise SourceError("source.unreachable", f"没有找到数据库文件 {Path(uri).name}")
        else:
            connection = adbc_driver_sqlite.dbapi.connect(f"file:{Path(uri).resolve()}?mode=ro")
        with connection, connection.cursor() as cursor:
            yield cursor
    except adbc_driver_manager.Error as error:
        raise _refusal(error) from error


def _refusal(error: adbc_driver_manager.Error) -> SourceError:
    """Tell a wrong password from an unreachable server; the driver's own text may hold the URI, so it is not shown."""
    text = str(error).lower()
    if any(word in text for word in ("password", "authentication", "permission denied", "28p01", "28000")):
        return SourceError("source.unauthorised", "数据库拒绝登录：用户名、口令或授权不正确")
    if any(word in text for word in ("no such table", "does not exist", "undefined_table")):
        return SourceError("delivery.missing", "数据库中没有约定的表")
    if any(word in text for word in ("not a database", "malformed", "corrupt")):
        return SourceError("delivery.incomplete", "数据库文件已损坏或不完整")
    return SourceError("source.unreachable", "无法连接或读取数据库")


def _columns(cursor: Any, table: str) -> list[str]:
    cursor.execute(f"select * from {_quoted(table)} limit 0")
    return [str(column[0]) for column in cursor.description]


def _scalar(cursor: Any, sql: str) -> int:
    cursor.execute(sql)
    return int(cursor.fetchone()[0])


def _write_parts(reader: pa.RecordBatchReader, schema: pa.Schema, folder: Path) -> list[ParquetPart]:
    """Write the stream as it comes, a new file every ``PART_ROWS`` rows."""
    parts: list[ParquetPart] = []
    writer: pq.ParquetWriter | None = None
    total = 0
    for batch in reader:
        if writer is None:
            parts.append(ParquetPart(folder / f"part_{len(parts)}.parquet", schema.names, total, 0))
            writer = pq.ParquetWriter(parts[-1].path, schema, compression="zstd")
        writer.write_table(pa.Table.from_batches([batch]).cast(schema))
        total += batch.num_rows
        parts[-1].rows = total - parts[-1].first_row
        if total - parts[-1].first_row >= PART_ROWS:
            writer.close()
            writer = None
    if writer is not None:
        writer.close()
    return [part for part in parts if part.rows]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
