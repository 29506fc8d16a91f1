"""The data service: one page of a published resource, filtered by its key, masked by its contract, in key order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from catalog.access.model import Decision, Grant, Principal
from catalog.access.store import AccessStore, AuditEvent
from catalog.api.errors import ApiError
from catalog.api.paging import START_AGAIN, Place, Tokens, scope_of
from catalog.api.readers import QueryError, Readers
from catalog.api.request import DataRequest
from catalog.api.rows import last_key, masks_of, read_rows, shown
from catalog.api.values import json_value
from catalog.contract.model import Contract
from catalog.derive.catalogue import CatalogueEntry
from catalog.sharing.grants import SERVICE, GrantBook

STATUS_OF = {"unauthenticated": 401, "expired": 403, "not_yet": 403, "not_shared": 403, "not_granted": 403}
HINT_OF = {
    "unauthenticated": "在请求头 X-API-Key 中携带 API key",
    "expired": "请重新申请，或向大数据局申请延期",
    "not_yet": "请在授权起始日之后调用",
    "not_granted": "请在数据目录中申请该资源的共享授权",
    "not_shared": "法律、行政法规或国务院决定明确不予共享，不能申请",
}
Row = dict[str, Any]


class DataService:
    """Answers requests for rows; every decision, yes or no, leaves an audit event before the answer goes out."""

    def __init__(
        self,
        readers: Readers,
        store: AccessStore,
        tokens: Tokens,
        entries: Mapping[str, CatalogueEntry],
        grants: GrantBook,
    ) -> None:
        self._readers, self._store, self._tokens, self._entries = readers, store, tokens, entries
        self._grants = grants

    def page(
        self,
        contract: Contract,
        principal: Principal | None,
        query: Mapping[str, Sequence[str]],
        request_id: str,
        today: date,
        application: str | None = None,
    ) -> dict[str, Any]:
        """Return one page; raise :class:`ApiError` with the reason when it may not or cannot be given.

        ``application`` is the number that the caller names as its basis. Grants are asked for anew at every request, so
        that suspension and expiry close at once.
        """
        asked = query.get("fields") or [""]
        fields = frozenset(name.strip() for name in asked[0].split(",")) if "fields" in query else frozenset[str]()
        grant, decision = self._grants.decided(
            contract, principal, SERVICE, named=application, fields=fields, today=today
        )
        filters = tuple(name for name in contract.primary_key if name in query)
        rows = 0
        try:
            if principal is None or not decision.allowed:
                raise refusal(decision)
            request = DataRequest.parse(contract, query, grant.columns if grant else None)
            answer = self._answer(contract, principal, request, today, grant)
            rows = len(answer["data"])
        finally:
            self._store.audit(
                AuditEvent(request_id, principal, "read_rows", contract.key, filters, decision, rows, grant)
            )
        return answer

    def _answer(
        self, contract: Contract, principal: Principal, request: DataRequest, today: date, grant: Grant | None
    ) -> dict[str, Any]:
        rows_granted = dict(grant.row_filter) if grant else {}
        bound = [grant.application, sorted(rows_granted.items())] if grant else []
        scope = scope_of(principal.key_id, contract.key, sorted(request.filters.items()), request.fields, bound)
        place = self._tokens.unseal(request.page_token, scope) if request.page_token is not None else None
        snapshot = place.snapshot if place else self._readers.snapshot()
        found = self._rows(contract, request, snapshot, place, rows_granted)
        page, token = found.slice(0, request.limit), None
        if len(found) > request.limit:
            token = self._tokens.seal(Place(snapshot, scope, last_key(contract, page)))
        hidden = masks_of(contract, principal, request.fields, today)
        rows: list[Row] = shown(page, request.fields, hidden).to_pylist()
        return {
            "data": [{name: json_value(value) for name, value in row.items()} for row in rows],
            "page": {"next_token": token, "count": len(page), "snapshot": snapshot},
            "meta": self._meta(contract, hidden) | {"application": grant.application if grant else None},
        }

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

    def _rows(
        self,
        contract: Contract,
        request: DataRequest,
        snapshot: str,
        place: Place | None,
        rows_granted: Mapping[str, str],
    ) -> pa.Table:
        try:
            return read_rows(self._readers, contract, request, snapshot, place.after if place else None, rows_granted)
        except QueryError as error:
            if place is not None and snapshot != self._readers.snapshot():
                raise ApiError(400, "expired_page_token", "该数据版本已不再保留", START_AGAIN) from error
            raise


def refusal(decision: Decision) -> ApiError:
    """Return the answer of a decision that says no."""
    headers = {"WWW-Authenticate": "Bearer"} if decision.code == "unauthenticated" else {}
    hint = f"{HINT_OF.get(decision.code, '默认拒绝')}；依据：{decision.basis}"
    return ApiError(STATUS_OF.get(decision.code, 403), decision.code, decision.reason, hint, headers=headers)
