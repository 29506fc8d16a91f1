"""The desk 办事台: what waits for whoever is signed in, and the lists of matters; forms, matters and keys are beside it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from catalog.api.data_file import DataFiles
from catalog.api.desk import Desk
from catalog.api.desk_lists import list_of, lists_of
from catalog.api.values import plain
from catalog.web.desk_files import file_router
from catalog.web.desk_forms import form_router
from catalog.web.desk_keys import key_router
from catalog.web.desk_matters import matter_router
from catalog.web.desk_report_forms import report_form_router
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import signed_in


def desk_router(desk: Desk, files: DataFiles) -> APIRouter:
    """Return the routes of the desk."""
    router = APIRouter(include_in_schema=False)

    @router.get("/desk")
    @router.get("/desk.json")
    def waiting(request: Request) -> Response:
        person = signed_in(request)
        facts = desk.waiting(person)
        if wants_json(request):
            return JSONResponse(plain(facts), headers=PAGE_HEADERS)
        return page(request, "desk.html", section="desk", facts=facts, lists=lists_of(person), chosen="waiting")

    @router.get("/desk/list/{name}")
    @router.get("/desk/list/{name}.json")
    def listed(request: Request, name: str) -> Response:
        person = signed_in(request)
        asked = request.query_params
        facts = list_of(desk, person, name, asked.get("state", ""), asked.get("dept", ""), asked.get("page", ""))
        if wants_json(request):
            return JSONResponse(plain(facts), headers=PAGE_HEADERS)
        return page(
            request, "desk_list.html", section="desk", facts=facts, lists=lists_of(person), chosen=facts["list"]
        )

    router.include_router(form_router(desk))
    router.include_router(report_form_router(desk))
    router.include_router(file_router(desk, files))
    router.include_router(key_router(desk))
    router.include_router(matter_router(desk))
    return router
