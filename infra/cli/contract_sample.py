"""Look at a department's file or table, so that ``citybrain contract new`` can draft a contract from it."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from catalog.contract.scaffold import Sample
from infra.cli.output import UserError

ROWS = 1000
BYTES = 8_000_000
UNPACKED_BYTES = 300_000_000


def read_sample(path: Path, table: str | None) -> Sample:
    """Return the first rows of a CSV or Excel file, or of ``table`` in a SQLite database; raise :class:`UserError`."""
    if not path.is_file():
        raise UserError(f"no such file: {path}", hint="--from takes a .csv, .xlsx or .db file")
    readers = {".csv": _csv, ".xlsx": _excel, ".xls": _excel, ".db": _database, ".sqlite": _database}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path.name}: unknown kind of file", hint="--from takes a .csv, .xlsx or .db file")
    sample = reader(path, table)
    if not sample.columns:
        raise UserError(f"{path.name}: no header row found", hint="the first full row must name the columns")
    return sample


def _csv(path: Path, _table: str | None) -> Sample:
    with path.open("rb") as file:
        content = file.read(BYTES)
    head = content.removeprefix(b"\xef\xbb\xbf")
    head = head[: head.rfind(b"\n") + 1] or head  # the last line may be cut in the middle of a character
    text, encoding = _decoded(head, path)
    rows = list(csv.reader(io.StringIO(text)))[: ROWS + 1]
    return Sample("csv", _columns(rows), encoding=encoding)


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path.name}: neither UTF-8 nor GB18030", hint="ask the department for one of both")


def _excel(path: Path, sheet: str | None) -> Sample:
    from python_calamine import CalamineError, CalamineWorkbook

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > UNPACKED_BYTES:
            raise UserError(f"{path.name}: unpacks to {unpacked:,} bytes", hint="cut a sample of some hundred rows")
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        name = sheet or workbook.sheet_names[0]
        rows = workbook.get_sheet_by_name(name).to_python(nrows=ROWS + 20)
    except (CalamineError, OSError, IndexError) as error:
        raise UserError(
            f"{path.name}: not readable as Excel: {error}", hint="check the file, and --table SHEET"
        ) from None
    return Sample("excel", _columns([[_cell(cell) for cell in row] for row in rows]), sheet=name)


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _database(path: Path, table: str | None) -> Sample:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            names = [
                row[0] for row in connection.execute("select name from sqlite_master where type in ('table', 'view')")
            ]
            if table not in names:
                raise UserError(f"{path.name}: which table? --table NAME", hint=f"it holds {', '.join(sorted(names))}")
            cursor = connection.execute(f'select * from "{table}" limit {ROWS}')
            header = [column[0] for column in cursor.description]
            rows = [["" if value is None else str(value) for value in row] for row in cursor]
    except sqlite3.Error as error:
        raise UserError(f"{path.name}: not readable as SQLite: {error}") from None
    return Sample("database", _columns([header, *rows]), table=table)


def _columns(rows: Sequence[Sequence[str]]) -> dict[str, list[str | None]]:
    """Return the texts below each header. The header is the first row that is as full as any (titles are not)."""
    widths = [len({cell.strip() for cell in row if cell.strip()}) for row in rows[:20]]
    if not widths or max(widths) == 0:
        return {}
    at = widths.index(max(widths))
    header = [" ".join(cell.split()) for cell in rows[at]]
    body = [row for row in rows[at + 1 :] if any(cell.strip() for cell in row)]
    return {name: list(_below(body, position)) for position, name in enumerate(header) if name}


def _below(rows: Iterable[Sequence[str]], position: int) -> Iterable[str | None]:
    for row in rows:
        yield row[position] if position < len(row) and row[position].strip() else None
