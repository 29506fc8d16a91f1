"""The same suites on the same rows: DuckDB's scan, Trino's scan, and stock Great Expectations on Trino."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from expectation_cases import COLUMNS, DIVISIONS, GOOD_CODES, MAPPED, PAIRS, SINGLE, TABLE
from isolated_cluster import make_cluster_home, remove_cluster_home
from stdnum.cn.ric import calc_check_digit

from expectations.engines import TrinoEngine
from expectations.fused import compile as compiled
from expectations.fused.plan import EXAMPLE_COUNT, Table, column_map
from expectations.gx import load_great_expectations
from expectations.run import validate
from expectations.stock import run_stock
from lakehouse.branches import open_branch
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import TrinoConnection, branch_catalog, open_trino
from lakehouse.tables import replace_with_query

pytestmark = pytest.mark.stack

ENTRIES: list[dict[str, Any]] = [{"type": type_, "kwargs": kwargs} for type_, kwargs in [*SINGLE, *MAPPED, *PAIRS]]
# Stock GE compares a column of dates with texts, which Trino refuses.
BEYOND_STOCK = [("expect_column_values_to_be_in_set", "day")]
BEYOND_STOCK_TEXT = "\n"  # before which Trino takes `$` for the end, DuckDB and Trino's scan do not
TEXTS = ["", "a", "ab", "abc", "b", "中文", "中文字", "A1", "zz-9", "a\nb", "ab\n", "\nab", "é", "１２", "it's"]
DIVISION_ROWS = [("330106000000", None), ("330102001002", "2024-02-28"), ("330102001002", "2024-02-27"), (None, None)]


def resident_ids() -> list[str]:
    """Return numbers with right and wrong check characters, of days that exist and of days that do not."""
    days = [
        f"{year}{month:02}{day:02}"
        for year in (1900, 2000, 2023, 2024)
        for month in range(14)
        for day in (0, 1, 28, 29, 30, 31, 32)
    ]
    heads = [f"330106{day}9{number % 90 + 10:02}" for number, day in enumerate(days)]
    checked = [head + calc_check_digit(head) for head in heads]
    return [*checked, *(number[:-1] + "5" for number in checked[::7]), "x", "", "110101199003070011".replace("1", "１")]


def table_rows() -> list[tuple[Any, ...]]:
    """Return rows that pass and fail every check, nulls in every column among them."""
    dice = random.Random(7)
    codes = [*GOOD_CODES, *(code[:-1] + "9" for code in GOOD_CODES), GOOD_CODES[0].lower(), "I" + GOOD_CODES[1][1:], ""]

    def maybe(value: Any) -> Any:
        return None if dice.random() < 0.1 else value

    return [
        (
            maybe(dice.choice(TEXTS)),
            maybe(dice.choice(["0", "1", "2", "9", "x"])),
            maybe(dice.randint(-3, 3)),
            maybe(dice.randint(-(2**40), 2**40)),
            maybe(Decimal(dice.randint(-500, 500)) / 100),
            maybe(dice.choice([-5.0, 0.0, 0.1, 2.5, 2.5000000001, float("inf")])),
            maybe(date(2024, 2, 27) + timedelta(days=dice.randint(0, 5))),
            maybe(datetime(2024, 2, 27) + timedelta(hours=dice.randint(0, 96), microseconds=dice.randint(0, 1))),
            maybe(number),
            maybe(dice.choice(codes)),
            maybe(dice.choice(DIVISIONS)),
            maybe(dice.choice([118.0, 119.0, 120.0, 121.0])),
            maybe(dice.choice([29.0, 30.0, 31.0])),
            maybe(dice.random() < 0.5),
        )
        for number in resident_ids()
    ]


def load(con: Any, rows: list[tuple[Any, ...]]) -> None:
    con.execute("create schema if not exists main_dept")
    con.execute("create schema if not exists dsjj")
    con.execute(f"create or replace table {TABLE} ({', '.join(f'{name} {type_}' for name, type_ in COLUMNS.items())})")
    if rows:
        con.executemany(f"insert into {TABLE} values ({', '.join('?' * len(COLUMNS))})", [list(row) for row in rows])
    con.execute("create or replace table dsjj.division (division_code varchar, valid_until date)")
    con.executemany("insert into dsjj.division values (?, ?)", [list(row) for row in DIVISION_ROWS])


class Engines:
    """The same tables in DuckDB and, as Iceberg tables of a branch, in Trino."""

    def __init__(self, settings: Settings, trino: TrinoConnection, tables: Any) -> None:
        self.duck = duckdb.connect()
        self.trino = trino
        self._settings = settings
        self._tables = tables

    def fill(self, rows: list[tuple[Any, ...]]) -> None:
        load(self.duck, rows)
        with open_duckdb(settings=self._settings) as con:
            load(con, rows)
            for name in (TABLE, "dsjj.division"):
                replace_with_query(con, self._tables, name, f"select * from {name}")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    load_great_expectations()
    home = tmp_path_factory.mktemp("expectations")
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=1, memory_limit="300MB")
    branch = open_branch(settings, "checks")
    with branch_catalog(settings, branch.catalog_name) as catalog, open_trino(settings, catalog) as trino:
        yield Engines(settings, trino, open_catalog(settings, branch.catalog_name))
    remove_cluster_home(settings)


def fused(con: Any, entries: list[dict[str, Any]]) -> list[str]:
    [result] = validate(con, [{"name": TABLE, "expectations": entries}])
    return [told(one) for one in result.validation.results]


def told(result: Any, *, examples: bool = True) -> str:
    """Return verdict, counts and examples as a text that compares."""
    figures = dict(result.result)
    shown = figures.pop("partial_unexpected_list", None)
    listed = sorted(map(repr, shown)) if examples and shown is not None else None
    return repr((result.success, sorted(figures.items()), listed, "True" in str(result.exception_info)))


@pytest.mark.parametrize("count", [0, 1, None], ids=["empty", "one", "many"])
def test_verdicts_counts_and_examples_of_both_engines_are_equal(engines: Engines, count: int | None) -> None:
    engines.fill(table_rows()[:count])

    ours, theirs = fused(engines.duck, ENTRIES), fused(engines.trino, ENTRIES)

    assert [(e, a, b) for e, a, b in zip(ENTRIES, ours, theirs, strict=True) if a != b] == []


def test_stock_great_expectations_on_trino_says_the_same(engines: Engines) -> None:
    engines.fill([row for row in table_rows() if row[0] is None or not row[0].endswith(BEYOND_STOCK_TEXT)])
    entries = [e for e in ENTRIES if (e["type"], e["kwargs"].get("column")) not in BEYOND_STOCK]

    [ours] = validate(engines.trino, [{"name": TABLE, "expectations": entries}])
    stock = run_stock(engines.trino, TABLE, entries)

    different = []
    for entry, mine, theirs in zip(entries, ours.validation.results, stock, strict=True):
        few = (mine.result.get("unexpected_count") or 0) <= EXAMPLE_COUNT // 4  # then both show all of them, once each
        if told(mine, examples=few) != told(theirs, examples=few):
            different.append((entry, told(mine), told(theirs)))
    assert different == []


def test_what_only_one_engine_takes_apart_is_checked_in_the_plain_form(engines: Engines) -> None:
    """Both checks are in the scan of Trino, too, and not left to stock Great Expectations."""
    columns = {name: type_.upper() for name, type_ in COLUMNS.items()}
    table = Table(TABLE, columns, lambda resource: resource, bit_tricks=False)

    for kind, column in (("credit_code", "cc"), ("resident_id", "rid")):
        assert compiled.compile_expectation(f"expect_column_values_to_be_valid_{kind}", {"column": column}, table)


def test_a_table_or_column_that_is_missing_fails_its_expectations(engines: Engines) -> None:
    engines.fill(table_rows()[:3])
    entries = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "nowhere"}}]

    for name in (TABLE, "main_dept.nothing", "nobody.nothing"):
        ours, theirs = (
            validate(con, [{"name": name, "expectations": entries}])[0].rows() for con in (engines.duck, engines.trino)
        )
        assert ours == theirs
        assert not theirs[0]["success"]


def test_keys_are_counted_by_the_scan_and_not_by_statements_of_their_own(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines.fill([row for row in table_rows() if row[2] is not None][:1])
    entries: list[dict[str, Any]] = [
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "num"}},
        {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["num", "big"]}},
        {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}},
    ]
    asked: list[str] = []
    ask = TrinoEngine.rows

    def rows(engine: TrinoEngine, sql: str) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return ask(engine, sql)

    monkeypatch.setattr(TrinoEngine, "rows", rows)
    [result] = validate(engines.trino, [{"name": TABLE, "expectations": entries}])

    assert result.success
    assert len(asked) == 1


def test_the_comparison_would_notice_a_bound_taken_as_exclusive(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines.fill(table_rows())
    entries = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "num", "max_value": 2}}]
    right = fused(engines.duck, entries)
    assert fused(engines.trino, entries) == right

    def exclusive(table: Table, kwargs: Any) -> Any:
        col = table.column(kwargs["column"])
        return column_map(table, kwargs["column"], "column_values.between", f"{col} < {kwargs['max_value']}")

    known = compiled.COMPILERS["expect_column_values_to_be_between"][1]
    monkeypatch.setitem(compiled.COMPILERS, "expect_column_values_to_be_between", (exclusive, known))
    assert fused(engines.trino, entries) != right
