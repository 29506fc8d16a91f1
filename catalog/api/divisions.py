"""Divisions by name over HTTP: ``/api/v1/divisions?q=…``, old names with what they became."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from catalog.api.limits import RateLimiter, client_address
from catalog.search.divisions import FORMER, LEVELS
from catalog.search.marking import spans, way_of
from catalog.search.names import Match
from catalog.search.texts import How

FOUND = 10
MOST_FOUND = 50
Finder = Callable[[str, int], list[Match]]


def divisions_router(find: Finder, limiter: RateLimiter) -> APIRouter:
    """Return the route of the divisions; ``find`` gives the matches of a query, at most so many."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api/v1/divisions")
    def divisions(request: Request) -> JSONResponse:
        limiter.check(client_address(request))
        query = request.query_params.get("q", "")
        found = find(query, wanted(request.query_params.get("limit", "")))
        return JSONResponse({"data": [division_json(match) for match in found], "page": {"count": len(found)}})

    return router


def wanted(text: str) -> int:
    """Return how many matches a query string asks for: 1 to :data:`MOST_FOUND`, :data:`FOUND` unless it is a number."""
    return min(max(int(text), 1), MOST_FOUND) if text.isascii() and text.isdigit() and len(text) < 4 else FOUND


def division_json(match: Match) -> dict[str, Any]:
    """Return one division: what it is, why it was found, and, for an old name, what it became."""
    found: dict[str, Any] = {
        "code": None if match.level == FORMER else match.ref,
        "name": match.name,
        "level": match.level,
        "level_name": LEVELS.get(match.level, ""),
        "path": list(match.path),
        "valid_until": match.more.get("valid_until"),
        "matched": [matched(match.name, word, how) for word, how in match.words],
    }
    return found | ({"became": match.more["became"]} if "became" in match.more else {})


def matched(name: str, word: str, how: How) -> dict[str, Any]:
    """Return how one word was found, and where in the name; ``spans`` is empty when it is in a name above."""
    return {"word": word, "way": way_of(how) or "名称", "spans": spans(name, word, how)}
