"""Text files in parts that begin and end at a record, cut by their bytes without decoding them.

Neither UTF-8 nor GB18030 has the bytes of a line end or a quote inside a character, so both are found in the bytes.
"""

from __future__ import annotations

import mmap
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakehouse.sources.errors import SourceError

PART_BYTES = 64 << 20
_SMALL_PART_BYTES = PART_BYTES // 8
_SWEEP_BYTES = 1 << 20  # a sweep's marks of this many bytes stay in the processor's cache
_LINE_END, _RETURN, _QUOTE = 10, 13, 34
_BLANK_LINES = re.compile(rb"(?:\r?\n)*+")
BOM = b"\xef\xbb\xbf"

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Lines:
    """Where the records of a span end, how many there are, and how many blank lines are not counted among them."""

    ends: npt.NDArray[np.int64] = field(repr=False)
    rows: int
    blank: int


class Span:
    """Whole records of a file, from byte ``start`` to ``stop``.

    Where its lines end is looked for by the first who asks, so that several spans are looked through at the same time.
    """

    def __init__(
        self, file: TextFile, start: int, stop: int, before: Span | None, ends: npt.NDArray[np.int64] | None
    ) -> None:
        self.start = start
        self.stop = stop
        self.quoted = ends is not None
        self._file = file
        self._before = before
        self._ends = ends
        self._lines: Lines | None = None
        self._first_row: int | None = None
        self._lock = threading.Lock()

    @property
    def lines(self) -> Lines:
        """Return where its records end."""
        with self._lock:
            self._lines = self._lines or self._file.lines(self.start, self.stop, self._ends)
            return self._lines

    @property
    def rows(self) -> int:
        """Return the number of records, which does not count blank lines."""
        return self.lines.rows

    @property
    def first_row(self) -> int:
        """Return the number of records before it."""
        if self._first_row is None:
            _ = self.lines  # while others look for those before
            self._first_row = self._before.first_row + self._before.rows if self._before else 0
        return self._first_row


