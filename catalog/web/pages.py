"""The catalogue's pages; each gives its facts as JSON too, at ``….json`` or to a program that asks for it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from catalog.api.data import json_value
from catalog.api.errors import ApiError
from catalog.contract.load import CATALOG_ROOT, SUFFIX
from catalog.derive.openapi import openapi_document
from catalog.web.protection import wants_json
from catalog.web.reads import CatalogueReads, Listed
from catalog.web.search import FACETS, search
from catalog.web.templating import page

LONGEST_QUERY = 100


def page_router(reads: CatalogueReads, docs: Path) -> APIRouter:
    """Return the routes of the pages."""
    router = APIRouter(include_in_schema=False)
    document = openapi_document(reads.contracts, reads.vocabulary, version="1")

    @router.get("/")
    def home(request: Request) -> Response:
        facts = reads.overview()
        links = {name: (docs / name / "index.html").exists() for name in ("quality", "dbt")}
        return _either(request, "home.html", facts, section="home", city=reads.vocabulary.city, links=links)

    @router.get("/catalogue")
    @router.get("/catalogue.json")
    @router.get("/api/v1/catalogue")
    def catalogue(
        request: Request,
        q: str = Query("", max_length=LONGEST_QUERY),
        page_number: int = Query(1, alias="page", ge=1, le=10_000),
    ) -> Response:
        chosen = {name: request.query_params.get(name, "") for name in FACETS}
        found = search(reads.listed(), q.strip(), chosen, page_number)
        if wants_json(request):
            facts = {
                "total": found.total,
                "page": found.page,
                "pages": found.pages,
                "items": [_brief(x) for x in found.lines],
            }
            return JSONResponse(facts)
        partial = request.headers.get("hx-request") == "true"
        return page(request, "_results.html" if partial else "catalogue.html", section="catalogue", found=found)

    @router.get("/catalogue/{dept}/{resource}.json")
    @router.get("/catalogue/{dept}/{resource}")
    @router.get("/api/v1/catalogue/{dept}/{resource}")
    def entry(request: Request, dept: str, resource: str) -> Response:
        key = f"{dept}.{resource.removesuffix('.json')}"
        if key not in reads.contracts:
            raise ApiError(404, "no_such_resource", "没有这个数据资源", "资源清单见 /catalogue")
        contract = reads.contracts[key]
        facts = reads.detail(key)
        if wants_json(request):
            plain = {**facts, "entry": asdict(facts["entry"]), "labelled": dict(facts["labelled"])}
            return JSONResponse(_plain(plain))
        path = CATALOG_ROOT / "contracts" / dept / f"{contract.resource}{SUFFIX}"
        source = path.read_text(encoding="utf-8")
        return page(request, "entry.html", section="catalogue", contract=contract, source=source, **facts)

    @router.get("/quality")
    def quality(request: Request) -> Response:
        names = {key: entry.name for key, entry in reads.entries.items()}
        return _either(request, "quality.html", reads.quality(), section="quality", names=names)

    @router.get("/governance")
    def governance(request: Request) -> Response:
        departments = {key: d.name for key, d in reads.vocabulary.departments.items()}
        return _either(request, "governance.html", reads.governance(), section="governance", departments=departments)

    @router.get("/api/v1/outcomes")
    def outcomes(resource: str = Query("", max_length=LONGEST_QUERY)) -> Response:
        sql = "select * from ops.ingest_outcome where ? in ('', resource) order by resource, delivery"
        return JSONResponse({"items": reads.rows(sql, [resource])})

    @router.get("/api/docs")
    def api_docs(request: Request) -> Response:
        return page(request, "api.html", section="api", document=document)

    return router


def _either(request: Request, template: str, facts: dict[str, Any], **context: Any) -> Response:
    if wants_json(request):
        return JSONResponse(_plain(facts))
    return page(request, template, facts=facts, **context)


def _brief(line: Listed) -> dict[str, Any]:
    entry = line.entry
    return {
        "key": entry.key,
        "name": entry.name,
        "resource_code": entry.resource_code,
        "provider": entry.provider_name,
        "summary": entry.summary,
        "share_type": entry.share_type_name,
        "update_cycle": entry.update_cycle,
        "grade": entry.grade_name,
        "maturity": entry.maturity,
        "topic": line.topic_name,
        "row_count": line.row_count,
        "supply": line.supply,
        "score": line.score,
    }


def _plain(value: Any) -> Any:
    """Return nested facts as JSON has them."""
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return json_value(value)
