"""The legacy databases: one SQLite file a department, without keys or constraints, as such systems have them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from catalog.contract.model import Contract, Property
from lakehouse.sample_city.batch import Batch, Extra
from lakehouse.sample_city.rendering import headers, style_of
from lakehouse.sample_city.writers.segments import segments

TEXT_DECIMAL_TABLES = ("SI_INSURED",)  # keeps amounts as text; the others have numeric columns
PRAGMAS = ("journal_mode = off", "synchronous = off", "page_size = 4096")


def write_table(batch: Batch, contract: Contract, path: Path) -> None:
    """Add one table with its rows to the department's database."""
    table = contract.gov.source.table
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in PRAGMAS:
            connection.execute(f"pragma {pragma}")
        columns = ", ".join(f'"{p.physical_name}" {_type(p, str(table))}' for p in contract.properties)
        connection.execute(f'create table "{table}" ({columns})')
        connection.execute("begin")
        insert = f'insert into "{table}" values ({", ".join("?" * len(contract.properties))})'
        for segment in segments(batch, style_of(contract)):
            if isinstance(segment, Extra):
                connection.execute(insert, [segment.cells[p.name] for p in contract.properties])
            else:
                connection.executemany(insert, segment.rows())
        watermark = contract.gov.source.watermark
        if watermark is not None:
            connection.execute(f'create index "IX_{table}" on "{table}" ("{headers(contract)[watermark]}")')
        connection.execute("commit")
    finally:
        connection.close()


def _type(prop: Property, table: str) -> str:
    match prop.base_type:
        case "integer" | "bigint":
            return "INTEGER"
        case "double":
            return "REAL"
        case "decimal":
            return "TEXT" if table in TEXT_DECIMAL_TABLES else prop.physical_type.upper()
        case "varchar":
            return prop.physical_type.upper()
        case _:
            return "TEXT"
