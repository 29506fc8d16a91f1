"""Text files in parts that begin and end at a record, cut by their bytes without decoding them.

Neither UTF-8 nor GB18030 has the bytes of a line end or a quote inside a character, so both are found in the bytes.
"""

from __future__ import annotations

import mmap
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
BOM = b"\xef\xbb\xbf"

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Span:
    """Whole records of a file, from byte ``start`` to ``stop``; ``rows`` does not count blank lines.

    ``unbalanced``: a quote in it never closes, so that every line end ends a record.
    """

    start: int
    stop: int
    first_row: int
    rows: int
    blank_lines: int
    quoted: bool
    unbalanced: bool
    ends: npt.NDArray[np.int64] = field(repr=False, compare=False)


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
        bounds = np.concatenate(([0], span.ends + 1))
        if bounds[-1] < len(data):
            bounds = np.append(bounds, len(data))
        buffers = [None, pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(data)]
        records = pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)
        if not span.blank_lines:
            return records
        blank = _is_blank(np.frombuffer(data, dtype=np.uint8), span.ends)
        keep = np.ones(len(records), dtype=bool)
        keep[: len(blank)] = ~blank
        return records.filter(pa.array(keep))

    def spans(self, start: int, workers: int) -> Iterator[Span]:
        """Cut the file from ``start`` on into spans of equal size, as many as keep ``workers`` busy to the end.

        Two for each worker where they are large enough: one has to wait while the first span of another is cut.
        """
        begin, left = start, self.size - start
        count = max(-(-left // PART_BYTES), min(2 * workers, left // _SMALL_PART_BYTES))
        count = -(-count // workers) * workers if left > _SMALL_PART_BYTES else 1
        first_row = 0
        for number in range(1, count + 1):
            target = begin + left * number // count
            if target > start:
                span = self._span(start, target - start, first_row)
                yield span
                start, first_row = span.stop, first_row + span.rows

    def _span(self, start: int, size: int, first_row: int) -> Span:
        view: Bytes = np.frombuffer(self._map, dtype=np.uint8)
        wanted = size
        unbalanced = False
        while True:
            stop = min(start + wanted, self.size)
            block = view[start:stop]
            quoted = self.quotes and self._map.find(b'"', start, stop) >= 0
            ends = _record_ends(block, quotes=quoted)
            if len(ends) or stop == self.size:
                break
            if wanted > 8 * max(size, 1 << 20):  # a quote that never closes: fall back to plain lines
                ends, quoted, unbalanced = _places(block, _LINE_END), True, True
                break
            wanted *= 2
        if stop < self.size:
            stop = start + int(ends[-1]) + 1 if len(ends) else stop
            block = view[start:stop]
        blank = _blank_lines(block, ends)
        tail = block[int(ends[-1]) + 1 if len(ends) else 0 :]
        rows = len(ends) - blank + (1 if len(tail) else 0)
        return Span(start, stop, first_row, rows, blank, quoted, unbalanced, ends)


def _record_ends(block: Bytes, *, quotes: bool) -> npt.NDArray[np.int64]:
    """Return the offsets of the line ends, with ``quotes`` of those outside quotes."""
    ends = _places(block, _LINE_END)
    if not quotes:
        return ends
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
    ends = _record_ends(block, quotes=quotes)
    return len(ends) - _blank_lines(block, ends)
