"""The fused scan and stock Great Expectations say the same: verdicts, counts and examples, on arbitrary tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pytest
from expectation_cases import COLUMNS, IGNORE, MAPPED, MOSTLY, PAIRS, ROW, SINGLE, TABLE, comparable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from expectations.fused import compile as compiled
from expectations.fused.plan import Table, column_map
from expectations.run import validate
from expectations.stock import run_stock

pytestmark = pytest.mark.integration


@st.composite
def expectation_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Every compiled expectation once, with drawn ``mostly`` and ``ignore_row_if``."""
    entries = [{"type": type_, "kwargs": dict(kwargs)} for type_, kwargs in SINGLE]
    for type_, kwargs in [*MAPPED, *PAIRS]:
        mostly = draw(MOSTLY)
        extra = {} if mostly is None else {"mostly": mostly}
        if "column_A" in kwargs:
            extra["ignore_row_if"] = draw(IGNORE)
        entries.append({"type": type_, "kwargs": kwargs | extra})
    return entries


def load(rows: Sequence[tuple[Any, ...]]) -> Any:
    con = duckdb.connect()
    con.execute("create schema main_dept")
    con.execute("create schema dsjj")
    con.execute(f"create table {TABLE} ({', '.join(f'{name} {type_}' for name, type_ in COLUMNS.items())})")
    if rows:
        con.executemany(f"insert into {TABLE} values ({', '.join('?' * len(COLUMNS))})", [list(row) for row in rows])
    con.execute("create table dsjj.division (division_code varchar, valid_until date)")
    con.execute(
        "insert into dsjj.division values ('330106000000', null), ('330102001002', '2024-02-28'), "
        "('330102001002', '2024-02-27'), (null, null)"
    )
    return con


def differences(con: Any, entries: list[dict[str, Any]]) -> list[str]:
    """Run both and say where they differ. Tables are small, so that GE's list of examples is complete."""
    [ours] = validate(con, [{"name": TABLE, "expectations": entries}])
    stock = run_stock(con, TABLE, entries)
    return [
        f"{entry}: ours {mine.success} {mine.result}, stock {theirs.success} {theirs.result}"
        for entry, mine, theirs in zip(entries, ours.validation.results, stock, strict=True)
        if comparable(mine) != comparable(theirs)
    ]


def test_every_compiled_type_is_in_the_comparison() -> None:
    assert {type_ for type_, _ in [*SINGLE, *MAPPED, *PAIRS]} == set(compiled.COMPILERS)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking through two engines takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=st.lists(ROW, max_size=12), entries=expectation_lists())
def test_verdicts_counts_and_examples_equal_stock(rows: list[tuple[Any, ...]], entries: list[dict[str, Any]]) -> None:
    assert differences(load(rows), entries) == []


@pytest.mark.parametrize("rows", [[], [(None,) * len(COLUMNS)], [(None,) * len(COLUMNS)] * 3], ids=["empty", "1", "3"])
def test_empty_tables_and_columns_of_nulls_equal_stock(rows: list[tuple[Any, ...]]) -> None:
    entries = [{"type": type_, "kwargs": kwargs} for type_, kwargs in [*SINGLE, *MAPPED, *PAIRS]]
    assert differences(load(rows), entries) == []


def test_a_wrong_predicate_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the comparison must see a bound that is taken as exclusive."""

    def exclusive(table: Table, kwargs: Any) -> Any:
        col = table.column(kwargs["column"])
        return column_map(table, kwargs["column"], "column_values.between", f"{col} < {kwargs['max_value']}")

    row = [None] * len(COLUMNS)
    row[list(COLUMNS).index("num")] = 2
    con = load([tuple(row)])
    entries = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "num", "max_value": 2}}]
    assert differences(con, entries) == []
    known = compiled.COMPILERS["expect_column_values_to_be_between"][1]
    monkeypatch.setitem(compiled.COMPILERS, "expect_column_values_to_be_between", (exclusive, known))
    assert differences(con, entries) != []


def test_a_metric_under_the_wrong_name_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: GE takes a metric that it does not find for vacuously true."""

    def misnamed(table: Table, kwargs: Any) -> Any:
        return column_map(table, kwargs["column"], "column_values.betwixt", "false")

    row = [None] * len(COLUMNS)
    row[list(COLUMNS).index("num")] = 5
    entries = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "num", "max_value": 2}}]
    known = compiled.COMPILERS["expect_column_values_to_be_between"][1]
    monkeypatch.setitem(compiled.COMPILERS, "expect_column_values_to_be_between", (misnamed, known))
    assert differences(load([tuple(row)]), entries) != []
