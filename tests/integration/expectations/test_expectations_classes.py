"""The hand-written expectation classes: right by outside oracles, on both engines, in stock Great Expectations."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import great_expectations as gx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError
from stdnum.util import isdigits

from catalog.derive.sql_predicates import CREDIT_CODE_ALPHABET, credit_code_valid, resident_id_valid
from expectations.checksums import is_credit_code, is_resident_id
from expectations.fused import checksums
from expectations.fused.judge import source_sql
from expectations.fused.plan import Compiled, Table
from expectations.stock import run_stock

pytestmark = pytest.mark.integration

AREAS = ["110101", "330106", "330102", "310104", "440305"]


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    """A right number, made by the oracle's own check digit."""
    day = date(1900, 1, 1) + timedelta(days=draw(st.integers(0, 45_000)))
    body = f"{draw(st.sampled_from(AREAS))}{day:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return body + ric.calc_check_digit(f"{body}0")  # the oracle leaves out the last digit


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    """A right code, made by the oracle's own check digit."""
    body = f"91330100{draw(st.text(CREDIT_CODE_ALPHABET, min_size=9, max_size=9))}"
    return body + uscc.calc_check_digit(body)


@st.composite
def broken(draw: st.DrawFn, good: st.SearchStrategy[str], characters: str) -> str:
    """A right one with one character replaced, so that it may be wrong."""
    text, place = draw(good), draw(st.integers(0, 17))
    return text[:place] + draw(st.sampled_from(characters)) + text[place + 1 :]


ANY_TEXT = st.text(max_size=20) | st.text("0123456789Xx+-_.eE ", min_size=16, max_size=19)
IDS = resident_ids() | broken(resident_ids(), "0123456789Xx中 ") | ANY_TEXT
CODES = credit_codes() | broken(credit_codes(), CREDIT_CODE_ALPHABET + "IOSVZa中 ") | ANY_TEXT


def oracle_accepts(value: str) -> bool:
    """The oracle's parts, without its list of counties by year of birth (GB 11643 has none)."""
    if len(value) != 18 or value != ric.compact(value) or not isdigits(value[:17]) or value[0] == "0":
        return False
    try:
        ric.get_birth_date(value)
    except ValidationError:
        return False
    return bool(value[17] == ric.calc_check_digit(value))


def in_scan(con: Any, values: list[str], form: Any) -> list[bool]:
    """Ask the condition of the fused scan about each value."""
    con.execute(
        "create or replace table probe as select unnest(?) as x, generate_subscripts(?, 1) as i", [values, values]
    )
    table = Table('"probe"', {"x": "VARCHAR"}, lambda name: name)
    good, derived = form("x", 't."x"')
    rows = con.execute(f"select {good} from {source_sql(table, [Compiled(derived=derived)])} order by t.i").fetchall()
    return [row[0] for row in rows]


def alone(con: Any, predicate: str) -> list[bool]:
    return [row[0] for row in con.execute(f"select {predicate} from probe order by i").fetchall()]


@settings(max_examples=50, deadline=None)
@given(number=resident_ids(), code=credit_codes())
def test_right_identifiers_are_right(number: str, code: str) -> None:
    assert is_resident_id(number)
    assert is_credit_code(code)


@settings(max_examples=150, deadline=None)
@given(values=st.lists(IDS, min_size=1, max_size=60))
def test_resident_ids_agree_with_the_oracle_in_every_form(duck: Any, values: list[str]) -> None:
    in_python = [is_resident_id(value) for value in values]
    assert in_python == [oracle_accepts(value) for value in values]
    assert in_scan(duck, values, checksums.resident_id) == in_python
    assert alone(duck, resident_id_valid("x")) == in_python


@settings(max_examples=150, deadline=None)
@given(values=st.lists(CODES, min_size=1, max_size=60))
def test_credit_codes_agree_with_the_oracle_in_every_form(duck: Any, values: list[str]) -> None:
    in_python = [is_credit_code(value) for value in values]
    oracle = [uscc.is_valid(value) and value == uscc.compact(value) and value.isascii() for value in values]
    assert in_python == oracle
    assert in_scan(duck, values, checksums.credit_code) == in_python
    assert alone(duck, credit_code_valid("x")) == in_python


