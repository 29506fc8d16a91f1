"""Files that a browser saves: their media types and names."""

from __future__ import annotations

from fastapi import Response

from catalog.api.sending import attachment
from catalog.web.templating import PAGE_HEADERS

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(content: bytes | str, name: str, media_type: str) -> Response:
    """Answer with a file to be saved as ``name``."""
    headers = {**PAGE_HEADERS, "Content-Disposition": attachment(name)}
    return Response(content, media_type=media_type, headers=headers)
