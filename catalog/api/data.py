"""The data service: one page of a published resource, filtered by its key, masked by grade, in key order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from catalog.access.decide import decide, sees_unmasked
from catalog.access.masking import masked
from catalog.access.model import Principal
from catalog.access.store import AccessStore
from catalog.api.errors import ApiError
from catalog.api.paging import START_AGAIN, Place, scope_of, seal, unseal
from catalog.api.readers import QueryError, Readers
from catalog.contract.model import Contract
from catalog.derive.openapi import LIMIT_DEFAULT, LIMIT_MAXIMUM

RESERVED = frozenset({"limit", "page_token", "fields"})
STATUS_OF = {"unauthenticated": 401, "expired": 403, "not_shared": 403, "not_granted": 403}
HINT_OF = {
    "unauthenticated": "在请求头 X-API-Key 中携带 API key",
    "expired": "向大数据局申请延期",
    "not_granted": "在目录中申请该资源的共享授权",
    "not_shared": "依法不予共享，不能申请",
}


@dataclass(frozen=True)
class DataRequest:
    """One request for rows: equality ``filters`` on key columns, shown ``fields``, page size and place."""

    filters: Mapping[str, str]
    fields: tuple[str, ...]
    limit: int
    page_token: str | None

    @classmethod
    def parse(cls, contract: Contract, query: Mapping[str, list[str]]) -> DataRequest:
        """Read query parameters; raise :class:`ApiError` 400 for anything that the interface does not have."""
        doubled = [name for name, values in query.items() if len(values) > 1]
        if doubled:
            raise ApiError(400, "doubled_parameter", f"参数重复：{'、'.join(doubled)}", "每个参数只给一次")
        given = {name: values[0] for name, values in query.items()}
        keys = contract.primary_key
        unknown = sorted(set(given) - RESERVED - set(keys))
        if unknown:
            raise ApiError(
                400, "unknown_parameter", f"未知参数：{'、'.join(unknown)[:200]}", f"可用主键筛选：{'、'.join(keys)}"
            )
        names = [prop.name for prop in contract.properties]
        fields = tuple(given["fields"].split(",")) if given.get("fields") else tuple(names)
        strange = [name for name in fields if name not in names]
        if strange:
            raise ApiError(400, "unknown_field", f"没有字段：{'、'.join(strange)[:200]}", "字段名见目录的信息项")
        filters = {name: given[name] for name in keys if name in given}
        return cls(filters, fields, _limit(given.get("limit")), given.get("page_token"))


class DataService:
    """Answers requests for rows; every request, allowed or not, leaves an audit event."""

    def __init__(self, readers: Readers, store: AccessStore, page_secret: bytes) -> None:
        self._readers = readers
        self._store = store
        self._secret = page_secret

    def page(
        self,
        contract: Contract,
        principal: Principal | None,
        query: Mapping[str, list[str]],
        request_id: str,
        today: date,
    ) -> dict[str, Any]:
        """Return one page; raise :class:`ApiError` with the reason when it may not or cannot be given."""
        decision = decide(principal, contract, today)
        if principal is None or not decision.allowed:
            self._store.audit(request_id, principal, contract.key, (), decision)
            raise ApiError(STATUS_OF[decision.code], decision.code, decision.reason, HINT_OF[decision.code])
        request = DataRequest.parse(contract, query)
        scope = scope_of(principal.key_id, contract.key, sorted(request.filters.items()), request.fields)
        place = unseal(request.page_token, scope, self._secret) if request.page_token else None
        snapshot = place.snapshot if place else self._readers.snapshot()
        rows = self._rows(contract, request, snapshot, place.after if place else None)
        page, more = rows[: request.limit], len(rows) > request.limit
        self._store.audit(request_id, principal, contract.key, request.filters, decision, len(page))
        token = None
        if more:
            last = [page[-1][f"_key_{position}"] for position in range(len(contract.primary_key))]
            token = seal(Place(snapshot, scope, last), self._secret)
        plain = sees_unmasked(principal, contract)
        return {
            "items": [_shown(row, contract, request.fields, plain=plain) for row in page],
            "next_page_token": token,
            "snapshot": snapshot,
        }

    def _rows(
        self, contract: Contract, request: DataRequest, snapshot: str, after: list[Any] | None
    ) -> list[dict[str, Any]]:
        """Return up to ``limit + 1`` rows with their key as text in ``_key_0`` …"""
        types = {prop.name: prop.physical_type for prop in contract.properties}
        keys = contract.primary_key
        where = [f'"{name}" = try_cast(? as {types[name]})' for name in request.filters]
        params: list[Any] = list(request.filters.values())
        if after is not None:
            left = ", ".join(f'"{name}"' for name in keys)
            right = ", ".join(f"cast(? as {types[name]})" for name in keys)
            where.append(f"({left}) > ({right})")
            params += after
        columns = [f'"{name}"' for name in request.fields]
        columns += [f'cast("{name}" as varchar) as _key_{position}' for position, name in enumerate(keys)]
        order = ", ".join(f'"{name}"' for name in keys)
        condition = f" where {' and '.join(where)}" if where else ""
        sql = (
            f'select {", ".join(columns)} from "{contract.dept}"."{contract.resource}"{condition}'
            f" order by {order} limit {request.limit + 1}"
        )
        try:
            reader = self._readers.current() if snapshot == self._readers.snapshot() else self._readers.at(snapshot)
        except QueryError as error:
            raise ApiError(400, "expired_page_token", "该数据版本已不再保留", START_AGAIN) from error
        if contract.key not in reader.tables():
            raise ApiError(404, "not_published", f"{contract.name}尚未发布", "等待首次发布后再取数")
        rows: list[dict[str, Any]] = reader.arrow(sql, params).to_pylist()
        return rows


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and 1 <= int(text) <= LIMIT_MAXIMUM):
        raise ApiError(400, "bad_limit", f"limit 须为 1 到 {LIMIT_MAXIMUM} 的整数", f"默认 {LIMIT_DEFAULT}")
    return int(text)


def _shown(row: dict[str, Any], contract: Contract, fields: tuple[str, ...], *, plain: bool) -> dict[str, Any]:
    shown = {}
    for name in fields:
        mask = None if plain else contract.property_named(name).gov.mask
        shown[name] = json_value(masked(row[name], mask))
    return shown


def json_value(value: Any) -> Any:
    """Return a value as JSON has it: decimals as text so that no digit is lost, dates and times in ISO form."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
