"""The catalogue for other portals: DCAT-AP 3 as Turtle and JSON-LD, whole and entry by entry."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from catalog.api.reads import CatalogueReads
from catalog.api.routes import known
from catalog.exchange.dcat import FORMATS, catalogue_graph, serialised
from catalog.web.address import own_address
from catalog.web.templating import PAGE_HEADERS


def dcat_router(reads: CatalogueReads) -> APIRouter:
    """Return the routes of the export."""
    router = APIRouter(include_in_schema=False)

    @router.get("/catalogue.ttl")
    @router.get("/catalogue.jsonld")
    def whole(request: Request) -> Response:
        reads.refresh()
        return _answer(request, None)

    @router.get("/catalogue/{dept}/{resource}.ttl")
    @router.get("/catalogue/{dept}/{resource}.jsonld")
    def entry(request: Request, dept: str, resource: str) -> Response:
        return _answer(request, known(reads, dept, resource).key)

    def _answer(request: Request, key: str | None) -> Response:
        form = "turtle" if request.url.path.endswith(".ttl") else "json-ld"
        only = None if key is None else [key]
        graph = catalogue_graph(reads.contracts, reads.vocabulary, own_address(request), only=only)
        media = f"{FORMATS[form]}; charset=utf-8"
        return Response(serialised(graph, form), media_type=media, headers=PAGE_HEADERS)

    return router
