"""Many arrays in one file that is mapped, not read: opening costs nothing, and only what is asked for comes into memory."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"citybrain-search-1\n"
ALIGNMENT = 64

Array = NDArray[Any]


class BadIndex(ValueError):
    """The file is no index of this version, or not whole."""


def pack(arrays: Mapping[str, Array], notes: Mapping[str, Any]) -> bytes:
    """Return arrays and notes as the content of an index file: a line of JSON, then every array on a 64-byte place."""
    places: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, array in arrays.items():
        places[name] = {"dtype": array.dtype.str, "count": int(array.size), "offset": offset}
        offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    head = json.dumps({"arrays": places, "size": offset, "notes": dict(notes)}, ensure_ascii=False).encode()
    start = _aligned(len(MAGIC) + 8 + len(head))
    whole = bytearray(start + offset)
    whole[: len(MAGIC)] = MAGIC
    whole[len(MAGIC) : len(MAGIC) + 8] = len(head).to_bytes(8, "little")
    whole[len(MAGIC) + 8 : len(MAGIC) + 8 + len(head)] = head
    for name, array in arrays.items():
        place = start + places[name]["offset"]
        whole[place : place + array.nbytes] = np.ascontiguousarray(array).tobytes()
    return bytes(whole)


def save(path: Path, content: bytes) -> None:
    """Write an index file in one step: readers keep the old one, or get the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def opened(content: bytes | mmap.mmap) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays (views, read only) and notes of an index; raise :class:`BadIndex`."""
    try:
        if content[: len(MAGIC)] != MAGIC:
            raise BadIndex("not a search index of this version")
        length = int.from_bytes(content[len(MAGIC) : len(MAGIC) + 8], "little")
        head = json.loads(content[len(MAGIC) + 8 : len(MAGIC) + 8 + length])
    except (ValueError, UnicodeDecodeError) as fault:
        raise BadIndex(str(fault)) from None
    start = _aligned(len(MAGIC) + 8 + length)
    if len(content) < start + head["size"]:
        raise BadIndex("the file is cut short")
    arrays = {
        name: np.frombuffer(content, place["dtype"], place["count"], start + place["offset"])
        for name, place in head["arrays"].items()
    }
    return arrays, head["notes"]


def mapped(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Open an index file by mapping it; raise :class:`BadIndex` or ``OSError``."""
    with path.open("rb") as file:
        return opened(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
