"""Checks, written in DuckDB's SQL, as Trino reads them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlglot

from catalog.derive.sql_predicates import credit_code_valid, resident_id_valid
from expectations.engines import TrinoEngine, engine_of
from expectations.fused.checksums import credit_code, credit_code_plain
from expectations.trino_sql import Untranslatable, absolute_anchors, to_trino


@pytest.mark.parametrize(
    ("ours", "trino"),
    [
        ("select a // 10 // 3 % 7", "SELECT ((a / 10) / 3) % 7"),
        ("select a // 10 * 3", "SELECT (a / 10) * 3"),
        ("select (a // 10 % 4) // 2", "SELECT (((a / 10) % 4) / 2)"),
        ("select contains(t, 'e')", "SELECT (STRPOS(t, 'e') > 0)"),
        ("select list_contains(['e', 'f'], t)", "SELECT CONTAINS(ARRAY['e', 'f'], t)"),
        ("select ends_with(t, 'XY')", "SELECT (SUBSTRING(t, -2) = 'XY')"),
        ("select strlen(t) >= 3", "SELECT LENGTH(TO_UTF8(t)) >= 3"),
        ("select ([31, 29])[n % 100]", "SELECT ELEMENT_AT(ARRAY[31, 29], NULLIF(n % 100, 0))"),
        ("select ([31, 29])[n]", "SELECT ELEMENT_AT(ARRAY[31, 29], NULLIF(n, 0))"),
        ("select ([31, 29])[2]", "SELECT ELEMENT_AT(ARRAY[31, 29], NULLIF(2, 0))"),
        ("select count(distinct hash(a))", "SELECT COUNT(DISTINCT a)"),
        ("select count(distinct hash(a, b))", "SELECT COUNT(DISTINCT ROW(a, b))"),
        ("select min(a, 20) filter (where b = 1)", "SELECT MIN(a, 20) FILTER(WHERE b = 1)"),
        ("select min({'x': a, 'y': b}, 20)", "SELECT MIN(ROW(a, b), 20)"),
        ("select regexp_matches(t, '^a$')", r"SELECT REGEXP_LIKE(t, '\Aa\z')"),
        ("select regexp_full_match(t, 'a|b')", r"SELECT REGEXP_LIKE(t, '\A(?:a|b)\z')"),
        ("select cast('2024-01-01' as timestamp)", "SELECT CAST('2024-01-01' AS TIMESTAMP(6))"),
        ("select try_cast(t as bigint)", "SELECT TRY_CAST(t AS BIGINT)"),
        ("select sum(n)::bigint", "SELECT CAST(SUM(n) AS BIGINT)"),
    ],
)
def test_statement_in_the_words_of_trino(ours: str, trino: str) -> None:
    assert to_trino(ours) == trino


@pytest.mark.parametrize(
    ("regex", "absolute"),
    [
        ("^a$", r"\Aa\z"),
        (r"^\^\$$", r"\A\^\$\z"),
        ("[^a$]$", r"[^a$]\z"),
        ("[]^$]^", r"[]^$]\A"),
        ("[^]^$]^", r"[^]^$]\A"),
        (r"[\]^]$", r"[\]^]\z"),
        ("^a|b$", r"\Aa|b\z"),
        ("a{1,2}", "a{1,2}"),
    ],
)
def test_ends_of_a_regular_expression_are_the_ends_of_the_text(regex: str, absolute: str) -> None:
    assert absolute_anchors(regex) == absolute


@pytest.mark.parametrize(
    "sql",
    [
        "select encode(t)::bit::ubigint",
        "select a::ubigint",
        "select ends_with(t, u)",
        "select regexp_matches(t, u)",
        "select ([1, 2, 3])[1:2]",
    ],
)
def test_what_trino_lacks_is_refused_and_not_guessed(sql: str) -> None:
    with pytest.raises(Untranslatable):
        to_trino(sql)


def test_checksums_have_a_form_that_trino_reads() -> None:
    plain = credit_code_plain("c", "c")[0]

    for condition in (resident_id_valid("c"), credit_code_valid("c"), plain):
        statement = to_trino(f"select {condition} from t")
        assert sqlglot.parse_one(statement, read="trino")
        assert "//" not in statement


def test_the_bit_tricks_of_the_other_engine_would_be_refused() -> None:
    condition, derived = credit_code("c", "c")

    with pytest.raises(Untranslatable):
        to_trino(f"select {condition}, {', '.join(column.sql for column in derived)}")


class FakeTrino:
    """Answers ``describe``, or refuses as Trino does."""

    dialect = "trino"

    def __init__(self, answer: list[tuple[str, str, str, str]] | str) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def execute(self, sql: str) -> FakeTrino:
        self.asked.append(sql)
        if isinstance(self._answer, str):
            raise Refusal(self._answer)
        return self

    def fetchall(self) -> Any:
        return self._answer


class Refusal(Exception):
    def __init__(self, error_name: str) -> None:
        super().__init__(error_name)
        self.error_name = error_name


def test_engine_describes_columns_with_types_as_checks_know_them() -> None:
    con = FakeTrino([("id", "varchar(3)", "", ""), ("at", "timestamp(6)", "", ""), ("n", "decimal(18,2)", "", "")])

    engine = engine_of(con)

    assert isinstance(engine, TrinoEngine)
    assert engine.describe("gaj.resident") == {"id": "VARCHAR(3)", "at": "TIMESTAMP(6)", "n": "DECIMAL(18,2)"}
    assert con.asked == ['describe "gaj"."resident"']


def test_engine_describes_many_tables_in_one_statement_and_leaves_out_those_it_does_not_find() -> None:
    con = FakeTrino(
        [("gaj", "resident", "id", "varchar"), ("gaj", "resident", "n", "bigint"), ("gaj", "device", "id", "integer")]
    )

    found = engine_of(con).describe_all(["gaj.resident", "sthj.device", "other.gaj.device"])

    assert found == {"gaj.resident": {"id": "VARCHAR", "n": "BIGINT"}}
    assert len(con.asked) == 1
    assert "table_schema in ('gaj', 'sthj') and table_name in ('device', 'resident')" in con.asked[0]


@pytest.mark.parametrize("error", ["TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"])
def test_table_that_is_not_there_has_no_columns(error: str) -> None:
    assert engine_of(FakeTrino(error)).describe("gaj.resident") is None


def test_any_other_refusal_is_not_taken_for_a_missing_table() -> None:
    with pytest.raises(Refusal):
        engine_of(FakeTrino("PERMISSION_DENIED")).describe("gaj.resident")
