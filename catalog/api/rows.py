"""Rows of a published resource as the data service gives them: in key order, within a grant, through their masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from catalog.access.decide import decide
from catalog.access.masking import masked
from catalog.access.model import Principal
from catalog.api.errors import ApiError
from catalog.api.readers import Readers
from catalog.api.request import DataRequest
from catalog.api.values import typed
from catalog.contract.model import Contract

QUERY_SECONDS = 30.0


def read_rows(
    readers: Readers,
    contract: Contract,
    request: DataRequest,
    snapshot: str,
    after: Sequence[str] | None,
    rows_granted: Mapping[str, str],
) -> pa.Table:
    """Return up to ``limit + 1`` rows after a key; each has its key as text beside the fields, see :func:`last_key`.

    Raises:
        ApiError: the resource is not published.
        QueryError: the version is not kept any more, or cannot be read.
    """
    sql, params = rows_sql(contract, request, after, rows_granted)
    with readers.lease(snapshot) as reader:
        if contract.key not in reader.tables():
            raise ApiError(404, "not_published", f"{contract.name}尚未发布", "等待首次发布后再取数")
        return reader.arrow(sql, params, timeout_seconds=QUERY_SECONDS)


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


def last_key(contract: Contract, rows: pa.Table) -> list[str]:
    """Return the key of the last of some rows, as text: where a walk goes on."""
    return [rows[_key(position)][-1].as_py() for position in range(len(contract.primary_key))]


def masks_of(contract: Contract, principal: Principal, fields: Sequence[str], today: date) -> dict[str, str]:
    """Return the masks to apply to what somebody reads: column -> mask, of these fields."""
    masks = {prop.name: prop.gov.mask for prop in contract.properties if prop.gov.mask and prop.name in fields}
    if not masks or decide(principal, "read_unmasked", contract, today=today).allowed:
        return {}
    return {name: mask for name, mask in masks.items() if mask is not None}


def shown(rows: pa.Table, fields: Sequence[str], masks: Mapping[str, str]) -> pa.Table:
    """Return the fields of some rows and nothing else; a masked column is text."""
    found = rows.select(list(fields))
    for name, mask in masks.items():
        texts = pa.array([masked(value, mask) for value in rows[name].to_pylist()], pa.string())
        found = found.set_column(found.column_names.index(name), name, texts)
    return found


def _key(position: int) -> str:
    return f"_key_{position}"
