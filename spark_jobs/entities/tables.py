"""Where the result goes: two tables of a branch, not written again when they would hold the same rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.branches import Branch
from lakehouse.connect.duck import Connection
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import ensure_table, replace_with_query
from spark_jobs.entities.definition import LINK_COLUMNS
from spark_jobs.fingerprints import fingerprint
from spark_jobs.lake import snapshot_properties

MENTIONED, LINKED = "resolution.person_mention", "resolution.person_link"
CONTENT = "citybrain.rows-fingerprint"
ENTITY_TYPES = {
    "mention_key": "string",
    "entity_id": "string",
    "entity_size": "int",
    "is_ambiguous": "boolean",
    "entity_resident_id": "string",
    "register": "string",
    "person_name": "string",
    "resident_id": "string",
    "birth_date": "date",
    "sex_code": "string",
    "division_code": "string",
}
_LINK_TYPES = {name: {"varchar": "string", "integer": "int"}[kind] for name, kind in LINK_COLUMNS.items()}
_TYPES = {MENTIONED: ENTITY_TYPES, LINKED: _LINK_TYPES}


def write(
    session: SparkSession, lake: str, settings: Settings, branch: Branch, rows: dict[str, DataFrame]
) -> list[str]:
    """Let the tables hold these rows; return those that changed."""
    changed = []
    for identifier, frame in rows.items():
        table = ensure_table(open_catalog(settings, branch.catalog_name), identifier, _iceberg(_TYPES[identifier]), {})
        content = ":".join(map(str, fingerprint(frame).first() or ()))
        snapshot = table.current_snapshot()
        if snapshot is not None and snapshot.summary and snapshot.summary.get(CONTENT) == content:
            continue
        with snapshot_properties(session, {CONTENT: content}):
            frame.writeTo(f"{lake}.{identifier}").overwrite(F.lit(True))
        changed.append(identifier)
    return changed


def write_on_one_machine(con: Connection, settings: Settings, branch: Branch, rows: dict[str, pa.Table]) -> list[str]:
    """As :func:`write`, without Spark."""
    catalog = open_catalog(settings, branch.catalog_name)
    changed = []
    for identifier, table in rows.items():
        con.register("result", table)
        if replace_with_query(con, catalog, identifier, "select * from result"):
            changed.append(identifier)
        con.unregister("result")
    return changed


def _iceberg(types: dict[str, str]) -> dict[str, Any]:
    fields = [
        {"id": number, "name": name, "required": False, "type": kind}
        for number, (name, kind) in enumerate(types.items(), start=1)
    ]
    return {"type": "struct", "schema-id": 0, "fields": fields}
