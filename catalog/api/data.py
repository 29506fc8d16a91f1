"""The data service: one page of a published resource, filtered by its key, masked by its contract, in key order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from catalog.access.decide import ARTICLE_20, decide, needs_no_grant, relied_on
from catalog.access.masking import masked
from catalog.access.model import Decision, Grant, Principal
from catalog.access.store import AccessStore, AuditEvent
from catalog.api.errors import ApiError
from catalog.api.paging import START_AGAIN, Place, Tokens, scope_of
from catalog.api.readers import QueryError, Readers
from catalog.api.request import DataRequest, asked_fields
from catalog.api.values import json_value, typed
from catalog.contract.model import Contract
from catalog.derive.catalogue import CatalogueEntry
from catalog.sharing.grants import GrantBook

QUERY_SECONDS = 30.0
STATUS_OF = {"unauthenticated": 401, "expired": 403, "not_yet": 403, "not_shared": 403, "not_granted": 403}
LONGEST_NUMBER = 30
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
        grant, decision = self._decided(contract, principal, query, today, application)
        filters = tuple(name for name in contract.primary_key if name in query)
        rows = 0
        try:
            if principal is None or not decision.allowed:
                raise _refusal(decision)
            request = DataRequest.parse(contract, query, grant.columns if grant else None)
            answer = self._answer(contract, principal, request, today, grant)
            rows = len(answer["data"])
        finally:
            self._store.audit(
                AuditEvent(request_id, principal, "read_rows", contract.key, filters, decision, rows, grant)
            )
        return answer

    def _decided(
        self,
        contract: Contract,
        principal: Principal | None,
        query: Mapping[str, Sequence[str]],
        today: date,
        application: str | None,
    ) -> tuple[Grant | None, Decision]:
        """Return the grant that the request relies on, and whether it may be answered."""
        if principal is None or (application is None and needs_no_grant(principal, contract)):
            return None, decide(principal, "read_rows", contract, today=today)
        fields = frozenset(asked_fields(contract, query["fields"][0])) if query.get("fields") else frozenset[str]()
        grants = self._grants.of(principal.dept, contract.key)
        grant = relied_on(grants, named=application, fields=fields, today=today)
        if grant is None and application is not None:
            reason = f"贵部门没有在用的申请 {application[:LONGEST_NUMBER]}"
            return None, Decision(False, "not_granted", reason, ARTICLE_20)
        decision = decide(principal, "read_rows", contract, today=today, grant=grant)
        if grant is None and decision.code == "not_granted":
            why = self._grants.why_none(principal.dept, contract.key)
            decision = replace(decision, reason=f"{decision.reason}{why}")
        return grant, decision

    def _answer(
        self, contract: Contract, principal: Principal, request: DataRequest, today: date, grant: Grant | None
    ) -> dict[str, Any]:
        rows_granted = dict(grant.row_filter) if grant else {}
        bound = [grant.application, sorted(rows_granted.items())] if grant else []
        scope = scope_of(principal.key_id, contract.key, sorted(request.filters.items()), request.fields, bound)
        place = self._tokens.unseal(request.page_token, scope) if request.page_token is not None else None
        snapshot = place.snapshot if place else self._readers.snapshot()
        found = self._rows(contract, request, snapshot, place, rows_granted)
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
            "meta": self._meta(contract, hidden) | {"application": grant.application if grant else None},
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

    def _rows(
        self,
        contract: Contract,
        request: DataRequest,
        snapshot: str,
        place: Place | None,
        rows_granted: Mapping[str, str],
    ) -> list[Row]:
        """Return up to ``limit + 1`` rows, each with its key as text beside the fields."""
        sql, params = rows_sql(contract, request, place.after if place else None, rows_granted)
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


def rows_sql(
    contract: Contract, request: DataRequest, after: Sequence[str] | None, rows_granted: Mapping[str, str]
) -> tuple[str, list[Any]]:
    """Return the statement of a page and its parameters: names come from the contract, values are parameters.

    ``rows_granted`` limits the rows beside the request's own filters: column -> the only value that it may have.
    """
    types = {prop.name: prop.physical_type for prop in contract.properties}
    keys = contract.primary_key
    where = [f'"{name}" = ?' for name in request.filters]
    params = list(request.filters.values())
    for name, text in rows_granted.items():
        where.append(f'"{name}" = ?')
        params.append(typed(contract.property_named(name), text))
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
