"""The catalogue's pages; each gives its facts as JSON too, at ``….json`` or to a program that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from catalog.api.clock import today
from catalog.api.desk import Desk
from catalog.api.divisions import division_json
from catalog.api.governance import Choice, Governance
from catalog.api.granted import granted
from catalog.api.lineage_store import LineageStore
from catalog.api.reads import CatalogueReads
from catalog.api.records import Records
from catalog.api.routes import known
from catalog.api.search import LONGEST_QUERY, Query, page_number
from catalog.api.values import plain
from catalog.api.views import detail_json, found_json
from catalog.web.address import own_address
from catalog.web.drawing import draw
from catalog.web.protection import LANGUAGE_COOKIE, wants_json
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.texts import DEFAULT_LANGUAGE, LANGUAGES
from catalog.web.visitors import local_path, visitor

SHOWN_DIVISIONS = 3
OPERATIONS_PER_PAGE = 60
YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Elsewhere:
    """What is served beside the catalogue: generated documentation, and the Airflow address if there is one."""

    docs: Path
    airflow_url: str | None = None

    def links(self) -> dict[str, str]:
        """Return name -> address of what is really there."""
        found = {name: f"/docs/{name}/index.html" for name in ("quality", "dbt")}
        there = {name: url for name, url in found.items() if (self.docs / name / "index.html").is_file()}
        return there | ({"airflow": self.airflow_url} if self.airflow_url else {})


def page_router(
    reads: CatalogueReads, lineage: LineageStore, records: Records, elsewhere: Elsewhere, desk: Desk
) -> APIRouter:
    """Return the routes of the pages."""
    router = APIRouter(include_in_schema=False)
    governed = Governance(reads.contracts, reads.vocabulary)
    departments = {key: department.name for key, department in reads.vocabulary.departments.items()}

    def names() -> dict[str, str]:
        return {key: entry.name for key, entry in reads.entries.items()}

    @router.get("/")
    @router.get("/index.json")
    def home(request: Request) -> Response:
        person = visitor(request)
        waiting = desk.waiting(person) if person else None
        facts = reads.overview(reads.now()) | ({"waiting": waiting} if waiting else {})
        shown = {
            "section": "home",
            "waiting": waiting,
            "city": reads.vocabulary.city,
            "links": elsewhere.links(),
            "names": names(),
        }
        return _either(request, "home.html", facts, **shown)

    @router.get("/catalogue")
    @router.get("/catalogue.json")
    def catalogue(request: Request) -> Response:
        facts = reads.now()
        found = reads.listing(facts).search(Query.read(request.query_params.multi_items()))
        if wants_json(request):
            return JSONResponse(found_json(found), headers=PAGE_HEADERS)
        template = "_results.html" if _is_partial(request) else "catalogue.html"
        words = found.query.words
        places = (
            [division_json(match) for match in reads.divisions.search(facts, words, SHOWN_DIVISIONS)] if words else []
        )
        shown = {"found": found, "divisions": places, "is_published": facts.is_published}
        return page(request, template, section="catalogue", **shown)

    @router.get("/catalogue/{dept}/{resource}")
    @router.get("/catalogue/{dept}/{resource}.json")  # registered first: decorators apply from below
    def entry(request: Request, dept: str, resource: str) -> Response:
        contract = known(reads, dept, resource)
        facts, day = reads.now(), today()
        detail = {
            **reads.detail(facts, contract.key, day),
            **records.of(contract.key, day),
            "grants": granted(desk, visitor(request), contract.key),
            "column_graph": reads.column_graph(facts, contract.key, request.query_params.get("column", "")),
            "jobs": lineage.jobs(contract.key),
        }
        if wants_json(request):
            return JSONResponse(detail_json(detail), headers=PAGE_HEADERS)
        shown = {
            "contract": contract,
            "source": reads.contract_text(contract.key),
            "drawing": draw(detail["lineage"]),
            "column_drawing": draw(detail["column_graph"]["lineage"]) if detail["column_graph"] else None,
            "departments": departments,
            "names": names(),
            "topics": reads.vocabulary.categories.topics,
            "base": own_address(request),
        }
        return page(request, "entry.html", section="catalogue", **shown, **detail)

    @router.get("/quality")
    @router.get("/quality.json")
    def quality(request: Request) -> Response:
        facts = reads.quality(reads.now())
        shown = {"section": "quality", "names": names(), "contracts": reads.contracts, "links": elsewhere.links()}
        return _either(request, "quality.html", facts, **shown)

    @router.get("/governance")
    @router.get("/governance.json")
    def governance(request: Request) -> Response:
        params = request.query_params
        choice = Choice(params.get("rule", "")[:LONGEST_QUERY], page_number(params.get("page", "")))
        facts = governed.report(reads.now(), choice)
        return _either(request, "governance.html", facts, section="governance", departments=departments, names=names())

    @router.get("/language/{code}")
    def language(request: Request, code: str) -> Response:
        """Show the pages in another language from now on, and go back to where the reader was."""
        back = RedirectResponse(local_path(request.query_params.get("next", "")), status_code=303)
        back.set_cookie(LANGUAGE_COOKIE, code if code in LANGUAGES else DEFAULT_LANGUAGE, max_age=YEAR, samesite="lax")
        return back

    @router.get("/api/docs")
    def api_docs(request: Request) -> Response:
        reads.refresh()
        document, named = reads.interface, request.query_params.get("resource", "").replace(".", "/")
        operations = [(p, item["get"]) for p, item in document["paths"].items() if not named or p.endswith(f"/{named}")]
        pages = max(1, -(-len(operations) // OPERATIONS_PER_PAGE))
        number = min(page_number(request.query_params.get("page", "")), pages)
        grouped: dict[str, list[Any]] = {}
        for path, get in operations[(number - 1) * OPERATIONS_PER_PAGE : number * OPERATIONS_PER_PAGE]:
            grouped.setdefault(get["tags"][0], []).append((path, get))
        shown = {
            "groups": grouped,
            "schemas": document["components"]["schemas"],
            "base": own_address(request),
            "number": number,
            "pages": pages,
        }
        return page(request, "api.html", section="api", **shown)

    return router


def _either(request: Request, template: str, facts: dict[str, Any], **context: Any) -> Response:
    if wants_json(request):
        return JSONResponse(plain(facts), headers=PAGE_HEADERS)
    return page(request, template, facts=facts, **context)


def _is_partial(request: Request) -> bool:
    """Tell whether htmx asks for the results alone; going back in history it needs the whole page."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"
