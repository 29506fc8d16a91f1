"""A look at a table of the lakehouse: the names and types of its columns, and the texts of some rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from catalog.contract.scaffold import Sample

SAMPLE_ROWS = 200
_NAMED: Mapping[str, str] = {
    "bool": "boolean",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "bigint",
    "float": "double",
    "double": "double",
    "date32[day]": "date",
}


def look(table: str, ask: Callable[[str], pa.Table]) -> tuple[dict[str, str], Sample]:
    """Return the type of each column that is not text, and a sample; ``table`` is one that the reader knows."""
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    rows = ask(f"select * from {quoted} limit {SAMPLE_ROWS}")
    types = {field.name: physical for field in rows.schema if (physical := physical_type(field.type))}
    texts = {name: [_text(value) for value in rows.column(name).to_pylist()] for name in rows.column_names}
    return types, Sample("database", texts, table=table)


def physical_type(kind: pa.DataType) -> str:
    """Return the type in a contract's words; ``""`` for text, whose length only the texts tell."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return _NAMED.get(str(kind), "")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
