"""dbt sources of one department: the tables that ingestion fills, as dbt reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.contract.model import Contract, Property
from catalog.derive.iceberg import BATCH_COLUMN, ROW_COLUMN

_TECHNICAL = (
    {"name": BATCH_COLUMN, "description": "批次号：交付内容的哈希，与运行无关。", "data_type": "varchar"},
    {"name": ROW_COLUMN, "description": "批次内行号，从 1 起。", "data_type": "bigint"},
)


def sources_path(dept: str) -> str:
    """Return where the sources of a department are kept, from the project's root."""
    return f"dbt_project/models/staging/{dept}/_{dept}__sources.yml"


def dbt_sources(contracts: Iterable[Contract], *, department: str | None = None) -> dict[str, Any]:
    """Return the dbt properties of one department's source; ``department`` is its name for the description.

    Freshness is not stated: it is judged by data date in the pipeline, never by the clock of a dbt run.

    Raises:
        ValueError: no contract, or contracts of several departments.
    """
    held = sorted(contracts, key=lambda contract: contract.resource)
    depts = {contract.dept for contract in held}
    if len(depts) != 1:
        raise ValueError(f"the sources of exactly one department are wanted, got {sorted(depts)}")
    dept = depts.pop()
    return {
        "version": 2,
        "sources": [
            {
                "name": dept,
                "schema": dept,
                "description": f"{department or dept}交付的数据资源",
                "tables": [_table(contract) for contract in held],
            }
        ],
    }


def _table(contract: Contract) -> dict[str, Any]:
    meta = {
        "contract": contract.key,
        "contract_version": contract.version,
        "resource_code": contract.gov.resource_code,
        "share_type": contract.gov.share_type,
        "grade": contract.grade,
        "topic": contract.topic,
        "update_cycle": contract.gov.update_cycle,
        "primary_key": contract.primary_key,
        "watermark": contract.gov.source.watermark,
    }
    return {
        "name": contract.resource,
        "description": f"{contract.name}。{contract.description.purpose}",
        "config": {"meta": {name: value for name, value in meta.items() if value is not None}},
        "columns": [*(_column(prop) for prop in contract.properties), *(dict(column) for column in _TECHNICAL)],
    }


def _sql_type(prop: Property) -> str:
    """Return the type as both engines read it: a timestamp without digits has milliseconds in Trino."""
    return "timestamp(6)" if prop.base_type == "timestamp" else prop.physical_type


def _column(prop: Property) -> dict[str, Any]:
    meta: dict[str, Any] = {"item": prop.gov.item, "grade": int(prop.classification)}
    optional = {"code_list": prop.gov.code_list, "mask": prop.gov.mask, "reference": prop.gov.reference}
    meta |= {name: value for name, value in optional.items() if value is not None}
    return {
        "name": prop.name,
        "description": f"{prop.business_name}：{prop.description}" if prop.description else prop.business_name,
        "data_type": _sql_type(prop),
        "config": {"meta": meta},
    }
