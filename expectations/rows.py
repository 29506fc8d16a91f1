"""Rows of ``ops.quality_result``: no wall-clock value, so that the same data gives the same rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from expectations.run import SuiteResult

DEFAULT_SEVERITY = "critical"  # GE's own default
QUALITY_RESULT_SCHEMA = pa.schema(
    [
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("suite", pa.string(), nullable=False),
        pa.field("expectation_type", pa.string(), nullable=False),
        pa.field("column_name", pa.string()),
        pa.field("kwargs", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("dimension", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("success", pa.bool_(), nullable=False),
        pa.field("element_count", pa.int64()),
        pa.field("unexpected_count", pa.int64()),
        pa.field("observed_value", pa.string()),
    ]
)


def result_row(suite: Mapping[str, Any], source: Mapping[str, Any], result: Any) -> dict[str, Any]:
    """Return the row of one GE result. ``table_name`` is the logical name, whatever branch was read."""
    meta = source.get("meta") or {}
    figures = result.result or {}
    message = exception_message(result)
    observed = message if message is not None else figures.get("observed_value")
    return {
        "table_name": str((suite.get("meta") or {}).get("table", suite["name"])),
        "suite": str(suite["name"]),
        "expectation_type": source["type"],
        "column_name": _column(source["kwargs"]),
        "kwargs": as_json(source["kwargs"]),
        "severity": source.get("severity", DEFAULT_SEVERITY),
        "dimension": meta.get("dimension"),
        "rule": meta.get("rule"),
        "success": bool(result.success),
        "element_count": figures.get("element_count"),
        "unexpected_count": figures.get("unexpected_count"),
        "observed_value": observed if observed is None or isinstance(observed, str) else as_json(observed),
    }


def exception_message(result: Any) -> str | None:
    """Return what kept GE from computing a result, or None. GE nests it by metric when a metric failed."""
    info = result.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    return next((str(entry["exception_message"]) for entry in entries if entry.get("raised_exception")), None)


def result_table(results: Iterable[SuiteResult], extra: Iterable[Mapping[str, Any]] = ()) -> pa.Table:
    """Return all rows, and ``extra`` ones such as delivery checks, as a table of ``QUALITY_RESULT_SCHEMA``."""
    rows = [row for result in results for row in result.rows()]
    return pa.Table.from_pylist([*rows, *map(dict, extra)], schema=QUALITY_RESULT_SCHEMA)


def as_json(value: Any) -> str:
    """Write JSON with sorted keys; dates and decimals as text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _column(kwargs: Mapping[str, Any]) -> str | None:
    for name in ("column", "column_A"):
        if name in kwargs:
            return str(kwargs[name])
    return ",".join(kwargs["column_list"]) if kwargs.get("column_list") else None
