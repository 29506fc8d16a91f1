"""Jinja templates with escaping always on, and the few filters that the pages share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates

from catalog.api.errors import ApiError

_TEMPLATES = Jinja2Templates(directory=Path(__file__).parent / "templates")


def _thousands(value: Any) -> str:
    return "—" if value is None else f"{int(value):,}"


def _or_dash(value: Any) -> str:
    return "—" if value is None or value == "" else str(value)


_TEMPLATES.env.filters |= {"thousands": _thousands, "or_dash": _or_dash}
_TEMPLATES.env.autoescape = True


def page(request: Request, template: str, **context: Any) -> Response:
    """Render a page."""
    return _TEMPLATES.TemplateResponse(request, template, context)


def error_page(request: Request, error: ApiError, request_id: str) -> Response:
    """Render an error for a person."""
    context = {"error": error, "request_id": request_id, "section": ""}
    response = _TEMPLATES.TemplateResponse(request, "error.html", context, status_code=error.status)
    response.headers.update(error.headers)
    return response
