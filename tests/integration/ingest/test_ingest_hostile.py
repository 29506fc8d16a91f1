"""Hostile contents of cells stay contents: formulas, quotes, line ends, delimiters, NUL, SQL."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_lakehouse import CONTRACTS, Lakehouse, csv_bytes, permit

pytestmark = pytest.mark.integration
PERMIT = "gaj.residence_permit"
HOSTILE = [
    '=HYPERLINK("http://example.invalid")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    'He said "yes", twice',
    "two\nlines",
    "two\r\nlines",
    "a,b,c",
    "'; drop table x; --",
    "{{ jinja }}",
    "<script>alert(1)</script>",
    "\\x1f\\n",
    'quote at the end"',
    '"',
    "NUL\x00inside",
    "bell\x07",
    "\x1funit separator",
    "null",
    "NaN",
]


def test_hostile_names_come_out_as_they_went_in(lakehouse: Lakehouse) -> None:
    lakehouse.csv(PERMIT, [permit(i, person_name=text) for i, text in enumerate(HOSTILE)])
    outcome = lakehouse.ingest_one(PERMIT)
    assert (outcome.accepted, outcome.quarantined) == (len(HOSTILE), 0)
    names = [name for (name,) in lakehouse.query(f"select person_name from {PERMIT} order by permit_no")]
    assert names == [text.replace("\r\n", "\n") for text in HOSTILE]


def test_hostile_rows_in_quarantine_keep_their_content(lakehouse: Lakehouse) -> None:
    lakehouse.csv(
        PERMIT, [permit(i, person_name=text, resident_id="1") for i, text in enumerate(HOSTILE)] + [permit(99)]
    )
    assert lakehouse.ingest_one(PERMIT).quarantined == len(HOSTILE)
    found = lakehouse.query("select json_extract_string(raw, '$.姓名') from ops.quarantine order by row_number")
    assert [name.replace("\r\n", "\n") for (name,) in found] == [text.replace("\r\n", "\n") for text in HOSTILE]


@pytest.mark.parametrize(
    "middle",
    ['JZ5,"unclosed,a,b,c,d,e', 'JZ5,5" pipe,x', 'JZ5,"a"b"c,x,1,2,3,4', "JZ5,a\rb,x", ",,,,,,,,,", '"""'],
)
def test_a_malformed_line_costs_itself_only(lakehouse: Lakehouse, middle: str) -> None:
    head, tail = [permit(1), permit(2)], [permit(3), permit(4)]
    data = csv_bytes(CONTRACTS[PERMIT], head) + middle.encode() + b"\r\n"
    data += csv_bytes(CONTRACTS[PERMIT], tail).partition(b"\r\n")[2]
    lakehouse.file(PERMIT, "20260624", "20260625020000", data)
    outcome = lakehouse.ingest_one(PERMIT)
    accepted = {key for (key,) in lakehouse.query(f"select permit_no from {PERMIT}")}
    assert {"JZ00000001", "JZ00000002"} <= accepted
    assert outcome.received == outcome.accepted + outcome.quarantined
    if middle.count('"') % 2 == 0:
        assert (outcome.accepted, outcome.quarantined) == (4, 1)


TEXT = st.text(alphabet='abc张三 ,"\n\r\t;|=+-@\x00\x1f　', max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(TEXT, min_size=1, max_size=40))
def test_any_names_are_accounted_for(lakehouse: Lakehouse, names: list[str]) -> None:
    path = lakehouse.csv(PERMIT, [permit(i, person_name=text) for i, text in enumerate(names)])
    outcome = lakehouse.ingest_one(PERMIT)
    path.unlink()
    assert outcome.received == len(names)
