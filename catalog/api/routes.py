"""The routes under ``/api/v1``, and their own description at ``/openapi.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from catalog.access.model import Principal
from catalog.access.person import BUREAU
from catalog.access.store import AccessStore
from catalog.api.clock import today
from catalog.api.data import DataService
from catalog.api.data_file import DataFiles, FileRequest
from catalog.api.divisions import divisions_router
from catalog.api.errors import ApiError
from catalog.api.limits import RateLimiter, client_address
from catalog.api.lineage_store import LineageStore
from catalog.api.openlineage import LARGEST_EVENT, read_event
from catalog.api.reads import CatalogueReads
from catalog.api.records import Records
from catalog.api.request import file_format
from catalog.api.search import LONGEST_QUERY, Query, page_number
from catalog.api.sending import send
from catalog.api.suggest import suggestions
from catalog.api.views import detail_json, found_json
from catalog.contract.model import Contract
from catalog.sharing.grants import BATCH

OUTCOMES_PER_PAGE = 500
APPLICATION_HEADER = "x-application"  # the number of the application that a request relies on, where there are several
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Doors:
    """What the routes stand on."""

    reads: CatalogueReads
    service: DataService
    files: DataFiles
    store: AccessStore
    lineage: LineageStore
    limiter: RateLimiter
    records: Records


def api_router(doors: Doors) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter(include_in_schema=False)
    reads = doors.reads

    @router.get("/openapi.json")
    def describe() -> JSONResponse:
        reads.refresh()
        return JSONResponse(reads.interface)

    @router.get("/api/v1/data/{dept}/{resource}")
    def data(dept: str, resource: str, request: Request) -> JSONResponse:
        principal = presented(request, doors.store)
        doors.limiter.check(principal.key_id if principal else client_address(request))
        contract = reads.now().served(known(reads, dept, resource))
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        named = request.headers.get(APPLICATION_HEADER)
        answer = doors.service.page(contract, principal, query, request.state.request_id, today(), named)
        return JSONResponse(answer, headers=NO_STORE)

    @router.get("/api/v1/data/{dept}/{resource}/file")
    def file(dept: str, resource: str, request: Request) -> Response:
        principal = presented(request, doors.store)
        doors.limiter.check(principal.key_id if principal else client_address(request))
        contract = reads.now().served(known(reads, dept, resource))
        asked = FileRequest(
            contract=contract,
            principal=principal,
            method=BATCH,
            form=file_format(request.query_params.multi_items()),
            request_id=request.state.request_id,
            named=request.headers.get(APPLICATION_HEADER),
        )
        return send(doors.files.give(asked, today()))

    @router.get("/api/v1/catalogue")
    def catalogue(request: Request) -> JSONResponse:
        doors.limiter.check(client_address(request))
        found = reads.listing(reads.now()).search(Query.read(request.query_params.multi_items()))
        return JSONResponse(found_json(found))

    @router.get("/api/v1/suggest")
    def suggest(request: Request) -> JSONResponse:
        doors.limiter.check(client_address(request))
        offered = suggestions(reads, reads.now(), request.query_params.get("q", "")[:LONGEST_QUERY])
        return JSONResponse({"data": offered}, headers=NO_STORE)

    @router.get("/api/v1/catalogue/{dept}/{resource}")
    def entry(dept: str, resource: str, request: Request) -> JSONResponse:
        doors.limiter.check(client_address(request))
        contract = known(reads, dept, resource)
        detail = reads.detail(reads.now(), contract.key, today())
        return JSONResponse(detail_json({**detail, **doors.records.of(contract.key, today())}))

    @router.get("/api/v1/outcomes")
    def outcomes(request: Request) -> JSONResponse:
        doors.limiter.check(client_address(request))
        wanted, facts = request.query_params.get("resource", ""), reads.now()
        if wanted and wanted not in reads.contracts:
            raise no_such_resource()
        number = page_number(request.query_params.get("page", ""))
        rows = facts.outcomes(wanted, OUTCOMES_PER_PAGE + 1, (number - 1) * OUTCOMES_PER_PAGE)
        page: dict[str, Any] = {
            "number": number,
            "count": min(len(rows), OUTCOMES_PER_PAGE),
            "has_more": len(rows) > OUTCOMES_PER_PAGE,
            "snapshot": facts.snapshot if facts.is_published else None,
        }
        return JSONResponse({"data": rows[:OUTCOMES_PER_PAGE], "page": page})

    @router.post("/api/v1/lineage")
    async def receive_lineage(request: Request) -> JSONResponse:
        principal = await run_in_threadpool(presented, request, doors.store)
        doors.limiter.check(principal.key_id if principal else client_address(request))
        sender = lineage_sender(principal)
        event, raw = read_event(await bounded_body(request, LARGEST_EVENT))
        is_new = await run_in_threadpool(doors.lineage.receive, event, raw, sender.dept)
        return JSONResponse({"event_id": event.event_id, "received": is_new}, status_code=201 if is_new else 200)

    @router.get("/api/v1/lineage")
    def lineage(request: Request) -> JSONResponse:
        doors.limiter.check(client_address(request))
        table = request.query_params.get("table")
        if not table:
            raise ApiError(422, "table_missing", "缺少参数 table", "如 /api/v1/lineage?table=population.dim_person")
        return JSONResponse(reads.lineage_json(reads.now(), table, doors.lineage.edges(table)), headers=NO_STORE)

    router.include_router(
        divisions_router(lambda query, limit: reads.divisions.search(reads.now(), query, limit), doors.limiter)
    )
    return router


def lineage_sender(principal: Principal | None) -> Principal:
    """Return who may send lineage: a key of the bureau, whose engines they are; raise :class:`ApiError` otherwise."""
    if principal is None:
        raise ApiError(
            401, "unauthenticated", "缺少或无效的 API key", "citybrain key new", headers={"WWW-Authenticate": "Bearer"}
        )
    if principal.dept != BUREAU:
        raise ApiError(403, "not_the_bureau", "血缘事件只由大数据局的平台发送，默认拒绝", f"使用部门为 {BUREAU} 的 key")
    return principal


async def bounded_body(request: Request, largest: int) -> bytes:
    """Return the body, reading no more than a byte beyond what is allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            break
    return bytes(body[: largest + 1])


def known(reads: CatalogueReads, dept: str, resource: str) -> Contract:
    """Return the contract of a resource named by a stranger; raise :class:`ApiError` 404 when there is none."""
    reads.refresh()
    contract = reads.contracts.get(f"{dept}.{resource}")
    if contract is None:
        raise no_such_resource()
    return contract


def no_such_resource() -> ApiError:
    """Return the error of an unknown resource."""
    return ApiError(404, "no_such_resource", "没有这个数据资源", "资源清单见 /catalogue")


def presented(request: Request, store: AccessStore) -> Principal | None:
    """Return the holder of the key that a request carries in ``X-API-Key`` or as a bearer token."""
    key = request.headers.get("x-api-key")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return store.principal(key or (token.strip() if scheme.lower() == "bearer" else None))
