"""What a received text means, and that the fast way never means anything else."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.contract.model import LOGICAL_OF, Property
from lakehouse.ingest.values import SPACES, canonical, parsed, plain_value, trimmed


def column(physical_type: str) -> Property:
    return Property.model_validate(
        {
            "name": "value",
            "physicalName": "value",
            "businessName": "值",
            "logicalType": LOGICAL_OF[physical_type.split("(")[0]],
            "physicalType": physical_type,
            "classification": "1",
            "gov": {"item": "value", "dataType": "C"},
        }
    )


def exact(physical_type: str, values: list[str | None], *, excel: bool = False) -> list[Any]:
    sql = parsed("t", column(physical_type), excel=excel)
    with duckdb.connect() as con:
        con.register("given", pa.table({"value": pa.array(values, pa.string())}))
        rows = con.execute(f"select cast({sql} as varchar) from (select {trimmed('value')} as t from given)").fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("physical_type", "text", "value"),
    [
        ("varchar(10)", "  张三　\t", "张三"),
        ("varchar(10)", " 　 ", None),
        ("integer", "12", "12"),
        ("integer", "12.0", "12"),
        ("integer", "-7", "-7"),
        ("integer", "1.5", None),
        ("integer", "1e3", None),
        ("integer", "1_000", None),
        ("integer", "0x1f", None),
        ("integer", "3000000000", None),
        ("integer", "１２", None),
        ("integer", "1,000", None),
        ("decimal(18,2)", "12.5", "12.50"),
        ("decimal(18,2)", "12.500", "12.50"),
        ("decimal(18,2)", "12.345", None),
        ("decimal(18,2)", "1,234.50", None),
        ("decimal(18,2)", "12345678901234567.00", None),
        ("decimal(18,2)", "1e5", None),
        ("decimal(18,2)", "NaN", None),
        ("double", "1.5e3", "1500.0"),
        ("double", "NaN", None),
        ("double", "inf", None),
        ("double", "1e400", None),
        ("boolean", "是", "true"),
        ("boolean", "否", "false"),
        ("boolean", "y", "true"),
        ("boolean", "0", "false"),
        ("boolean", "2", None),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", "20260131", "2026-01-31"),
        ("date", "2026/01/31", "2026-01-31"),
        ("date", "2026-01-31 00:00:00", "2026-01-31"),
        ("date", "2026-01-31 10:00:00", None),
        ("date", "2026-02-30", None),
        ("date", "20261345", None),
        ("date", "2026-1-5", None),
        ("date", "0000-01-01", None),
        ("date", "0001-01-01", "0001-01-01"),
        ("date", "9999-12-31", "9999-12-31"),
        ("date", "infinity", None),
        ("date", "2026-01-01 (BC)", None),
        ("date", "45000", None),
        ("timestamp", "2026-01-31 10:20:30", "2026-01-31 10:20:30"),
        ("timestamp", "2026-01-31T10:20:30", "2026-01-31 10:20:30"),
        ("timestamp", "2026-01-31T10:20:30+08:00", "2026-01-31 10:20:30"),
        ("timestamp", "2026-01-31T02:20:30Z", "2026-01-31 10:20:30"),
        ("timestamp", "2026-01-31T10:20:30+01:00", None),
        ("timestamp", "2026/01/31 10:20", "2026-01-31 10:20:00"),
        ("timestamp", "20260131102030", "2026-01-31 10:20:30"),
        ("timestamp", "2026-01-31 25:00:00", None),
        ("timestamp", "epoch", None),
    ],
)
def test_texts_and_their_values(physical_type: str, text: str, value: str | None) -> None:
    assert exact(physical_type, [text]) == [value]


def test_excel_serial_numbers_are_dates_in_workbooks_only() -> None:
    assert exact("date", ["45000", "60"], excel=True) == ["2023-03-15", None]


TYPES = ["varchar(20)", "integer", "bigint", "decimal(9,2)", "decimal(5,4)", "double", "boolean", "date", "timestamp"]
DATES = st.dates().map(str) | st.builds(
    "{:04}-{:02}-{:02}".format, st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)
)
CLOCKS = st.builds(" {:02}:{:02}:{:02}".format, st.integers(0, 25), st.integers(0, 61), st.integers(0, 61))
PIECES = st.text(alphabet="0123456789-/: .TeExX+_,YyNnZ(BC)是否true　\t\n'\"\x00１", max_size=20)
TEXTS = st.one_of(
    DATES,
    st.builds(str.__add__, DATES, CLOCKS),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.floats().map(str),
    st.integers(-(2**65), 2**65).map(str),
    PIECES,
    st.builds(lambda text, junk, at: text[:at] + junk + text[at + 1 :], DATES, PIECES, st.integers(0, 10)),
)


@settings(max_examples=25, deadline=None)
@given(st.sets(TEXTS, min_size=20, max_size=200).map(sorted))
@example(
    [
        "-026-01-01",
        "+026-01-01",
        "2 26-01-01",
        "2026-01- 5",
        "infinity",
        "2026-01-01 24:00:00",
        "2026-01-01 1:000:00",
        "0001-01-1:",
        "0000-01-01",
    ]
)
def test_what_is_accepted_at_first_sight_has_the_exact_value(texts: list[str]) -> None:
    with duckdb.connect() as con:
        con.register("given", pa.table({"x": pa.array(texts, pa.string())}))
        for physical_type in TYPES:
            prop = column(physical_type)
            tests = " and ".join(canonical("x", "v", prop, spaces=SPACES))
            differing = con.execute(
                f"select x from (select *, {parsed('t', prop)} as e from"
                f" (select *, {trimmed('x')} as t, {plain_value('x', prop)} as v from given))"
                f" where coalesce({tests}, false) and e is distinct from v"
            ).fetchall()
            assert differing == [], f"{physical_type} at first sight has another value"
