"""The data service: one page of a published resource, filtered by its key, masked by its contract, in key order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from catalog.access.decide import decide
from catalog.access.masking import masked
from catalog.access.model import Decision, Principal
from catalog.access.store import AccessStore, AuditEvent
from catalog.api.errors import ApiError
from catalog.api.paging import START_AGAIN, Place, Tokens, scope_of
from catalog.api.readers import QueryError, Readers
from catalog.api.request import DataRequest
from catalog.api.values import json_value
from catalog.contract.model import Contract
from catalog.derive.catalogue import CatalogueEntry

QUERY_SECONDS = 30.0
STATUS_OF = {"unauthenticated": 401, "expired": 403, "not_shared": 403, "not_granted": 403}
HINT_OF = {
    "unauthenticated": "在请求头 X-API-Key 中携带 API key",
    "expired": "请向大数据局申请延期",
    "not_granted": "请在数据目录中申请该资源的共享授权",
    "not_shared": "法律、行政法规或国务院决定明确不予共享，不能申请",
}
Row = dict[str, Any]


class DataService:
    """Answers requests for rows; every decision, yes or no, leaves an audit event before the answer goes out."""

    def __init__(
        self, readers: Readers, store: AccessStore, tokens: Tokens, entries: Mapping[str, CatalogueEntry]
    ) -> None:
        self._readers, self._store, self._tokens, self._entries = readers, store, tokens, entries

    def page(
        self,
        contract: Contract,
        principal: Principal | None,
        query: Mapping[str, Sequence[str]],
        request_id: str,
        today: date,
    ) -> dict[str, Any]:
        """Return one page; raise :class:`ApiError` with the reason when it may not or cannot be given."""
        decision = decide(principal, "read_rows", contract, today=today)
        filters = tuple(name for name in contract.primary_key if name in query)
        rows = 0
        try:
            if principal is None or not decision.allowed:
                raise _refusal(decision)
            answer = self._answer(contract, principal, DataRequest.parse(contract, query), today)
            rows = len(answer["data"])
        finally:
            self._store.audit(AuditEvent(request_id, principal, "read_rows", contract.key, filters, decision, rows))
        return answer

    def _answer(self, contract: Contract, principal: Principal, request: DataRequest, today: date) -> dict[str, Any]:
        scope = scope_of(principal.key_id, contract.key, sorted(request.filters.items()), request.fields)
        place = self._tokens.unseal(request.page_token, scope) if request.page_token is not None else None
        snapshot = place.snapshot if place else self._readers.snapshot()
        found = self._rows(contract, request, snapshot, place)
        page, token = found[: request.limit], None
        if len(found) > request.limit:
            last = [page[-1][_key(position)] for position in range(len(contract.primary_key))]
            token = self._tokens.seal(Place(snapshot, scope, last))
        hidden = self._hidden(contract, principal, request, today)
        return {
            "data": [
                {name: json_value(masked(row[name], hidden.get(name))) for name in request.fields} for row in page
            ],
            "page": {"next_token": token, "count": len(page), "snapshot": snapshot},
            "meta": self._meta(contract, hidden),
        }

    def _hidden(self, contract: Contract, principal: Principal, request: DataRequest, today: date) -> dict[str, str]:
        """Return the masks to apply: column -> mask, of the fields asked for."""
        masks = {
            prop.name: prop.gov.mask for prop in contract.properties if prop.gov.mask and prop.name in request.fields
        }
        if not masks or decide(principal, "read_unmasked", contract, today=today).allowed:
            return {}
        return {name: mask for name, mask in masks.items() if mask is not None}

    def _meta(self, contract: Contract, hidden: Mapping[str, str]) -> dict[str, Any]:
        entry = self._entries[contract.key]
        return {
            "resource": contract.key,
            "name": entry.name,
            "resource_code": entry.resource_code,
            "provider": entry.provider_name,
            "grade": entry.grade_name,
            "contract_version": entry.version,
            "masked_fields": sorted(hidden),
        }

    def _rows(self, contract: Contract, request: DataRequest, snapshot: str, place: Place | None) -> list[Row]:
        """Return up to ``limit + 1`` rows, each with its key as text beside the fields."""
        sql, params = rows_sql(contract, request, place.after if place else None)
        try:
            with self._readers.lease(snapshot) as reader:
                if contract.key not in reader.tables():
                    raise ApiError(404, "not_published", f"{contract.name}尚未发布", "等待首次发布后再取数")
                rows: list[Row] = reader.arrow(sql, params, timeout_seconds=QUERY_SECONDS).to_pylist()
                return rows
        except QueryError as error:
            if place is not None and snapshot != self._readers.snapshot():
                raise ApiError(400, "expired_page_token", "该数据版本已不再保留", START_AGAIN) from error
            raise


def rows_sql(contract: Contract, request: DataRequest, after: Sequence[str] | None) -> tuple[str, list[Any]]:
    """Return the statement of a page and its parameters: names come from the contract, values are parameters."""
    types = {prop.name: prop.physical_type for prop in contract.properties}
    keys = contract.primary_key
    where = [f'"{name}" = ?' for name in request.filters]
    params = list(request.filters.values())
    if after is not None:
        left = ", ".join(f'"{name}"' for name in keys)
        right = ", ".join(f"cast(? as {types[name]})" for name in keys)
        where.append(f"({left}) > ({right})")
        params += after
    columns = [f'"{name}"' for name in request.fields]
    columns += [f'cast("{name}" as varchar) as {_key(position)}' for position, name in enumerate(keys)]
    condition = f" where {' and '.join(where)}" if where else ""
    order = ", ".join(f'"{name}"' for name in keys)
    table = f'"{contract.dept}"."{contract.resource}"'
    sql = f"select {', '.join(columns)} from {table}{condition} order by {order} limit {request.limit + 1}"
    return sql, params


def _key(position: int) -> str:
    return f"_key_{position}"


def _refusal(decision: Decision) -> ApiError:
    headers = {"WWW-Authenticate": "Bearer"} if decision.code == "unauthenticated" else {}
    hint = f"{HINT_OF.get(decision.code, '默认拒绝')}；依据：{decision.basis}"
    return ApiError(STATUS_OF.get(decision.code, 403), decision.code, decision.reason, hint, headers=headers)
