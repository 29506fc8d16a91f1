"""The address at which people reach the doors: as it was set, or as the reader called them."""

from __future__ import annotations

from fastapi import Request

from catalog.web.protection import HOST_SHAPE


def own_address(request: Request) -> str:
    """Return the address that links to this service begin with, such as ``https://data.example.gov.cn``."""
    public: str = request.app.state.public_address
    host = request.headers.get("host", "")
    return public or (f"{request.url.scheme}://{host}" if HOST_SHAPE.match(host) else "")


def is_secure(request: Request) -> bool:
    """Tell whether people reach this service by https, so that cookies must not travel otherwise."""
    return own_address(request).startswith("https://")