class TextFile:
    """A text file in memory-mapped form: its first line, and the spans of records after it."""

    def __init__(self, path: Path, *, quotes: bool) -> None:
        self.path = path
        self.quotes = quotes
        size = path.stat().st_size
        if size == 0:
            raise SourceError("delivery.incomplete", f"{path.name} 为空文件（0 字节），可能没有传完")
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = size
        self.begin = len(BOM) if self._map[: len(BOM)] == BOM else 0

    @property
    def open_end(self) -> bool:
        """Tell whether the last line has no line end."""
        return self._map[self.size - 1] != _LINE_END

    def first_line(self) -> bytes:
        """Return the first line, with its line end."""
        stop = self._map.find(b"\n", self.begin) + 1 or self.size
        return self._map[self.begin : stop]

    def view(self, span: Span) -> memoryview:
        """Return the bytes of a span, not copied."""
        return memoryview(self._map)[span.start : span.stop]

    def has(self, span: Span, byte: bytes) -> bool:
        """Tell whether a byte occurs in a span."""
        return self._map.find(byte, span.start, span.stop) >= 0

    def records(self, span: Span) -> pa.LargeBinaryArray:
        """Return the records of a span as bytes, with their line ends, not copied."""
        data = self.view(span)
        lines = span.lines
        bounds = np.concatenate(([0], lines.ends + 1))
        if bounds[-1] < len(data):
            bounds = np.append(bounds, len(data))
        buffers = [None, pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(data)]
        records = pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)
        if not lines.blank:
            return records
        blank = _is_blank(np.frombuffer(data, dtype=np.uint8), lines.ends)
        keep = np.ones(len(records), dtype=bool)
        keep[: len(blank)] = ~blank
        return records.filter(pa.array(keep))

    def spans(self, start: int, workers: int) -> Iterator[Span]:
        """Cut the file from ``start`` on into spans of equal size, as many as keep ``workers`` busy to the end.

        Spans of blank lines alone are left out.
        """
        begin, left = start, self.size - start
        count = max(-(-left // PART_BYTES), min(2 * workers, left // _SMALL_PART_BYTES))
        count = -(-count // workers) * workers if left > _SMALL_PART_BYTES else 1
        span = None
        for number in range(1, count + 1):
            target = begin + left * number // count
            if target > start:
                stop, ends = self._cut(start, target)
                if self._has_records(start, stop):
                    span = Span(self, start, stop, span, ends)
                    yield span
                start = stop

    def _cut(self, start: int, target: int) -> tuple[int, npt.NDArray[np.int64] | None]:
        """Return where the last record before ``target`` ends, or the first after it; with quotes also all line ends."""
        wanted = target - start
        longest = 8 * max(wanted, 1 << 20)
        while True:
            stop = min(start + wanted, self.size)
            ends = None
            if self.quotes and self._map.find(b'"', start, stop) >= 0:
                ends = _record_ends(self._bytes(start, stop))
                last = start + int(ends[-1]) if len(ends) else -1
            else:
                last = self._map.rfind(b"\n", start, stop)
            if stop == self.size:
                return stop, ends
            if last < 0 and wanted > longest:  # a quote that never closes: fall back to plain lines
                ends = _places(self._bytes(start, stop), _LINE_END)
                last = start + int(ends[-1]) if len(ends) else stop - 1
            if last >= 0:
                return last + 1, ends
            wanted *= 2

    def lines(self, start: int, stop: int, ends: npt.NDArray[np.int64] | None) -> Lines:
        """Return the lines between two bytes, at which records begin; ``ends`` where they are known."""
        block = self._bytes(start, stop)
        ends = _places(block, _LINE_END) if ends is None else ends
        blank = _blank_lines(block, ends)
        has_tail = len(block) > (int(ends[-1]) + 1 if len(ends) else 0)
        return Lines(ends, len(ends) - blank + has_tail, blank)

    def _bytes(self, start: int, stop: int) -> Bytes:
        return np.frombuffer(self._map, dtype=np.uint8)[start:stop]

    def _has_records(self, start: int, stop: int) -> bool:
        return _BLANK_LINES.fullmatch(self._map, start, stop) is None


def _record_ends(block: Bytes) -> npt.NDArray[np.int64]:
    """Return the offsets of the line ends outside quotes."""
    ends = _places(block, _LINE_END)
    marks = _places(block, _QUOTE)
    outside: npt.NDArray[np.int64] = ends[np.searchsorted(marks, ends) % 2 == 0]
    return outside


def _places(block: Bytes, byte: int) -> npt.NDArray[np.int64]:
    """Return the offsets of a byte."""
    marks = np.empty(_SWEEP_BYTES, dtype=bool)
    found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(block), _SWEEP_BYTES):
        piece = block[start : start + _SWEEP_BYTES]
        np.equal(piece, byte, out=marks[: len(piece)])
        found.append(np.flatnonzero(marks[: len(piece)]) + start)
    return np.concatenate(found)


def _is_blank(block: Bytes, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which lines are empty, by their ends."""
    lengths = np.diff(ends, prepend=-1)
    blank: npt.NDArray[np.bool_] = lengths == 1
    short = np.flatnonzero(lengths == 2)
    blank[short[block[ends[short] - 1] == _RETURN]] = True
    return blank


def _blank_lines(block: Bytes, ends: npt.NDArray[np.int64]) -> int:
    return int(np.count_nonzero(_is_blank(block, ends))) if len(ends) else 0


def row_at(data: bytes, offset: int, *, quotes: bool) -> int:
    """Return how many records end before ``offset``."""
    block = np.frombuffer(data, dtype=np.uint8)[:offset]
    ends = _record_ends(block) if quotes else _places(block, _LINE_END)
    return len(ends) - _blank_lines(block, ends)
