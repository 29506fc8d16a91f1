"""Files in an answer: their names, and sending one bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import StreamingResponse

from catalog.api.data_file import DataFile

_AT_ONCE = 1 << 18  # bytes


def attachment(name: str) -> str:
    """Return the header by which an answer is saved as ``name``, which may be Chinese (RFC 6266)."""
    encoded = quote(name, safe="")
    named = f'filename="{name}"' if encoded == name else f"filename*=UTF-8''{encoded}"
    return f"attachment; {named}"


def send(file: DataFile) -> Response:
    """Answer with a file, which no cache keeps."""
    headers = {
        "Content-Disposition": attachment(file.name),
        "Content-Length": str(file.size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_pieces(file.content), media_type=file.media_type, headers=headers)


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        while piece := content.read(_AT_ONCE):
            yield piece
