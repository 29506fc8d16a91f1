"""Excel deliveries: the table under merged titles, its cells as text, without the footnotes below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine

from lakehouse.sources.errors import SourceError
from lakehouse.sources.received import PART_ROWS, ParquetPart, Part, Received

_HEADER_SEARCH_ROWS = 50
_SUBTOTAL = re.compile(r"^(小\s*计|本页合计)")
_FOOTNOTE = re.compile(r"^(合\s*计|总\s*计|备\s*注|注\s*[:：]|说\s*明\s*[:：]|填表|制表|审核)")
_SPACES = " \t\r\n　"


def read_excel(path: Path, sheet: str | None, expected: list[str], folder: Path) -> Received:
    """Open a workbook; the header is the row that names most of ``expected``, wherever it is.

    Raises:
        SourceError: ``delivery.incomplete`` for a damaged file, ``schema.missing_column`` without sheet or header.
    """
    rows = _sheet_rows(path, sheet)
    header = _find_header(rows, expected, path)
    columns = [name for name in header if name]
    positions = [position for position, name in enumerate(header) if name]
    return Received(columns, _parts(_records(rows, positions), columns, folder))


def _sheet_rows(path: Path, sheet: str | None) -> Iterator[list[Any]]:
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            raise SourceError(
                "schema.missing_column", f"{path.name} 没有名为“{sheet}”的工作表，实有 {'、'.join(names)}"
            )
        return iter(workbook.get_sheet_by_name(sheet or names[0]).iter_rows())
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise SourceError("delivery.incomplete", f"{path.name} 不是完整的 Excel 文件，可能没有传完") from error


def _find_header(rows: Iterator[list[Any]], expected: list[str], path: Path) -> list[str]:
    """Consume rows up to the header; a title repeats none or few of the names."""
    wanted = set(expected)
    for _, row in zip(range(_HEADER_SEARCH_ROWS), rows, strict=False):
        names = [_text(cell) or "" for cell in row]
        if len(wanted & set(names)) * 2 >= len(wanted):
            return names
    raise SourceError(
        "schema.missing_column", f"{path.name} 前 {_HEADER_SEARCH_ROWS} 行内没有找到表头（{'、'.join(expected)}）"
    )


def _records(rows: Iterable[list[Any]], positions: list[int]) -> Iterator[list[str | None]]:
    for row in rows:
        record = [_text(row[position]) if position < len(row) else None for position in positions]
        first = next((value for value in record if value), None)
        if first is None or _SUBTOTAL.match(first):
            continue
        if _FOOTNOTE.match(first):
            return
        yield record


def _parts(records: Iterator[list[str | None]], columns: list[str], folder: Path) -> Iterator[Part]:
    schema = pa.schema([(name, pa.string()) for name in columns])
    first_row = 0
    while batch := [record for _, record in zip(range(PART_ROWS), records, strict=False)]:
        arrays = [pa.array(values, pa.string()) for values in zip(*batch, strict=True)]
        path = folder / f"part_{first_row}.parquet"
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
        yield ParquetPart(path, columns, first_row, len(batch))
        first_row += len(batch)


def _text(cell: Any) -> str | None:
    """Write a cell as the text that Excel shows in the general format; numbers have 15 digits there."""
    match cell:
        case str():
            return cell.strip(_SPACES) or None
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else f"{cell:.15g}"
        case datetime():
            return cell.strftime("%Y-%m-%d %H:%M:%S")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
        case _:
            return None
