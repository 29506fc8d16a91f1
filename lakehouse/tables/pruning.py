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
SAMPLE_ROWS = 500  # with keys all over the table, a sample already shows that no file can be ruled out


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
        rows = con.execute(
            f"with staged as (select count(*) as staged_rows, {spans} from {staged_sql})"
            f" select number, staged_rows from merge_span, staged where {overlap}"
        ).fetchall()
        kept = {number for number, _ in rows}
        if len(rows) > 1 and rows[0][1] <= PER_FILE_LIMIT:
            sample = f"(select * from {staged_sql} using sample {SAMPLE_ROWS} rows)"
            held = _holding_one_of(con, kept, sample, quote(key[0]))
            kept = held | _holding_one_of(con, kept - held, staged_sql, quote(key[0]))
    finally:
        con.execute("drop table merge_span")
    return [file for number, file in enumerate(files) if number in kept]


def _holding_one_of(con: Connection, numbers: set[int], staged_sql: str, name: str) -> set[int]:
    """Return which of the files have a staged value of the first key column between their bounds."""
    if not numbers:
        return set()
    rows = con.execute(
        f"select number from merge_span where number in ({', '.join(map(str, numbers))}) and exists (select 1 from"
        f" {staged_sql} s where s.{name} >= coalesce(low_0, s.{name}) and s.{name} <= coalesce(high_0, s.{name}))"
    ).fetchall()
    return {number for (number,) in rows}


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
