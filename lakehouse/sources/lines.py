"""Text files in parts that begin and end at a record, cut by their bytes without decoding them.

Neither UTF-8 nor GB18030 has the bytes of a line end or a quote inside a character, so both are found in the bytes.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lakehouse.sources.errors import SourceError

PART_BYTES = 64 << 20
_LINE_END, _RETURN, _QUOTE = 10, 13, 34
BOM = b"\xef\xbb\xbf"

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Span:
    """Whole records of a file, from byte ``start`` to ``stop``; ``rows`` does not count blank lines."""

    start: int
    stop: int
    first_row: int
    rows: int
    blank_lines: int
    quoted: bool


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

    def read(self, span: Span) -> bytes:
        """Return the bytes of a span, with a line end at the end."""
        data = self._map[span.start : span.stop]
        return data if data.endswith(b"\n") else data + b"\n"

    def spans(self, start: int, workers: int) -> Iterator[Span]:
        """Cut the file from ``start`` on into spans of equal size, as many as keep ``workers`` busy to the end."""
        left = self.size - start
        count = max(1, -(-left // PART_BYTES))
        count = -(-count // workers) * workers if left > PART_BYTES // 8 else 1
        size = -(-left // count) if left else 0
        first_row = 0
        while start < self.size:
            span = self._span(start, size, first_row)
            yield span
            start, first_row = span.stop, first_row + span.rows

    def _span(self, start: int, size: int, first_row: int) -> Span:
        view: Bytes = np.frombuffer(self._map, dtype=np.uint8)
        wanted = size
        while True:
            stop = min(start + wanted, self.size)
            block = view[start:stop]
            ends, quoted = _record_ends(block, quotes=self.quotes)
            if len(ends) or stop == self.size:
                break
            if wanted > 8 * max(size, 1 << 20):  # a quote that never closes: fall back to plain lines
                ends, quoted = np.flatnonzero(block == _LINE_END), True
                break
            wanted *= 2
        if stop < self.size:
            stop = start + int(ends[-1]) + 1 if len(ends) else stop
            block = view[start:stop]
        blank = _blank_lines(block, ends)
        tail = block[int(ends[-1]) + 1 if len(ends) else 0 :]
        rows = len(ends) - blank + (1 if len(tail) else 0)
        return Span(start, stop, first_row, rows, blank, quoted)


def _record_ends(block: Bytes, *, quotes: bool) -> tuple[npt.NDArray[np.int64], bool]:
    """Return the offsets of the line ends outside quotes, and whether there are quotes."""
    ends = np.flatnonzero(block == _LINE_END)
    marks = np.flatnonzero(block == _QUOTE) if quotes else ends[:0]
    if not len(marks):
        return ends, False
    return ends[np.searchsorted(marks, ends) % 2 == 0], True


def _blank_lines(block: Bytes, ends: npt.NDArray[np.int64]) -> int:
    if not len(ends):
        return 0
    lengths = np.diff(ends, prepend=-1)
    returns = block[np.maximum(ends - 1, 0)] == _RETURN
    return int(np.count_nonzero((lengths == 1) | ((lengths == 2) & returns)))


def row_at(data: bytes, offset: int, *, quotes: bool) -> int:
    """Return how many records end before ``offset``."""
    block = np.frombuffer(data, dtype=np.uint8)[:offset]
    ends, _ = _record_ends(block, quotes=quotes)
    return len(ends) - _blank_lines(block, ends)
