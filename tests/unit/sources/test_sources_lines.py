"""Text files are cut into spans at record ends, and every record is in exactly one span."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakehouse.sources.lines as lines
from lakehouse.sources.lines import Span, TextFile
from lakehouse.sources.scratch import ScratchFiles

_PIECES = st.sampled_from([b"a", b"b,", b"\n", b"\n", b"\r\n", b'"', b'"x\ny"', b"\r"])


def _spans(content: bytes, *, quotes: bool, part_bytes: int) -> list[tuple[int, list[bytes]]]:
    """Return the first row and the records of every span, found by two threads and the last span first."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PART_BYTES", part_bytes)
        patch.setattr(lines, "_SMALL_PART_BYTES", max(part_bytes // 8, 1))
        path = Path(folder) / "text"
        path.write_bytes(content)
        file = TextFile(path, quotes=quotes)
        spans = list(file.spans(0, 2))

        def found(span: Span) -> tuple[int, list[bytes]]:
            assert span.rows == len(file.records(span))
            return span.first_row, file.records(span).to_pylist()

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(found, reversed(spans)))[::-1]


@given(pieces=st.lists(_PIECES, min_size=1, max_size=60), quotes=st.booleans(), part_bytes=st.integers(1, 40))
def test_spans_hold_every_record_once_and_in_order(pieces: list[bytes], quotes: bool, part_bytes: int) -> None:
    content = b"".join(pieces)
    whole = [record for _, records in _spans(content, quotes=quotes, part_bytes=1 << 30) for record in records]
    cut = _spans(content, quotes=quotes, part_bytes=part_bytes)
    assert [record for _, records in cut for record in records] == whole
    assert [first for first, _ in cut] == [sum(len(r) for _, r in cut[:number]) for number in range(len(cut))]


def test_spans_of_blank_lines_alone_are_left_out() -> None:
    assert _spans(b"a\n" + b"\r\n" * 40 + b"b\n", quotes=True, part_bytes=8) == [(0, [b"a\n"]), (1, [b"b\n"])]


def test_a_carriage_return_of_its_own_is_a_record_and_not_a_blank_line() -> None:
    assert _spans(b"\n\r\r\n", quotes=False, part_bytes=1 << 30) == [(0, [b"\r\r\n"])]


def test_a_scratch_file_is_written_again_once_it_was_given_back(tmp_path: Path) -> None:
    files = ScratchFiles(tmp_path, ".csv")
    long, other = files.write(b"a long text"), files.write(memoryview(b"other"))
    assert long != other
    files.give_back(long)
    assert files.write(b"short") == long
    assert (long.read_bytes(), other.read_bytes()) == (b"short", b"other")
