"""NDJSON deliveries and landed pages of a JSON API: parsed by DuckDB, every value as text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from lakehouse.sources.encoding import to_utf8
from lakehouse.sources.errors import SourceError
from lakehouse.sources.lines import Span, TextFile, row_at
from lakehouse.sources.received import WANTED, Received, RowFault
from lakehouse.sources.scratch import ScratchFiles

_LAST_LINE_BYTES = 64 << 20
_NO_DELIMITER = "\\x1f"
IS_OBJECT = "(case when json_valid(_line) then json_type(_line) = 'OBJECT' else false end)"


def read_ndjson(path: Path, expected: list[str], folder: Path, workers: int) -> Received:
    """Open a file of one JSON object a line. Keys that no contract names come after the expected ones in ``columns``.

    Raises:
        SourceError: ``delivery.incomplete`` for an empty file or a last line that breaks off.
    """
    file = TextFile(path, quotes=False)
    _check_last_line(file)
    scratch = ScratchFiles(folder, ".ndjson")
    spans = file.spans(file.begin, workers)
    return Received(list(expected), (NdjsonPart(file, span, expected, scratch) for span in spans), json_lines=True)


def _check_last_line(file: TextFile) -> None:
    """A last line without line end must be a whole object."""
    if not file.open_end:
        return
    data = file.path.read_bytes() if file.size < _LAST_LINE_BYTES else _tail(file)
    line = data[data.rfind(b"\n") + 1 :]
    try:
        json.loads(line)
    except ValueError as error:
        raise SourceError("delivery.incomplete", f"{file.path.name} 最后一行不完整，可能没有传完") from error


def _tail(file: TextFile) -> bytes:
    with file.path.open("rb") as text:
        text.seek(file.size - _LAST_LINE_BYTES)
        return text.read()


@runtime_checkable
class LineParts(Protocol):
    """A part whose records are JSON texts."""

    def lines(self) -> str:
        """Return the relation of ``_line`` and ``_row``."""

    def close(self) -> None:
        """Remove what was written."""


@dataclass
class NdjsonPart:
    """A span of lines, written as clean UTF-8 for DuckDB when its relation is asked for."""

    file: TextFile
    span: Span
    columns: list[str]
    scratch: ScratchFiles
    _written: Path | None = None
    _faults: dict[int, RowFault] = field(default_factory=dict)

    @property
    def first_row(self) -> int:
        """Return the number of records before this part."""
        return self.span.first_row

    @property
    def rows(self) -> int | None:
        """Return the number of records."""
        return self.span.rows

    def lines(self) -> str:
        """Return the relation of raw lines, ``_line`` and ``_row``."""
        self._written = self._written or self.scratch.write(self._text())
        path = str(self._written).replace("'", "''")
        return (
            f"(select _line, row_number() over () + {self.first_row} as _row from read_csv('{path}',"
            f" columns = {{_line: 'varchar'}}, header = false, auto_detect = false, delim = '{_NO_DELIMITER}',"
            f" quote = '', escape = '', new_line = '\\n'))"
        )

    def relation(self) -> str:
        """Return the relation of fields; a line that is no JSON object gives a record of nulls."""
        return object_fields(self.lines(), self.columns)

    def record_bytes(self) -> pa.LargeBinaryArray:
        """Return the lines as received."""
        return self.file.records(self.span)

    def relation_of(self, rows: pa.Table) -> str:
        """Return the fields of the wanted lines."""
        return object_fields(f"(select * from {self.lines()} semi join {WANTED} using (_row))", self.columns)

    def absent(self) -> str:
        """Return nothing: JSON text can write any character."""
        return ""

    def doubtful(self) -> bool:
        """Return False: a line is a record."""
        return False

    def repair(self) -> bool:
        """A line is never too much for the engine."""
        return False

    def faults(self) -> list[RowFault]:
        """Return the lines in a foreign encoding."""
        return list(self._faults.values())

    def close(self) -> None:
        """Leave what was written to the next part."""
        if self._written is not None:
            self.scratch.give_back(self._written)
            self._written = None

    def _text(self) -> bytes:
        data = bytes(self.file.view(self.span))
        data = data if data.endswith(b"\n") else data + b"\n"
        if not data.isascii():
            decoded = to_utf8(data, "utf-8")
            for offset in decoded.foreign_lines:
                row = self.first_row + 1 + row_at(data, offset, quotes=False)
                self._faults[row] = RowFault(row, "row.encoding", "本行不是 UTF-8 编码")
            data = decoded.text
        data = data.replace(b"\r", b"")  # JSON text has no line end inside a string
        return re.sub(rb"\n\n+", b"\n", data).removeprefix(b"\n") if self.span.lines.blank else data


def object_fields(lines: str, columns: list[str]) -> str:
    """Return SQL that turns ``_line`` (JSON object text) of a relation into text columns, keeping ``_line``."""
    shape = json.dumps(dict.fromkeys(columns, "VARCHAR"), ensure_ascii=False).replace("'", "''")
    names = ", ".join(f'_object."{name}"' for name in columns)
    return (
        f"(select {names}, _line, _row from (select _line, _row, json_transform(case when {IS_OBJECT} then _line end, '{shape}')"
        f" as _object from {lines}))"
    )
