"""The SQL of the checksums agrees with python-stdnum on random and on hostile values."""

from __future__ import annotations

import random
import string

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from catalog.derive.sql_predicates import CREDIT_CODE_ALPHABET, credit_code_valid, resident_id_valid

HOSTILE = "0eExX_.+-, １七a\x00'"


def resident_id_oracle(text: str) -> bool:
    """GB 11643 by stdnum, without its table of counties; upper case only."""
    if len(text) != 18 or not (text[:17].isascii() and text[:17].isdigit()) or text[0] == "0":
        return False
    try:
        ric.get_birth_date(text)
    except ValidationError:
        return False
    return text[17] == ric.calc_check_digit(text)


def credit_code_oracle(text: str) -> bool:
    """GB 32100 by stdnum, which also accepts lower case, spaces and hyphens."""
    return text == uscc.compact(text) and uscc.is_valid(text)


def verdicts(sql: str, values: list[str]) -> list[bool]:
    with duckdb.connect() as con:
        con.register("candidates", pa.table({"value": values}))
        return [row[0] for row in con.execute(f"select {sql} from candidates").fetchall()]


def spoiled(rng: random.Random, text: str) -> str:
    if rng.random() < 0.5:
        return text
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(HOSTILE) + text[place + rng.randint(0, 1) :]


def random_resident_ids(rng: random.Random, count: int) -> list[str]:
    def one() -> str:
        year, month, day = rng.randint(0, 9999), rng.randint(0, 13), rng.randint(0, 32)
        birth = rng.choice([f"{year:04}{month:02}{day:02}", "20000229", "19000229", "20230229"])
        body = f"{rng.randint(0, 999999):06}{birth}{rng.randint(0, 999):03}"
        return spoiled(rng, body + ric.calc_check_digit(body + "0"))

    return [one() for _ in range(count)]


def random_credit_codes(rng: random.Random, count: int) -> list[str]:
    def one() -> str:
        body = "".join(rng.choices(string.digits, k=8) + rng.choices(CREDIT_CODE_ALPHABET, k=9))
        return spoiled(rng, body + uscc.calc_check_digit(body))

    return [one() for _ in range(count)]


@settings(max_examples=5, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_resident_ids_agree_with_stdnum(seed: int) -> None:
    values = random_resident_ids(random.Random(seed), 10_000)
    expected = [resident_id_oracle(value) for value in values]
    assert 100 < sum(expected) < 9_900
    assert verdicts(resident_id_valid("value"), values) == expected


@settings(max_examples=5, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_credit_codes_agree_with_stdnum(seed: int) -> None:
    values = random_credit_codes(random.Random(seed), 10_000)
    expected = [credit_code_oracle(value) for value in values]
    assert 100 < sum(expected) < 9_900
    assert verdicts(credit_code_valid("value"), values) == expected


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("11010519491231002X", True),
        ("11010519491231002x", False),
        ("110105491231002", False),
        ("１１０１０５１９４９１２３１００２X", False),
        ("11010519490229002X", False),
        ("12345678901234e03X", False),
        ("0x1234567890abcdeX", False),
        ("", False),
        (None, True),
    ],
)
def test_single_resident_ids(text: str | None, good: bool) -> None:
    with duckdb.connect() as con:
        assert con.execute(
            f"select {resident_id_valid('value')} from (select ?::varchar as value)", [text]
        ).fetchall() == [(good,)]
