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

# The drivers' DB-API layers are left out: they load pandas and polars, which takes longer than most reads.
import adbc_driver_manager
import adbc_driver_postgresql
import adbc_driver_sqlite
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
    with _connected(uri) as statement:
        columns = _query(statement, f"select * from {_quoted(table)} limit 0").schema.names
        incremental = watermark in columns and window is not None and set(expected) <= set(columns)
        where = ""
        if incremental and window is not None and watermark is not None:
            stamp, since = _quoted(watermark), window.since.replace("'", "''")
            count = f"select count(*) as n from {_quoted(table)} where {stamp} < '{since}'"
            incremental = _query(statement, count).read_all()["n"][0].as_py() == window.rows_before
            where = f" where {stamp} >= '{since}' or {stamp} is null" if incremental else ""
        fields = ", ".join(f"cast({_quoted(name)} as text) as {_quoted(name)}" for name in columns)
        reader = _query(statement, f"select {fields} from {_quoted(table)}{where}")
        schema = pa.schema([(name, pa.string()) for name in columns])
        return DatabaseRead(columns, _write_parts(reader, schema, folder), not where)


@contextmanager
def _connected(uri: str) -> Iterator[adbc_driver_manager.AdbcStatement]:
    """Lend a statement; all its queries see one state of the database."""
    try:
        if uri.startswith(("postgresql://", "postgres://")):
            database = adbc_driver_postgresql.connect(uri)
        elif not Path(uri).is_file():
            raise SourceError("source.unreachable", f"没有找到数据库文件 {Path(uri).name}")
        else:
            database = adbc_driver_sqlite.connect(f"file:{Path(uri).resolve()}?mode=ro")
        with database, adbc_driver_manager.AdbcConnection(database) as connection:
            connection.set_autocommit(False)
            with adbc_driver_manager.AdbcStatement(connection) as statement:
                yield statement
    except adbc_driver_manager.Error as error:
        raise _refusal(error) from error


def _query(statement: adbc_driver_manager.AdbcStatement, sql: str) -> pa.RecordBatchReader:
    statement.set_sql_query(sql)
    stream, _ = statement.execute_query()
    return pa.RecordBatchReader.from_stream(stream)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches; a connection that breaks off in between is told like one that never came about."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            raise _refusal(error) from error
        yield batch


def _refusal(error: Exception) -> SourceError:
    """Tell a wrong password from an unreachable server; the driver's own text may hold the URI, so it is not shown."""
    text = str(error).lower()
    if any(word in text for word in ("password", "authentication", "permission denied", "28p01", "28000")):
        return SourceError("source.unauthorised", "数据库拒绝登录：用户名、口令或授权不正确")
    if any(word in text for word in ("no such table", "does not exist", "undefined_table")):
        return SourceError("delivery.missing", "数据库中没有约定的表")
    if any(word in text for word in ("not a database", "malformed", "corrupt")):
        return SourceError("delivery.incomplete", "数据库文件已损坏或不完整")
    return SourceError("source.unreachable", "无法连接或读取数据库")


def _write_parts(reader: pa.RecordBatchReader, schema: pa.Schema, folder: Path) -> list[ParquetPart]:
    """Write the stream as it comes, a new file every ``PART_ROWS`` rows."""
    parts: list[ParquetPart] = []
    writer: pq.ParquetWriter | None = None
    total = 0
    for batch in _batches(reader):
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
