"""Rule out data files that cannot hold a staged key, by the key bounds in the manifests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.types import DateType, IcebergType, NestedField, TimestampType, TimestamptzType, TimeType

from lakehouse.connect.duck import Connection, duck_type, quote

# Above this many staged rows nearly every file holds one of them; asking for each file costs more than it saves.
PER_FILE_LIMIT = 1_000_000


def files_that_may_hold(
    con: Connection, table: Table, files: list[DataFile], staged_sql: str, key: list[str]
) -> list[DataFile]:
    """Return the files, in their order, whose key bounds do not rule out every staged key."""
    if not files:
        return []
    fields = [table.schema().find_field(name) for name in key]
    _make_spans(con, files, fields)
    try:
        spans = ", ".join(f"min({quote(name)}) as min_{i}, max({quote(name)}) as max_{i}" for i, name in enumerate(key))
        overlap = " and ".join(
            f"(low_{i} is null or low_{i} <= max_{i}) and (high_{i} is null or high_{i} >= min_{i})"
            for i in range(len(key))
        )
        name = quote(key[0])
        rows = con.execute(
            f"with staged as (select count(*) as staged_rows, {spans} from {staged_sql})"
            f" select number, staged_rows from merge_span, staged where {overlap} order by number"
        ).fetchall()
        if len(rows) > 1 and rows[0][1] <= PER_FILE_LIMIT:
            rows = con.execute(
                f"select number from merge_span where number in ({', '.join(str(row[0]) for row in rows)})"
                f" and exists (select 1 from {staged_sql} s where s.{name} >= coalesce(low_0, s.{name})"
                f" and s.{name} <= coalesce(high_0, s.{name})) order by number"
            ).fetchall()
    finally:
        con.execute("drop table merge_span")
    return [files[row[0]] for row in rows]


def _make_spans(con: Connection, files: list[DataFile], fields: list[NestedField]) -> None:
    """Put the bounds of the key columns of each file into a table."""
    columns = ", ".join(
        f"low_{i} {duck_type(str(field.field_type))}, high_{i} {duck_type(str(field.field_type))}"
        for i, field in enumerate(fields)
    )
    con.execute(f"create or replace temp table merge_span (number integer, {columns})")
    places = ", ".join("?" * (1 + 2 * len(fields)))
    con.executemany(
        f"insert into merge_span values ({places})",
        [
            [number, *(bound for field in fields for bound in bounds(file, field.field_id, field.field_type))]
            for number, file in enumerate(files)
        ],
    )


def bounds(file: DataFile, field_id: int, field_type: IcebergType) -> tuple[Any, Any]:
    """Return the lower and upper bound of a column in a file as Python values; None where there is none."""
    low, high = (file.lower_bounds or {}).get(field_id), (file.upper_bounds or {}).get(field_id)
    return (
        None if low is None else _python_value(field_type, low),
        None if high is None else _python_value(field_type, high),
    )


def _python_value(field_type: IcebergType, raw: bytes) -> Any:
    value = from_bytes(field_type, raw)
    if isinstance(field_type, DateType):
        return date(1970, 1, 1) + timedelta(days=value)
    if isinstance(field_type, TimestampType):
        return datetime(1970, 1, 1) + timedelta(microseconds=value)
    if isinstance(field_type, TimestamptzType):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    if isinstance(field_type, TimeType):
        return (datetime(1970, 1, 1) + timedelta(microseconds=value)).time()
    return value
