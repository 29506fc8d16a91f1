"""Excel in and out: the form, the whole catalogue or a department, an upload with every fault, an import as one batch."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from catalog.access.person import Doing, Person, permit
from catalog.api.errors import ApiError
from catalog.cataloguing.desk import DOING, Act, NotReady, NotWritten, Outdated
from catalog.cataloguing.proposal import MACHINE
from catalog.cataloguing.sheet_faults import CellFault, faults_csv, faults_excel
from catalog.cataloguing.sheet_guard import LARGEST_FILE, RefusedFile
from catalog.cataloguing.sheet_read import read_workbook
from catalog.cataloguing.sheet_write import workbook_of
from catalog.contract.message import Message
from catalog.sharing.journal import OvertakenError
from catalog.sharing.machine import IllegalMove
from catalog.web.cataloguing import Cataloguing, Form, either, kind_of
from catalog.web.downloads import EXCEL, download
from catalog.web.visitors import permitted, signed_in

SHOWN_FAULTS = 200
KEPT_REPORTS = 40


def sheets_router(held: Cataloguing) -> APIRouter:
    """Return the routes of import and export."""
    router = APIRouter(include_in_schema=False)
    reports: OrderedDict[str, tuple[str, tuple[CellFault, ...]]] = OrderedDict()
    desk = held.desk

    @router.get("/catalogue/export.xlsx")
    def export(request: Request) -> Response:
        published = desk.shelf.now()
        dept = request.query_params.get("dept", "")
        if dept and dept not in published.vocabulary.departments:
            raise ApiError(404, "no_such_department", "没有这个部门", "从数据目录页面导出")
        keys = [key for key, contract in published.contracts.items() if dept in ("", contract.dept)]
        content = workbook_of((published.documents[key].data for key in keys), published.vocabulary)
        name = f"{published.vocabulary.departments[dept].name}数据目录" if dept else "政务数据目录"
        return download(content, f"{name}.xlsx", EXCEL)

    @router.get("/catalogue/import/template.xlsx")
    def template() -> Response:
        return download(workbook_of([], desk.shelf.now().vocabulary), "政务数据目录模板.xlsx", EXCEL)

    @router.get("/catalogue/import")
    @router.get("/catalogue/import.json")
    def upload_page(request: Request) -> Response:
        _importer(request)
        return _shown(request, {})

    @router.post("/catalogue/import")
    async def upload(request: Request, form: Form) -> Response:
        person, only = _importer(request)
        sent = form.get("file")
        content = b"" if sent is None or isinstance(sent, str) else await sent.read(LARGEST_FILE + 1)
        name = "" if sent is None or isinstance(sent, str) else (sent.filename or "")[:120]
        try:
            found = await run_in_threadpool(read_workbook, content, desk.shelf.now(), only_dept=only)
        except RefusedFile as error:
            return _shown(request, {"refused": str(error), "name": name}, 422)
        if found.faults:
            token = secrets.token_urlsafe(12)
            reports[token] = (person.account, found.faults)
            while len(reports) > KEPT_REPORTS:
                reports.popitem(last=False)
            shown = [fault.to_json() for fault in found.faults[:SHOWN_FAULTS]]
            return _shown(request, {"faults": shown, "total": len(found.faults), "token": token, "name": name}, 422)
        changed = [entry for entry in found.entries if entry.is_changed]
        if not changed:
            return _shown(request, {"unchanged": len(found.entries), "name": name})
        try:
            made = await run_in_threadpool(desk.open_batch, person, held.now(), changed, name)
        except (Outdated, OvertakenError) as error:
            return _shown(request, {"refused": str(error), "name": name}, 409)
        return RedirectResponse(f"/cataloguing/batch/{made[0].origin.batch}", status_code=303)

    @router.get("/catalogue/import/faults/{token}.{kind}")
    def faults(request: Request, token: str, kind: str) -> Response:
        person = signed_in(request)
        account, found = reports.get(token, ("", ()))
        if account != person.account:
            raise ApiError(404, "no_such_report", "问题清单已失效", "重新上传文件")
        if kind == "csv":
            return download(faults_csv(found), "导入问题清单.csv", "text/csv; charset=utf-8")
        return download(faults_excel(found), "导入问题清单.xlsx", EXCEL)

    @router.get("/cataloguing/batch/{batch}")
    @router.get("/cataloguing/batch/{batch}.json")  # registered first: decorators apply from below
    def batch_page(request: Request, batch: str) -> Response:
        person = signed_in(request)
        return either(request, "cataloguing_batch.html", _batch(person, batch), told=[])

    @router.post("/cataloguing/batch/{batch}/act")
    def batch_act(request: Request, batch: str, form: Form) -> Response:
        person, kind = signed_in(request), kind_of(form)
        role = next(iter(MACHINE.rules[kind].roles))
        told, count = [], 0
        for proposal in desk.store.proposals(batch=batch[:30]):
            if (
                proposal.state not in MACHINE.rules[kind].states
                or not permit(person, DOING[role], proposal.dept).allowed
            ):
                continue
            try:
                desk.act(Act(proposal.number, kind, person, held.now(), len(proposal.events), {}))
                count += 1
            except (NotReady, Outdated, IllegalMove, OvertakenError, NotWritten) as error:
                told.append(
                    Message("{number} {title}：{error}", number=proposal.number, title=proposal.title, error=str(error))
                )
        if not told and count:
            return RedirectResponse(f"/cataloguing/batch/{batch}", status_code=303)
        answer = either(
            request, "cataloguing_batch.html", _batch(person, batch), told=told or [Message("没有可以办理的目录")]
        )
        answer.status_code = 409
        return answer

    def _batch(person: Person, batch: str) -> dict[str, Any]:
        seen = [one for one in desk.store.proposals(batch=batch[:30]) if held.views.may_see(person, one)]
        if not seen:
            raise ApiError(404, "no_such_batch", "没有这个导入批次，或不是您的部门的", "从 /cataloguing 进入")
        return held.views.batch(seen, held.asked(person))

    def _shown(request: Request, found: dict[str, Any], status: int = 200) -> Response:
        facts = {"refused": "", "faults": [], "total": 0, "token": "", "name": "", "unchanged": 0, **found}
        answer = either(request, "cataloguing_import.html", facts)
        answer.status_code = status
        return answer

    return router


def _importer(request: Request) -> tuple[Person, str | None]:
    """Return who imports, and for which department only: a cataloguer's own, any for the catalogue's administrator."""
    person = signed_in(request)
    if permit(person, Doing.IMPORT_CATALOGUE).allowed:
        return person, None
    return permitted(request, Doing.CATALOGUE, person.dept), person.dept
