"""A division code is in force on the row's own day, or well formed and of another city."""

from __future__ import annotations

import duckdb
import pytest

from catalog.derive.sql_predicates import division_valid


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create table division as select * from (values ('330102001001', null), ('330103001001', date '2021-04-09'))"
        " as known(division_code, valid_until)"
    )
    return connection


@pytest.mark.parametrize(
    ("code", "day", "good"),
    [
        ("330102001001", "2026-01-01", True),
        ("330199999999", "2026-01-01", False),
        ("330103001001", "2026-01-01", False),
        ("330103001001", "2021-04-09", True),
        ("330103001001", None, False),
        ("440305001001", "2026-01-01", True),
        ("44030500100", "2026-01-01", False),
        ("04030500100１", "2026-01-01", False),
        ("44030500100X", "2026-01-01", False),
        (None, "2026-01-01", True),
    ],
)
def test_codes_are_judged_on_the_day_of_the_row(
    con: duckdb.DuckDBPyConnection, code: str | None, day: str | None, good: bool
) -> None:
    sql = division_valid("code", city_prefix="3301", reference="division", at="day")
    assert con.execute(f"select {sql} from (select ?::varchar as code, ?::date as day)", [code, day]).fetchall() == [
        (good,)
    ]


def test_without_a_day_every_ended_code_is_wrong(con: duckdb.DuckDBPyConnection) -> None:
    sql = division_valid("code", city_prefix="3301", reference="division", at=None)
    assert con.execute(f"select {sql} from (select '330103001001' as code)").fetchall() == [(False,)]


def test_without_a_reference_only_the_shape_is_checked(con: duckdb.DuckDBPyConnection) -> None:
    sql = division_valid("code", city_prefix="3301", reference=None, at=None)
    rows = con.execute(f"select {sql} from (values ('330199999999'), ('3301')) as given(code)").fetchall()
    assert rows == [(True,), (False,)]
