"""A request for rows has only what the interface has; everything else is refused with the reason."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.api.errors import ApiError
from catalog.api.request import DataRequest
from catalog.api.rows import rows_sql
from catalog.api.values import json_value, typed
from catalog.contract.load import load_contracts

CONTRACTS = load_contracts()
RESIDENT, READING = CONTRACTS["gaj.resident"], CONTRACTS["sthj.device_reading"]
HOSTILE = "x' or 1=1 --"


def parse(contract: Any = RESIDENT, **query: str) -> DataRequest:
    return DataRequest.parse(contract, {name: [value] for name, value in query.items()})


def test_nothing_asked_for_means_all_fields_and_a_hundred_rows() -> None:
    request = parse()
    assert request.fields == tuple(prop.name for prop in RESIDENT.properties)
    assert (request.limit, request.filters, request.page_token) == (100, {}, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"person_name": "王"}, "unknown_parameter"),
        ({"limit": "0"}, "bad_limit"),
        ({"limit": "1001"}, "bad_limit"),
        ({"limit": "-1"}, "bad_limit"),
        ({"limit": "１"}, "bad_limit"),
        ({"limit": "1e2"}, "bad_limit"),
        ({"fields": "resident_id,nope"}, "unknown_field"),
        ({"fields": ""}, "unknown_field"),
        ({"fields": '*,"resident_id"'}, "unknown_field"),
        ({"fields": "_batch_id"}, "unknown_field"),
        ({"resident_id": "1" * 19}, "bad_filter"),
        ({HOSTILE: "1"}, "unknown_parameter"),
    ],
)
def test_what_the_interface_does_not_have_is_refused(query: dict[str, str], code: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(**query)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(ApiError, match="重复"):
        DataRequest.parse(RESIDENT, {"resident_id": ["1", "2"]})


def test_a_filter_of_the_wrong_type_is_refused() -> None:
    assert parse(READING, measured_at="2026-06-01T00:00:00").filters == {"measured_at": datetime(2026, 6, 1)}
    for wrong in ("yesterday", "2026-13-01", "2026-06-01T00:00:00+08:00", ""):
        with pytest.raises(ApiError, match="类型不符"):
            parse(READING, measured_at=wrong)


def test_fields_named_twice_come_once() -> None:
    assert parse(fields="person_name, resident_id,person_name").fields == ("person_name", "resident_id")


@given(st.text(max_size=18))
def test_a_value_is_a_parameter_and_never_part_of_the_statement(value: str) -> None:
    sql, params = rows_sql(RESIDENT, parse(resident_id=value), None, {})
    plain, _ = rows_sql(RESIDENT, parse(resident_id="0"), None, {})
    assert sql == plain
    assert params == [value]


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=4))
def test_any_query_is_answered_or_refused_never_broken(query: dict[str, str]) -> None:
    try:
        request = DataRequest.parse(READING, {name: [value] for name, value in query.items()})
    except ApiError as error:
        status, size = error.status, len(error.message)
    else:
        status, size = 400, 0
        assert set(request.filters) <= set(READING.primary_key)
    assert status == 400
    assert size < 400


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("varchar(4)", "甲乙丙丁", "甲乙丙丁"),
        ("integer", "-5", -5),
        ("integer", "2147483648", ValueError),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("bigint", "9223372036854775808", ValueError),
        ("integer", "1.0", ValueError),
        ("decimal(10,2)", "12.50", Decimal("12.50")),
        ("decimal(10,2)", "NaN", ValueError),
        ("double", "inf", ValueError),
        ("boolean", "true", True),
        ("boolean", "1", ValueError),
        ("date", "20260101", ValueError),
    ],
)
def test_query_values_are_read_by_the_columns_type(type_: str, text: str, value: Any) -> None:
    prop = RESIDENT.properties[0].model_copy(update={"physical_type": type_})
    if value is ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - which of Python's messages it is does not matter
            typed(prop, text)
    else:
        assert typed(prop, text) == value


def test_values_are_safe_in_json() -> None:
    assert json_value(Decimal("12345678901234567890.10")) == "12345678901234567890.10"
    assert json_value(datetime(2026, 6, 1, 1, 2, 3, 4)) == "2026-06-01T01:02:03.000004"
    assert json_value(float("nan")) is None
    assert json_value(float("inf")) is None
    assert json_value(True) is True
