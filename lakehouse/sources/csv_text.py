"""CSV deliveries: GB18030 or UTF-8, read by DuckDB part by part, with broken records put aside and not lost."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from lakehouse.sources.encoding import Encoding, to_utf8
from lakehouse.sources.errors import SourceError
from lakehouse.sources.lines import Span, TextFile, row_at
from lakehouse.sources.received import WANTED, Received, RowFault
from lakehouse.sources.scratch import ScratchFiles

_DELIMITERS = ",\t;|"
_BUFFER_BYTES = 8 << 20  # a quarter of the engine's default: fresh memory is what a short read spends its time on
csv.field_size_limit(1 << 30)


def read_csv(
    path: Path, encoding: Encoding, expected: list[str], key: list[str], folder: Path, workers: int
) -> Received:
    """Open a CSV file; ``expected`` are the headers that a contract names, ``key`` those of the key columns.

    Raises:
        SourceError: ``delivery.incomplete`` for an empty file, ``encoding.unreadable`` for an unreadable header.
    """
    file = TextFile(path, quotes=True)
    head = file.first_line()
    delimiter, columns = _header(head, encoding, expected, path)
    layout = _Layout(
        file,
        folder,
        ScratchFiles(folder, ".csv"),
        encoding,
        delimiter,
        columns,
        [columns.index(name) for name in key if name in columns],
    )
    spans = file.spans(file.begin + len(head), workers)
    return Received(columns, (CsvPart(layout, span) for span in spans), open_end=file.open_end)


def _header(line: bytes, encoding: Encoding, expected: list[str], path: Path) -> tuple[str, list[str]]:
    other: Encoding = "utf-8" if encoding == "gb18030" else "gb18030"
    best = _best_header(line, encoding, expected)
    alternative = _best_header(line, other, expected)
    if best is None or (alternative and _hits(alternative, expected) > _hits(best, expected)):
        found = f"，看起来是 {other.upper()}" if alternative and _hits(alternative, expected) else ""
        raise SourceError("encoding.unreadable", f"{path.name} 的表头不是 {encoding.upper()} 编码{found}")
    return best


def _best_header(line: bytes, encoding: Encoding, expected: list[str]) -> tuple[str, list[str]] | None:
    """Return the delimiter under which most expected headers are found, and the headers; None if undecodable."""
    try:
        text = line.decode(encoding).lstrip("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError:
        return None
    ways = [
        (mark, [name.strip(" \t　") for name in next(csv.reader([text], delimiter=mark), [])]) for mark in _DELIMITERS
    ]
    return max(ways, key=lambda way: _hits(way, expected))


def _hits(way: tuple[str, list[str]], expected: list[str]) -> int:
    return len(set(way[1]) & set(expected))


@dataclass(frozen=True)
class _Layout:
    file: TextFile
    folder: Path
    scratch: ScratchFiles
    encoding: Encoding
    delimiter: str
    columns: list[str]
    key_positions: list[int]


@dataclass
class CsvPart:
    """A span of a CSV file, written as clean UTF-8 for DuckDB when its relation is asked for."""

    layout: _Layout
    span: Span
    _written: Path | None = None
    _repaired: bool = False
    _doubtful: bool = False
    _faults: dict[int, RowFault] = field(default_factory=dict)

    @property
    def first_row(self) -> int:
        """Return the number of records before this part."""
        return self.span.first_row

    @property
    def rows(self) -> int | None:
        """Return the number of records."""
        return self.span.rows

    @property
    def _wanted(self) -> Path:
        return self.layout.folder / f"wanted_{self.span.start}.csv"

    def relation(self) -> str:
        """Write the part, unless it is there, and return the relation that reads it."""
        self._written = self._written or self.layout.scratch.write(self._content())
        return f"(select *, row_number() over () + {self.first_row} as _row from {self._reader(self._written)})"

    def record_bytes(self) -> pa.LargeBinaryArray:
        """Return the records in the encoding of the delivery."""
        return self.layout.file.records(self.span)

    def relation_of(self, rows: pa.Table) -> str:
        """Write the wanted records to a file of their own: to read the whole part for a few of them takes longer."""
        wanted = rows["record"].combine_chunks()
        data = b"".join(wanted.to_pylist())
        text = self._clean(data if data.endswith(b"\n") else data + b"\n", lambda: wanted, report=False)
        self._wanted.write_bytes(text)
        places = f"(select _row, row_number() over () as _place from {WANTED})"
        numbered = f"(select *, row_number() over () as _place from {self._reader(self._wanted)})"
        return f"(select n.* exclude (_place), p._row from {numbered} n join {places} p using (_place))"

    def _reader(self, path: Path) -> str:
        columns = ", ".join(f"{_text_literal(name)}: 'varchar'" for name in self.layout.columns)
        return (
            f"read_csv({_text_literal(str(path))}, columns = {{{columns}}}, header = false, auto_detect = false,"
            f" delim = {_text_literal(self.layout.delimiter)}, quote = '\"', escape = '\"', new_line = '\\n',"
            f" buffer_size = {_BUFFER_BYTES})"
        )

    def absent(self) -> str:
        """Return the control characters that the bytes of the part do not have; line ends are values inside quotes only."""
        file = self.layout.file
        found = "".join(c for c in "\t\r" if not file.has(self.span, c.encode()))
        return found if self.span.quoted or self._repaired else found + "\n"

    def doubtful(self) -> bool:
        """Quotes and stray carriage returns leave room for another view of where records end; repaired parts do not."""
        return self._doubtful and not self._repaired

    def repair(self) -> bool:
        """Take the records as the bytes have them; those with a wrong number of fields become empty, with a fault."""
        if self._repaired:
            return False
        self._repaired = True
        self.close()
        return True

    def faults(self) -> list[RowFault]:
        """Return the records in a foreign encoding and those with a wrong number of fields."""
        return list(self._faults.values())

    def close(self) -> None:
        """Remove what was written, or leave it to the next part."""
        if self._written is not None:
            self.layout.scratch.give_back(self._written)
            self._written = None
        self._wanted.unlink(missing_ok=True)

    def _content(self) -> bytes | memoryview:
        """Return the text of the part; what is clean already is not even copied."""
        file, view = self.layout.file, self.layout.file.view(self.span)
        self._doubtful = self.span.quoted
        complete = bytes(view[-1:]) == b"\n"
        changes = (
            self.layout.encoding == "gb18030" or self._repaired or self.span.lines.blank or file.has(self.span, b"\r")
        )
        if complete and not changes:
            return view
        return self._clean(bytes(view) if complete else bytes(view) + b"\n", self.record_bytes, report=True)

    def _clean(self, data: bytes, records: Callable[[], pa.LargeBinaryArray], *, report: bool) -> bytes:
        """Return records in UTF-8 with plain line ends and no blank lines; ``report`` what is found on the way."""
        if self._repaired and (self._doubtful or self.span.quoted):
            return b"".join(self._rebuilt(records().to_pylist(), report=report))
        if (self.layout.encoding == "gb18030" or self._repaired) and not data.isascii():
            data = self._decoded(data, report=report)
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
            self._doubtful = self._doubtful or b"\r" in data
        if self.span.lines.blank and not self.span.quoted:  # inside quotes an empty line is content
            data = re.sub(rb"\n\n+", b"\n", data).removeprefix(b"\n")
        return self._plain_records(data, report=report) if self._repaired else data

    def _decoded(self, data: bytes, *, report: bool) -> bytes:
        decoded = to_utf8(data, self.layout.encoding)
        for offset in decoded.foreign_lines if report else ():
            self._report_foreign(self.first_row + 1 + row_at(data, offset, quotes=True))
        return decoded.text

    def _report_foreign(self, row: int) -> None:
        self._faults[row] = RowFault(row, "row.encoding", f"本行不是 {self.layout.encoding.upper()} 编码")

    def _plain_records(self, data: bytes, *, report: bool) -> bytes:
        """Find the lines with a wrong number of delimiters in one sweep; only those are looked at one by one."""
        view = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(view == 10)
        marks = np.flatnonzero(view == ord(self.layout.delimiter))
        fields = np.diff(np.searchsorted(marks, ends), prepend=0) + 1
        starts = np.concatenate(([0], ends[:-1] + 1))
        pieces, position = [], 0
        for index in np.flatnonzero(fields != len(self.layout.columns)):
            start, stop = int(starts[index]), int(ends[index])
            if report:
                line = data[start:stop].decode("utf-8", "replace")
                self._put_aside(int(index), line.split(self.layout.delimiter), line)
            pieces += [data[position:start], self._empty_record()]
            position = stop + 1
        return b"".join([*pieces, data[position:]])

    def _rebuilt(self, records: list[bytes], *, report: bool) -> Iterator[bytes]:
        """Yield each record anew, all fields quoted; the slow way, for parts that the engine refused."""
        for index, record in enumerate(records):
            decoded = to_utf8(record, self.layout.encoding)
            if decoded.foreign_lines and report:
                self._report_foreign(self.first_row + 1 + index)
            line = decoded.text.decode("utf-8", "replace").rstrip("\r\n")
            fields = next(csv.reader(io.StringIO(line, newline=""), delimiter=self.layout.delimiter), [])
            if len(fields) == len(self.layout.columns):
                yield self._quoted(fields)
                continue
            if report:
                self._put_aside(index, fields, line)
            yield self._empty_record()

    def _quoted(self, fields: list[str]) -> bytes:
        out = io.StringIO()
        csv.writer(out, delimiter=self.layout.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(fields)
        return out.getvalue().encode()

    def _put_aside(self, index: int, fields: list[str], line: str) -> None:
        row = self.first_row + 1 + index
        positions = self.layout.key_positions
        key = "|".join(fields[p].strip() for p in positions) if all(p < len(fields) for p in positions) else None
        reason = f"应有 {len(self.layout.columns)} 个字段，实有 {len(fields)} 个"
        self._faults[row] = RowFault(row, "row.columns", reason, json.dumps({"line": line}, ensure_ascii=False), key)

    def _empty_record(self) -> bytes:
        count = len(self.layout.columns)
        return (self.layout.delimiter * (count - 1)).encode() + b"\n" if count > 1 else b'""\n'


def _text_literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