def test_every_character_in_every_place_of_a_credit_code_is_judged_alike(duck: Any) -> None:
    """Also where it takes the place of one with the same value, so that the checksum would not tell."""
    draw = random.Random(20)
    bodies = [f"91330100{''.join(draw.choices(CREDIT_CODE_ALPHABET, k=9))}" for _ in range(40)]
    codes = [body + uscc.calc_check_digit(body) for body in bodies]
    characters = [*map(chr, range(128)), "é", "中", "𠀀"]
    values = [code[:i] + new + code[i + 1 :] for code in codes for i in range(18) for new in characters]
    found = in_scan(duck, values, checksums.credit_code)
    assert found == [is_credit_code(value) for value in values]
    assert sum(found) == len(codes) * 18  # each with its own character


@pytest.mark.parametrize("body", ["11010120230229001", "11010119000229001", "11010120241301001", "11010120240431001"])
def test_a_birth_date_that_never_was_is_wrong_whatever_the_check_character(con: Any, body: str) -> None:
    value = body + ric.calc_check_digit(f"{body}0")
    assert in_scan(con, [value], checksums.resident_id) == [False]
    assert not is_resident_id(value)


def entry(type_: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs}


def test_the_classes_run_in_stock_gx_on_data_frames() -> None:
    good_id, good_code = "11010119900307002X", "91330100MA0000000C"
    frame = pd.DataFrame(
        {
            "rid": [good_id, "110101199003070020", None],
            "cc": [good_code, "91330100MA0000000D", None],
            "lon": [120.1, 121.9, None],
            "lat": [30.2, 30.2, 30.0],
        }
    )
    batch = (
        gx.get_context(mode="ephemeral")
        .data_sources.add_pandas("frames")
        .add_dataframe_asset("sample")
        .add_batch_definition_whole_dataframe("all")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    city = {"west": 118.34, "south": 29.18, "east": 120.73, "north": 30.57}
    from expectations.classes.identity import (
        ExpectColumnValuesToBeValidCreditCode,
        ExpectColumnValuesToBeValidResidentId,
    )
    from expectations.classes.place import ExpectCoordinatesToBeInsideCity

    for expectation in (
        ExpectColumnValuesToBeValidResidentId(column="rid"),
        ExpectColumnValuesToBeValidCreditCode(column="cc"),
        ExpectCoordinatesToBeInsideCity(column_A="lon", column_B="lat", **city),
    ):
        result = batch.validate(expectation)
        assert not result.success
        assert result.result["unexpected_count"] == 1, expectation


def test_a_division_code_is_judged_at_the_date_of_its_row(con: Any) -> None:
    con.execute("create schema dsjj")
    con.execute("create table dsjj.division (division_code varchar, valid_until date)")
    con.execute("insert into dsjj.division values ('330106000000', null), ('330103000000', '2021-04-08')")
    con.execute("create table moves (code varchar, moved_on date)")
    con.execute(
        """insert into moves values
            ('330106000000', '2024-01-01'),  -- in force
            ('330103000000', '2021-04-08'),  -- its last day
            ('330103000000', '2021-04-09'),  -- one day later
            ('330199999999', '2024-01-01'),  -- of this city, and unknown
            ('110101000000', '2024-01-01'),  -- of another city
            (null, '2024-01-01')"""
    )
    division = "expect_column_values_to_be_valid_division_code_at_date"
    [dated, now] = run_stock(
        con,
        "moves",
        [
            entry(division, column="code", date_column="moved_on", city_prefix="3301"),
            entry(division, column="code", city_prefix="3301"),
        ],
    )
    assert dated.result["partial_unexpected_list"] == ["330103000000", "330199999999"]
    assert now.result["partial_unexpected_list"] == ["330103000000", "330103000000", "330199999999"]
