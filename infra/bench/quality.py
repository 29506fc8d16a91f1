"""``bench quality``: 30 expectations on one table, against a hand-fused DuckDB scan and stock Great Expectations.

The table is what the business register looks like at 6 million rows; the expectations are the 30 that its contract
gives, checksums and the division code at its date included. All arms read the same parquet files through the same
views and settings. Imports are outside the measured time in every arm (GE takes seconds to import, for us and for the
peer alike, and so are those that an arm only makes while it works).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.derive.sql_predicates import CREDIT_CODE_ALPHABET, CREDIT_CODE_WEIGHTS, RESIDENT_ID_WEIGHTS
from catalog.derive.suite import expectation_suite
from infra.bench.harness import ArmResult, measure, run_arms
from lakehouse.connect.duck import Connection, open_duckdb
from lakehouse.connect.settings import Settings

RESOURCE = "scjg.enterprise"
VERSIONS = ("citybrain", "duckdb", "pyarrow", "great-expectations", "sqlalchemy", "duckdb-engine")


def bench_quality(rows: int = 6_000_000, repeat: int = 5) -> dict[str, Any]:
    """Run the benchmark; ``equal`` says that all arms found the same verdict and count for every expectation."""
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as folder:
        _write_tables(Path(folder), rows)
        suite = _suite()
        arms = {
            "ours": partial(_ours, folder, suite),
            "floor": partial(_floor, folder),
            "peer:great_expectations": partial(_stock, folder, suite),
        }
        params = {"rows": rows, "resource": RESOURCE, "expectations": len(suite["expectations"])}
        return run_arms("quality", params, arms, repeat, versions=VERSIONS)


def _suite() -> dict[str, Any]:
    return expectation_suite(load_contracts()[RESOURCE], load_vocabulary())


def _connect(folder: str) -> Connection:
    root = Path(folder)
    con = open_duckdb(settings=Settings(home=root / "home"), temp_dir=root / "spill")
    con.execute("set enable_progress_bar = false")
    con.execute("create schema scjg")
    con.execute("create schema dsjj")
    con.execute(f"create view scjg.enterprise as from read_parquet('{root}/enterprise.parquet')")
    con.execute(f"create view dsjj.division as from read_parquet('{root}/division.parquet')")
    return con


def _ours(folder: str, suite: Mapping[str, Any]) -> ArmResult:
    from expectations.run import validate

    _import_engines()
    con = _connect(folder)
    return measure(lambda: validate(con, [suite])[0].validation.results, _verdicts)


def _stock(folder: str, suite: Mapping[str, Any]) -> ArmResult:
    from expectations.stock import run_stock

    _import_engines()
    con = _connect(folder)
    return measure(lambda: run_stock(con, RESOURCE, suite["expectations"]), _verdicts)


def _import_engines() -> None:
    import duckdb_engine  # noqa: F401
    import polars  # noqa: F401

    from expectations.gx import load_great_expectations

    load_great_expectations()


def _verdicts(results: Any) -> list[tuple[bool, int]]:
    """(success, unexpected rows) of each expectation; table-level ones count 0 or 1."""
    return [
        (bool(entry.success), int((entry.result or {}).get("unexpected_count", not entry.success))) for entry in results
    ]


def _floor(folder: str) -> ArmResult:
    con = _connect(folder)
    sql = FLOOR_SQL.format(digits=_resident_digits(), places=_credit_places())
    return measure(lambda: con.execute(sql).fetchone(), _floor_verdicts)


def _resident_digits() -> str:
    return " + ".join(f"id_number // {10 ** (16 - i)} % 10 * {w}" for i, w in enumerate(RESIDENT_ID_WEIGHTS))


def _credit_places() -> str:
    return " + ".join(
        f"(instr('{CREDIT_CODE_ALPHABET}', credit_code[{i + 1}]) - 1) * {w}" for i, w in enumerate(CREDIT_CODE_WEIGHTS)
    )


def _floor_verdicts(row: Any) -> list[tuple[bool, int]]:
    rows, columns_match, *counts = row
    table_level = [(rows >= 1, int(rows < 1)), (bool(columns_match), int(not columns_match))]
    return [*table_level, *((count == 0, count) for count in counts)]


# Written by hand: one scan, every number a conditional aggregate, in the order of the suite.
FLOOR_SQL = """
with enterprise as (
    select *, try_cast(left(legal_rep_resident_id, 17) as bigint) as id_number
    from scjg.enterprise
),
division as (
    select division_code, bool_or(valid_until is null) as is_current, max(valid_until) as last_day
    from dsjj.division
    group by division_code
)
select
    count(*),
    true,
    count(credit_code) - count(distinct credit_code),
    count(*) filter (where credit_code is null),
    count(*) filter (where length(credit_code) > 18),
    count(*) filter (
        where not (regexp_full_match(credit_code, '[0-9]{{8}}[0-9A-HJ-NP-RTUWXY]{{10}}') and ({places}) % 31 = 0)
    ),
    count(*) filter (where org_name is null),
    count(*) filter (where length(org_name) > 100),
    count(*) filter (where legal_rep_name is null),
    count(*) filter (where length(legal_rep_name) > 50),
    count(*) filter (where legal_rep_resident_id is null),
    count(*) filter (where length(legal_rep_resident_id) > 18),
    count(*) filter (
        where not (
            regexp_full_match(legal_rep_resident_id, '[1-9][0-9]{{16}}[0-9X]')
            and try_strptime(substr(legal_rep_resident_id, 7, 8), '%Y%m%d') is not null
            and right(legal_rep_resident_id, 1) = substr('10X98765432', ({digits}) % 11 + 1, 1)
        )
    ),
    count(*) filter (where industry_code is null),
    count(*) filter (where length(industry_code) > 1),
    count(*) filter (where industry_code not in ('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J',
                                                 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T')),
    count(*) filter (where registered_capital is null),
    count(*) filter (where registered_capital not between 0 and 100000000),
    count(*) filter (where established_on is null),
    count(*) filter (where established_on < '1900-01-01' or established_on >= '2036-01-01'),
    count(*) filter (where status_code is null),
    count(*) filter (where length(status_code) > 1),
    count(*) filter (where status_code not in ('1', '2', '3', '4')),
    count(*) filter (where enterprise.division_code is null),
    count(*) filter (where length(enterprise.division_code) > 12),
    count(*) filter (
        where not (
            regexp_full_match(enterprise.division_code, '[1-9][0-9]{{11}}')
            and (
                not starts_with(enterprise.division_code, '3301')
                or coalesce(division.is_current or division.last_day >= enterprise.updated_at::date, false)
            )
        )
    ),
    count(*) filter (where address_text is null),
    count(*) filter (where length(address_text) > 200),
    count(*) filter (where updated_at is null),
    count(*) filter (where updated_at < '1949-10-01' or updated_at >= '2036-01-01')
from enterprise
left join division on division.division_code = enterprise.division_code
"""

# Checksum-valid synthetic identifiers; one row in 100,000 has an unknown industry, one a negative capital, so that
# equal counts mean something.
TABLE_SQL = """
with numbered as (
    select
        i,
        11010000000000000 + strftime(date '1940-01-01' + (hash(i) % 25000)::integer, '%Y%m%d')::bigint * 1000 + i % 999
            as id_number,
        '91330100MA' || lpad(i::varchar, 7, '0') as code
    from range({rows}) as numbers(i)
)
select
    code || substr('{alphabet}', ((31 - ({places}) % 31) % 31 + 1)::integer, 1) as credit_code,
    '示例企业' || i || '有限公司' as org_name,
    '合成' || i % 997 as legal_rep_name,
    id_number || substr('10X98765432', (({digits}) % 11 + 1)::integer, 1) as legal_rep_resident_id,
    case when i % 100000 = 7 then 'Z' else chr((65 + i % 20)::integer) end as industry_code,
    (case when i % 100000 = 8 then -1 else i * 37 % 100000000 end)::decimal(18, 2) as registered_capital,
    date '1990-01-01' + (i % 13000)::integer as established_on,
    (i % 4 + 1)::varchar as status_code,
    '3301' || lpad((i % 4000)::varchar, 8, '0') as division_code,
    '示例市示例区示例路' || i % 50000 || '号' as address_text,
    timestamp '2025-01-01' + to_seconds((i % 20000000)::integer) as updated_at,
    'scjg.enterprise:bench' as _batch_id,
    i::bigint as _row
from numbered
"""
DIVISION_SQL = """
select '3301' || lpad(i::varchar, 8, '0') as division_code, null::date as valid_until
from range(4000) as numbers(i)
"""


def _write_tables(folder: Path, rows: int) -> None:
    con = open_duckdb(settings=Settings(home=folder / "home"), temp_dir=folder / "spill")
    con.execute("set enable_progress_bar = false")
    places = " + ".join(
        f"(instr('{CREDIT_CODE_ALPHABET}', code[{i + 1}]) - 1) * {w}" for i, w in enumerate(CREDIT_CODE_WEIGHTS[:17])
    )
    table = TABLE_SQL.format(rows=rows, alphabet=CREDIT_CODE_ALPHABET, places=places, digits=_resident_digits())
    for name, sql in (("enterprise", table), ("division", DIVISION_SQL)):
        con.execute(f"copy ({sql}) to '{folder}/{name}.parquet' (format parquet, compression zstd)")
    con.close()
