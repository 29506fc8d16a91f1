"""The data-service API under ``/api/v1``, and its own description."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from catalog.access.model import Principal
from catalog.access.store import AccessStore
from catalog.api.data import DataService
from catalog.api.errors import ApiError
from catalog.api.limits import RateLimiter
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.openapi import openapi_document

API_VERSION = "1"


def data_router(
    service: DataService,
    store: AccessStore,
    limiter: RateLimiter,
    contracts: dict[str, Contract],
    vocabulary: Vocabulary,
) -> APIRouter:
    """Return the routes that serve rows and the interface's OpenAPI document."""
    router = APIRouter()
    document = openapi_document(contracts, vocabulary, version=API_VERSION)

    @router.get("/openapi.json", include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(document)

    @router.get("/api/v1/data/{dept}/{resource}", include_in_schema=False)
    def read_data(dept: str, resource: str, request: Request) -> JSONResponse:
        principal = presented(request, store)
        limiter.check(principal.key_id if principal else _peer(request))
        contract = contracts.get(f"{dept}.{resource}")
        if contract is None:
            raise ApiError(404, "no_such_resource", "没有这个数据资源", "资源清单见 /catalogue")
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        today = datetime.now(UTC).date()
        page: dict[str, Any] = service.page(contract, principal, query, request.state.request_id, today)
        return JSONResponse(page, headers={"Cache-Control": "no-store"})

    return router


def presented(request: Request, store: AccessStore) -> Principal | None:
    """Return the holder of the key that a request carries in ``X-API-Key`` or as a bearer token."""
    key = request.headers.get("x-api-key")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return store.principal(key or (token if scheme.lower() == "bearer" else None))


def _peer(request: Request) -> str:
    return request.client.host if request.client else "unknown"
