"""Files that a browser saves: their media types and names."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Response

from catalog.web.templating import PAGE_HEADERS

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(content: bytes | str, name: str, media_type: str) -> Response:
    """Answer with a file to be saved as ``name``, which may be Chinese (RFC 6266)."""
    encoded = quote(name)
    named = f'filename="{name}"' if encoded == name else f"filename*=UTF-8''{encoded}"
    headers = {**PAGE_HEADERS, "Content-Disposition": f"attachment; {named}"}
    return Response(content, media_type=media_type, headers=headers)
