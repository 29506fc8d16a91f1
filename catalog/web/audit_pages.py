"""The auditor's page: what people did, what was decided on data; as a page, as JSON, and as a table to take away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.datastructures import QueryParams

from catalog.access.logs import ACTIONS, DATA, KINDS, PEOPLE, Logs, Wanted
from catalog.access.person import Doing
from catalog.api.clock import beijing
from catalog.api.errors import ApiError
from catalog.api.search import page_number
from catalog.cataloguing.sheet_faults import no_formula
from catalog.contract.message import Message
from catalog.web.protection import wants_json
from catalog.web.signin import People, actor
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import permitted

PER_PAGE = 50
_AT_ONCE = 1000
LONGEST_PERSON = 40
COLUMNS = {
    PEOPLE: ("event_id", "at", "kind", "account", "actor", "address", "detail"),
    DATA: (
        *("event_id", "at", "request_id", "key_id", "dept", "action", "resource"),
        *("filters", "row_count", "allowed", "code", "reason", "basis"),
    ),
}


def audit_router(people: People) -> APIRouter:
    """Return the routes of the audit log."""
    router = APIRouter(include_in_schema=False)
    logs = Logs(people.accounts.engine)

    @router.get("/audit")
    @router.get("/audit.json")
    def audit(request: Request) -> Response:
        permitted(request, Doing.READ_AUDIT)
        wanted = _wanted(request.query_params)
        number = page_number(request.query_params.get("page", ""))
        total = logs.count(wanted)
        pages = max(1, -(-total // PER_PAGE))
        number = min(number, pages)
        lines = logs.lines(wanted, limit=PER_PAGE, skip=(number - 1) * PER_PAGE)
        if wants_json(request):
            facts = {"log": wanted.log, "total": total, "page": number, "pages": pages, "events": lines}
            return JSONResponse(facts, headers=PAGE_HEADERS)
        shown = {"wanted": wanted, "kinds": KINDS if wanted.log == PEOPLE else ACTIONS, "query": _query(wanted)}
        return page(request, "audit.html", section="", lines=lines, total=total, number=number, pages=pages, **shown)

    @router.get("/audit.csv")
    def export(request: Request) -> Response:
        permitted(request, Doing.READ_AUDIT)
        wanted = _wanted(request.query_params)
        by = actor(request)
        people.accounts.record("log_exported", by.account, by, {name: str(v) for name, v in _query(wanted).items()})
        headers = {"Content-Disposition": f'attachment; filename="audit-{wanted.log}.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(_table(logs, wanted), media_type="text/csv; charset=utf-8", headers=headers)

    return router


def plain_cell(value: Any) -> str:
    """Write a value as a text that no spreadsheet takes for a formula."""
    if isinstance(value, dict | list):
        return no_formula(json.dumps(value, ensure_ascii=False))
    return no_formula("" if value is None else str(value))


def _table(logs: Logs, wanted: Wanted) -> Iterator[bytes]:
    """Write the lines as CSV, with the mark by which Excel knows UTF-8; times are the city's."""
    columns, before = COLUMNS[wanted.log], None
    written = io.StringIO("\ufeff")
    written.seek(0, io.SEEK_END)
    table = csv.writer(written)
    table.writerow(columns)
    while lines := logs.lines(wanted, limit=_AT_ONCE, before=before):
        table.writerows([plain_cell(_cell(line, name)) for name in columns] for line in lines)
        yield written.getvalue().encode()
        written.seek(0)
        written.truncate()
        before = lines[-1]["event_id"]
    yield written.getvalue().encode()


def _cell(line: dict[str, Any], name: str) -> Any:
    return beijing(line["at"]) if name == "at" else line[name]


def _wanted(params: QueryParams) -> Wanted:
    log, day = params.get("log", PEOPLE), params.get("day", "")
    if log not in (PEOPLE, DATA):
        raise ApiError(
            422, "invalid_request", "请求参数的格式有误", Message("log 为 {people} 或 {data}", people=PEOPLE, data=DATA)
        )
    try:
        asked = date.fromisoformat(day) if day else None
    except ValueError:
        raise ApiError(422, "invalid_request", "日期的格式有误", "如 2026-03-02") from None
    return Wanted(log, params.get("person", "").strip()[:LONGEST_PERSON], params.get("kind", "")[:40], asked)


def _query(wanted: Wanted) -> dict[str, str]:
    given = {"log": wanted.log, "person": wanted.person, "kind": wanted.kind, "day": str(wanted.day or "")}
    return {name: value for name, value in given.items() if value}
