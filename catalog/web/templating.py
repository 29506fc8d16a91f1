"""Jinja templates with escaping always on, the texts, and the few filters that the pages share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.api.clock import beijing
from catalog.api.errors import ApiError
from catalog.api.search import FAIR_SCORE, GOOD_SCORE
from catalog.contract.model import Contract
from catalog.derive.catalogue import CatalogueItem
from catalog.web.texts import LANGUAGES, Texts
from catalog.web.visitors import csrf_token, places, visitor

STATIC = Path(__file__).parent / "static"
DASH = "—"
LONG_TEXT = 46  # characters that fit into half a line
# One URL shows pages, partial pages and JSON: caches must tell them apart, and published facts change at any time.
PAGE_HEADERS = {"Vary": "Accept, HX-Request, Cookie", "Cache-Control": "no-cache"}
texts = Texts()


def thousands(value: Any) -> str:
    """Write a count with thousands separators; a dash for none."""
    return DASH if value is None else f"{int(value):,}"


def or_dash(value: Any) -> str:
    """Write a value; a dash for none."""
    return DASH if value is None or value == "" else str(value)


def score_text(value: float | None) -> str:
    """Write a score with one digit; 100 only when it is."""
    if value is None:
        return DASH
    return "100" if value >= 100 else f"{int(value * 10) / 10:.1f}"


def score_level(value: float | None) -> str:
    """Return the level a score is shown at."""
    if value is None:
        return "none"
    return "good" if value >= GOOD_SCORE else "fair" if value >= FAIR_SCORE else "poor"


def moment(value: str | None) -> str:
    """Write an ISO moment in the city's time; a dash for none."""
    return DASH if value is None else beijing(value)


def rule_label(rule: str | None, contract: Contract | None = None) -> str:
    """Return a rule in words: the column's name and what is checked."""
    if rule is None:
        return DASH
    whole = texts.or_else(f"rule.{rule}", "")
    if whole:
        return whole
    column, _, check = rule.rpartition(".")
    words = texts.or_else(f"check.{check}", check)
    names = {prop.name: prop.business_name for prop in contract.properties} if contract else {}
    return f"{names.get(column, column)} · {words}" if column else words


def is_numeric(item: CatalogueItem) -> bool:
    """Tell whether a column is aligned as numbers are."""
    return item.mask is None and item.physical_type.startswith(("decimal", "integer", "bigint", "double"))


def label_of(item: CatalogueItem, value: Any) -> str:
    """Return the word of a coded value; "" when it has none."""
    return dict(item.codes).get(str(value), "")


def shown(value: Any) -> str:
    """Write a sample value."""
    if isinstance(value, bool):
        return texts("entry.yes") if value else texts("entry.no")
    return or_dash(value)


def in_two_columns(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    """Return (label, text, is wide) for a form of two columns: a long text takes a line, and no place stays empty."""
    laid: list[tuple[str, str, bool]] = []
    has_half = False
    for label, text in fields:
        is_wide = len(text) > LONG_TEXT
        if is_wide and has_half:
            laid[-1] = (*laid[-1][:2], True)
        laid.append((label, text, is_wide))
        has_half = not is_wide and not has_half
    if has_half:
        laid[-1] = (*laid[-1][:2], True)
    return laid


def trend_json(publishes: Iterable[dict[str, Any]]) -> str:
    """Return scores over time for the chart's script: when, in the city's time, and the score of each dimension."""
    return json.dumps(
        [{"at": moment(row["published_at"]), "scores": row["scores"]} for row in publishes], ensure_ascii=False
    )


@cache
def static_url(name: str) -> str:
    """Return the address of a static file with a mark of its content, so that it can be cached for ever."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={mark}"


def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "thousands": thousands,
        "or_dash": or_dash,
        "score": score_text,
        "level": score_level,
        "moment": moment,
        "spoken": texts.word,
    }
    environment.globals |= {
        "t": texts,
        "languages": LANGUAGES,
        "visitor": visitor,
        "csrf": csrf_token,
        "places": places,
        "rule_label": rule_label,
        "static": static_url,
        "is_numeric": is_numeric,
        "label_of": label_of,
        "shown": shown,
        "trend_json": trend_json,
        "in_two_columns": in_two_columns,
    }
    return environment


_TEMPLATES = Jinja2Templates(env=_environment())


def page(request: Request, template: str, **context: Any) -> Response:
    """Render a page."""
    return _TEMPLATES.TemplateResponse(request, template, context, headers=PAGE_HEADERS)


def private_page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Render a page of no section that no browser may keep: one where somebody signs in, or that shows a secret."""
    shown = page(request, template, section="", **context)
    shown.status_code = status
    shown.headers["Cache-Control"] = "no-store"
    return shown


def document(template: str, **context: Any) -> str:
    """Render a page that belongs to no request, such as one that is written to a file."""
    return _TEMPLATES.get_template(template).render(context)


def error_page(request: Request, error: ApiError, request_id: str) -> Response:
    """Render an error for a person."""
    context = {"error": error, "request_id": request_id, "section": ""}
    headers = {**PAGE_HEADERS, "Cache-Control": "no-store", **error.headers}
    return _TEMPLATES.TemplateResponse(request, "error.html", context, status_code=error.status, headers=headers)
