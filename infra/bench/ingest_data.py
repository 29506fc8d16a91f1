"""The input of ``bench ingest``: a resident register as UTF-8 CSV, ten columns, one row in a thousand bad.

UTF-8, because the floor must read the same file and DuckDB's own GB18030 decoding loses characters at the borders of its
buffers. Bad rows break row rules, not types, because the floor reads columns by sniffed types.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.contract.load import CATALOG_ROOT, load_contracts, read_yaml
from catalog.contract.model import Contract
from catalog.derive.sql_predicates import RESIDENT_ID_WEIGHTS, quote
from lakehouse.connect.duck import Connection, literal, open_duckdb
from lakehouse.connect.settings import Settings

BAD_EVERY = 1000
BAD_HOUSEHOLD = "X"  # marks the rows made bad, in a column that no rule looks into
COLUMNS = (
    "resident_id",
    "person_name",
    "sex_code",
    "birth_date",
    "ethnic_code",
    "household_id",
    "division_code",
    "address_text",
    "phone",
    "updated_at",
)
DIVISIONS = CATALOG_ROOT.parent / "lakehouse" / "sample_city" / "data" / "divisions_330100.csv"
FILE_NAME = "resident_20260629_20260630020000.csv"


def bench_contract() -> Contract:
    """Return the contract of the resident register with ten of its columns, delivered as UTF-8 CSV."""
    document: dict[str, Any] = read_yaml(CATALOG_ROOT / "contracts" / "gaj" / "resident.odcs.yaml")
    table = document["schema"][0]
    table["properties"] = [p for p in table["properties"] if p["name"] in COLUMNS]
    for prop in document["customProperties"]:
        if prop["property"] == "govSource":
            prop["value"] = {
                "kind": "csv",
                "mode": "upsert",
                "path": "gaj/resident/*.csv",
                "encoding": "utf-8",
                "watermark": "updated_at",
            }
    return Contract.model_validate(document)


def write_source(root: Path, rows: int) -> Path:
    """Write a source root with the register and the divisions; return the register's file. Same number, same rows."""
    file = root / "gaj" / "resident" / FILE_NAME
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    headers = [prop.physical_name for prop in bench_contract().properties]
    con = open_duckdb(settings=Settings(home=root / "home"))
    _write_divisions(con, root)
    con.execute(
        "create table division as select code as division_code, row_number() over (order by code) - 1 as place"
        f" from ({_codes()}) where valid_until is null"
    )
    places = con.execute("select count(*) from division").fetchall()[0][0]
    columns = ", ".join(f"{name} as {quote(header)}" for name, header in zip(COLUMNS, headers, strict=True))
    fresh = file.with_suffix(".new")
    con.execute(
        f"copy (select {columns} from ({_rows(rows, places)}) order by i)"
        f" to {literal(str(fresh))} (format csv, header true, delimiter ',')"
    )
    con.close()
    fresh.replace(file)
    return file


def _codes() -> str:
    """The city's codes of all levels, with 12 digits, in force or not."""
    columns = "{code: 'varchar', name: 'varchar', valid_from: 'varchar', valid_until: 'varchar'}"
    return (
        f"select rpad(code, 12, '0') as code, name, valid_from, valid_until from read_csv({literal(str(DIVISIONS))},"
        f" header = true, auto_detect = false, columns = {columns})"
    )


def _write_divisions(con: Connection, root: Path) -> None:
    """Deliver the reference that division codes are checked against."""
    file = root / "dsjj" / "division" / "division_20250930_20251012101010.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    headers = [prop.physical_name for prop in load_contracts()["dsjj.division"].properties]
    values = ("code", "name", "5", "null", "coalesce(valid_from, '1980-12-31')", "valid_until")
    columns = ", ".join(f"{value} as {quote(header)}" for value, header in zip(values, headers, strict=True))
    con.execute(f"copy (select {columns} from ({_codes()})) to {literal(str(file))} (format csv, header true)")


def _rows(rows: int, places: int) -> str:
    digits = " + ".join(f"cast(substr(body, {i + 1}, 1) as integer) * {w}" for i, w in enumerate(RESIDENT_ID_WEIGHTS))
    born = "date '1940-01-01' + cast((i * 7919) % 30000 as integer)"
    bad = f"i % {BAD_EVERY} = {BAD_EVERY - 1}"
    kind = f"(i // {BAD_EVERY}) % 4"
    body = f"330102 + i % 13, strftime({born}, '%Y%m%d'), lpad(cast((i // 30000) % 1000 as varchar), 3, '0')"
    return (
        f"select i, body || substr('10X98765432', ({digits} + cast({bad} and {kind} = 0 as integer)) % 11 + 1, 1) as resident_id,"
        " '张' || chr(cast(20000 + i % 3000 as integer)) || chr(cast(20000 + (i * 31) % 5000 as integer)) as person_name,"
        f" case when {bad} and {kind} = 1 then '7' else cast(1 + i % 2 as varchar) end as sex_code,"
        f" cast({born} as varchar) as birth_date, lpad(cast(1 + i % 56 as varchar), 2, '0') as ethnic_code,"
        f" case when {bad} then '{BAD_HOUSEHOLD}' else 'H' end || lpad(cast(i // 3 as varchar), 11, '0') as household_id,"
        f" case when {bad} and {kind} = 2 then '330199999999' else division.division_code end as division_code,"
        " '示例市' || i % 13 || '区街道' || i % 500 || '号' || i % 97 || '室' as address_text,"
        f" case when {bad} and {kind} = 3 then '12345' else '1' || 3 + i % 7 || lpad(cast((i * 104729) % 1000000000 as varchar), 9, '0')"
        " end as phone, timestamp '2026-01-01 00:00:00' + to_seconds(i % 10000000) as updated_at"
        f" from (select i, concat({body}) as body from range({rows}) numbers(i)) join division on division.place = i % {places}"
    )
