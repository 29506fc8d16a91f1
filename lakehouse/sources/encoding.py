"""Text encodings of deliveries: whole blocks to UTF-8 at once, and the single lines that are in another encoding.

A GB18030 file into which somebody pasted UTF-8 lines decodes without an error, only into nonsense: most byte pairs of
UTF-8 are characters of GB18030. So such lines are looked for, before anything is decoded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Encoding = Literal["utf-8", "gb18030"]

# A line of ASCII and of the three-byte sequences that Chinese text consists of: U+3000…303F, CJK U+4E00…9FFF, full width
# U+FF00…FFEF, and the middle dot of transcribed names. At least one; the other sequences are left out, because short
# GB18030 lines are made of them by chance (the known case is 联通).
_HAN = rb"(?:\xe3\x80[\x80-\xbf]|[\xe4-\xe9][\x80-\xbf][\x80-\xbf]|\xef[\xbc-\xbf][\x80-\xbf])"
_UTF8_LINE = (rb"^[\x00-\x7f]*" + _HAN + rb"(?:[\x00-\x7f]|\xc2\xb7|" + _HAN + rb")*$").decode("latin-1")


@dataclass(frozen=True)
class Decoded:
    """UTF-8 text, and where in the original bytes the lines begin that were in another encoding."""

    text: bytes
    foreign_lines: list[int]


def to_utf8(data: bytes, encoding: Encoding) -> Decoded:
    """Decode whole lines; a line that is not in ``encoding`` is decoded as readably as possible and reported."""
    spans = _utf8_lines(data) if encoding == "gb18030" else []
    pieces: list[bytes] = []
    foreign: list[int] = []
    position = 0
    for start, end in [*spans, (len(data), len(data))]:
        _decode_strictly(data, position, start, encoding, pieces, foreign)
        if end > start:
            pieces.append(data[start:end])
            foreign.append(start)
        position = end
    return Decoded(pieces[0] if len(pieces) == 1 else b"".join(pieces), foreign)


def _decode_strictly(
    data: bytes, start: int, end: int, encoding: Encoding, pieces: list[bytes], foreign: list[int]
) -> None:
    """Append ``data[start:end]`` in UTF-8, going around each line that does not decode."""
    convert = _converter(encoding)
    while start < end:
        block = data[start:end]
        text, consumed = convert(block)
        if consumed == len(block):
            pieces.append(text)
            return
        begin = block.rfind(b"\n", 0, consumed) + 1
        stop = block.find(b"\n", consumed) + 1 or len(block)
        pieces.append(convert(block[:begin])[0])
        pieces.append(_readable(block[begin:stop], encoding))
        foreign.append(start + begin)
        start += stop


def _readable(line: bytes, encoding: Encoding) -> bytes:
    other = "utf-8" if encoding == "gb18030" else "gb18030"
    try:
        return line.decode(other).encode()
    except UnicodeDecodeError:
        return line.decode(encoding, "replace").encode()


def _utf8_lines(data: bytes) -> list[tuple[int, int]]:
    """Return begin and end of the lines that are Chinese text in UTF-8."""
    if data.isascii():
        return []
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
    bounds = np.concatenate(([0], ends + 1, [len(data)] if not len(ends) or ends[-1] + 1 < len(data) else []))
    bounds = bounds.astype(np.int64)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    lines = pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(lines, _UTF8_LINE).to_numpy(zero_copy_only=False)
    return [(int(bounds[i]), int(bounds[i + 1])) for i in np.flatnonzero(found)]


Converter = Callable[[bytes], tuple[bytes, int]]


@cache
def _converter(encoding: Encoding) -> Converter:
    """Return the function that turns bytes into UTF-8 and tells how many it could: all, or up to the first fault."""
    if encoding == "utf-8":
        return _check_utf8
    return _iconv_converter() or _codec_gb18030


def _check_utf8(data: bytes) -> tuple[bytes, int]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data[: error.start], error.start
    return data, len(data)


def _codec_gb18030(data: bytes) -> tuple[bytes, int]:
    try:
        return data.decode("gb18030").encode(), len(data)
    except UnicodeDecodeError as error:
        return data[: error.start].decode("gb18030", "ignore").encode(), error.start


def _iconv_converter() -> Converter | None:
    """Return a converter on the C library's iconv: four times faster than Python's codec, and not under its lock."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        iconv_open, iconv, iconv_close = libc.iconv_open, libc.iconv, libc.iconv_close
    except AttributeError:
        return None
    iconv_open.restype = ctypes.c_void_p
    iconv.restype = ctypes.c_size_t
    iconv.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 4
    iconv_close.argtypes = [ctypes.c_void_p]
    failed = ctypes.c_void_p(-1).value
    if (probe := iconv_open(b"UTF-8", b"GB18030")) == failed:
        return None
    iconv_close(probe)

    def convert(data: bytes) -> tuple[bytes, int]:
        descriptor = iconv_open(b"UTF-8", b"GB18030")
        out = np.empty(len(data) * 3 // 2 + 16, dtype=np.uint8)  # two bytes become three at most, four stay four
        source, target = ctypes.c_char_p(data), ctypes.c_void_p(out.ctypes.data)
        left, room = ctypes.c_size_t(len(data)), ctypes.c_size_t(out.nbytes)
        try:
            iconv(*(descriptor, *map(ctypes.addressof, (source, left, target, room))))
        finally:
            iconv_close(descriptor)
        return out[: out.nbytes - room.value].tobytes(), len(data) - left.value

    return convert
