"""The Iceberg schema of a resource's table, in the JSON form of the Iceberg specification."""

from __future__ import annotations

from typing import Any

from catalog.contract.model import Contract, Property

BATCH_COLUMN = "_batch_id"
ROW_COLUMN = "_row"
_TYPES = {
    "varchar": "string",
    "integer": "int",
    "bigint": "long",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


def iceberg_type(prop: Property) -> str:
    """Return the Iceberg primitive type of a column; decimals keep precision and scale."""
    if prop.base_type == "decimal":
        precision, scale = prop.decimal_parameters
        return f"decimal({precision}, {scale})"
    return _TYPES[prop.base_type]


def iceberg_schema(contract: Contract) -> dict[str, Any]:
    """Return the schema for ``ensure_table``: the contract's columns, then ``_batch_id`` and ``_row``.

    The ids are those of a new table. On a table that exists, columns are matched by name and keep the ids they have;
    a new column gets the next free one. So a property may be added anywhere in the contract.
    """
    fields = [
        {
            "id": position,
            "name": prop.name,
            "required": prop.required,
            "type": iceberg_type(prop),
            "doc": prop.business_name,
        }
        for position, prop in enumerate(contract.properties, start=1)
    ]
    last = len(fields)
    fields += [
        {"id": last + 1, "name": BATCH_COLUMN, "required": True, "type": "string", "doc": "批次号"},
        {"id": last + 2, "name": ROW_COLUMN, "required": True, "type": "long", "doc": "批次内行号"},
    ]
    key_ids = [position for position, prop in enumerate(contract.properties, start=1) if prop.primary_key]
    return {"type": "struct", "schema-id": 0, "identifier-field-ids": key_ids, "fields": fields}
