"""The pipeline's own tables in namespace ``ops``: what was received, and what the checks said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from expectations.run import QUALITY_RESULT_SCHEMA
from lakehouse.branches import Branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.ingest.outcome import BatchOutcome, outcome_schema
from lakehouse.tables import ensure_table, has_batch

OUTCOMES = "ops.ingest_outcome"
QUALITY = "ops.quality_result"

_SCHEMAS: dict[str, pa.Schema] = {OUTCOMES: outcome_schema, QUALITY: QUALITY_RESULT_SCHEMA}
_ICEBERG_TYPES = {pa.string(): "string", pa.int64(): "long", pa.bool_(): "boolean", pa.date32(): "date"}
_SQL_TYPES = {pa.string(): "varchar", pa.int64(): "bigint", pa.bool_(): "boolean", pa.date32(): "date"}


def ops_columns(identifier: str) -> dict[str, str]:
    """Return the columns of an ops table with their SQL types."""
    return {field.name: _SQL_TYPES[field.type] for field in _SCHEMAS[identifier]}


def read_ops(settings: Settings, branch_catalog: str, identifier: str) -> list[dict[str, Any]]:
    """Return the rows of an ops table on a branch; none when the table does not exist yet."""
    catalog = open_catalog(settings, branch_catalog)
    if not catalog.table_exists(identifier):
        return []
    rows: list[dict[str, Any]] = catalog.load_table(identifier).scan().to_arrow().to_pylist()
    return rows


def recorded_deliveries(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Return which deliveries rows of ``ops.ingest_outcome`` speak of, as (resource, delivery, batch)."""
    return {(row["resource"], row["delivery"], row["batch_id"]) for row in rows}


def record_outcomes(settings: Settings, branch: Branch, outcomes: list[BatchOutcome]) -> int:
    """Append the outcomes that the branch does not hold yet; return how many were new.

    A delivery that was recorded before (same resource, delivery and batch) is old news, whatever its status now:
    so an unchanged re-run records nothing.
    """
    known = recorded_deliveries(read_ops(settings, branch.catalog_name, OUTCOMES))
    rows = [o.to_row() for o in outcomes if o.delivery_key not in known]
    if not rows:
        return 0
    batch = hashlib.blake2b(json.dumps(sorted(r["outcome_id"] for r in rows)).encode(), digest_size=16).hexdigest()
    _append(settings, branch, OUTCOMES, pa.Table.from_pylist(rows, schema=outcome_schema), f"{OUTCOMES}:{batch}")
    return len(rows)


def record_quality(settings: Settings, branch: Branch, rows: list[dict[str, Any]]) -> bool:
    """Replace the results of the tables that ``rows`` speak of; return whether anything changed."""
    checked = {row["table_name"] for row in rows}
    held = read_ops(settings, branch.catalog_name, QUALITY)
    wanted = [row for row in held if row["table_name"] not in checked] + rows
    order = [field.name for field in QUALITY_RESULT_SCHEMA]
    key = lambda row: tuple(str(row[name]) for name in order)  # noqa: E731
    wanted.sort(key=key)
    if wanted == sorted(held, key=key):
        return False
    table = ensure_table(open_catalog(settings, branch.catalog_name), QUALITY, iceberg_json(QUALITY_RESULT_SCHEMA), {})
    table.overwrite(pa.Table.from_pylist(wanted, schema=QUALITY_RESULT_SCHEMA))
    return True


def iceberg_json(schema: pa.Schema) -> dict[str, Any]:
    """Return the Iceberg schema of a flat Arrow schema, all columns optional."""
    fields = [
        {"id": position, "name": field.name, "required": False, "type": _ICEBERG_TYPES[field.type]}
        for position, field in enumerate(schema, start=1)
    ]
    return {"type": "struct", "schema-id": 0, "fields": fields}


def _append(settings: Settings, branch: Branch, identifier: str, rows: pa.Table, batch_id: str) -> None:
    table = ensure_table(open_catalog(settings, branch.catalog_name), identifier, iceberg_json(rows.schema), {})
    if not has_batch(table, batch_id):
        table.append(rows, snapshot_properties={"citybrain.batch-id": batch_id})
