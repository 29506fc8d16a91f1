"""Running suites: one scan a table, nothing dropped, results as rows."""

from __future__ import annotations

from typing import Any

import pytest
from great_expectations.core import ExpectationSuiteValidationResult

from expectations.run import QUALITY_RESULT_SCHEMA, SuiteError, blocking_failures, result_table, validate

pytestmark = pytest.mark.integration


def entry(type_: str, severity: str = "critical", meta: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": meta or {}}


def suite(*entries: dict[str, Any], name: str = "gaj.person") -> dict[str, Any]:
    return {"name": name, "expectations": list(entries), "meta": {}}


class Counting:
    """A connection that counts the scans of a table."""

    def __init__(self, con: Any) -> None:
        self.con = con
        self.scans: list[str] = []

    def execute(self, sql: str, *parameters: Any) -> Any:
        if '"gaj"."person"' in sql and not sql.startswith("describe"):
            self.scans.append(sql)
        return self.con.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.con, name)


@pytest.fixture
def person(con: Any) -> Any:
    con.execute("create schema gaj")
    con.execute("create table gaj.person (id varchar, age integer, household varchar)")
    con.execute("insert into gaj.person values ('a', 1, 'h1'), ('b', 200, 'h2'), ('b', 3, 'h9'), (null, null, null)")
    con.execute("create table gaj.household (household_id varchar)")
    con.execute("insert into gaj.household values ('h1'), ('h2')")
    return con


CHECKS = (
    entry("expect_table_row_count_to_be_between", min_value=1),
    entry("expect_column_values_to_not_be_null", column="age", mostly=0.5),
    entry("expect_column_values_to_be_between", column="age", min_value=0, max_value=300),
    entry("expect_column_value_lengths_to_be_between", column="id", max_value=3),
    entry("expect_column_values_to_match_regex", column="id", regex="^[a-z]$"),
)


def test_a_suite_that_holds_is_one_scan(person: Any) -> None:
    counting = Counting(person)
    [result] = validate(counting, [suite(*CHECKS)])
    assert result.success
    assert len(counting.scans) == 1


def test_failures_cost_one_more_scan_for_all_their_examples(person: Any) -> None:
    counting = Counting(person)
    failing = (
        entry("expect_column_values_to_be_between", column="age", max_value=100),
        entry("expect_column_values_to_be_in_set", column="id", value_set=["a"]),
    )
    [result] = validate(counting, [suite(*CHECKS, *failing)])
    assert len(counting.scans) == 2
    assert result.validation.results[-2].result["partial_unexpected_list"] == [200]


@pytest.mark.parametrize(
    ("longest", "scans", "unexpected"),
    [(9, 1, []), (3, 2, []), (2, 2, ["王小明"]), (1, 2, ["李四", "王小明"])],
    ids=["bytes fit", "characters fit", "one is too long", "two are"],
)
def test_lengths_are_counted_in_characters_and_only_where_bytes_exceed(
    con: Any, longest: int, scans: int, unexpected: list[str]
) -> None:
    con.execute("create schema gaj")
    con.execute("create table gaj.person as select unnest(['李四', '王小明', 'x', null]) as name")
    counting = Counting(con)

    [result] = validate(
        counting, [suite(entry("expect_column_value_lengths_to_be_between", column="name", max_value=longest))]
    )

    [found] = result.validation.results
    assert found.success == (not unexpected)
    assert (found.result["unexpected_count"], found.result["partial_unexpected_list"]) == (len(unexpected), unexpected)
    assert len(counting.scans) == scans


def test_results_are_gx_objects_with_gx_statistics(person: Any) -> None:
    [result] = validate(person, [suite(*CHECKS, entry("expect_column_values_to_be_unique", column="id"))])
    assert isinstance(result.validation, ExpectationSuiteValidationResult)
    assert result.validation.statistics["evaluated_expectations"] == 6
    assert result.validation.statistics["unsuccessful_expectations"] == 1
    assert result.validation.results[-1].result["unexpected_count"] == 2
    assert result.validation.to_json_dict()["success"] is False


def test_what_the_compiler_does_not_know_runs_through_stock_gx(person: Any) -> None:
    unknown = (
        entry("expect_column_mean_to_be_between", column="age", min_value=0, max_value=1),
        entry(
            "expect_column_values_to_be_between",
            column="age",
            max_value=100,
            row_condition='col("id")=="a"',
            condition_parser="great_expectations",
        ),
    )
    [result] = validate(person, [suite(*CHECKS, *unknown)])
    mean, conditional = result.validation.results[-2:]
    assert not mean.success
    assert mean.result["observed_value"] == pytest.approx(68)
    assert conditional.success
    assert conditional.result["element_count"] == 1


def test_a_condition_that_duckdb_cannot_compute_fails_alone(person: Any) -> None:
    lookahead = entry("expect_column_values_to_match_regex", column="id", regex="(?!x)a")
    [result] = validate(person, [suite(*CHECKS, lookahead)])
    assert [entry.success for entry in result.validation.results] == [True] * len(CHECKS) + [False]
    assert result.rows()[-1]["observed_value"]


def test_an_unknown_type_is_an_error_that_names_its_place_and_the_nearest_type(person: Any) -> None:
    with pytest.raises(
        SuiteError, match=r"suite gaj.person, expectation 2 .*did you mean expect_column_values_to_be_unique"
    ):
        validate(person, [suite(CHECKS[0], entry("expect_column_values_to_be_uniqe", column="id"))])


def test_wrong_arguments_are_an_error_that_names_them(person: Any) -> None:
    with pytest.raises(SuiteError, match="value_set"):
        validate(person, [suite(entry("expect_column_values_to_be_in_set", column="id"))])


def test_a_missing_column_fails_its_expectations_and_no_others(person: Any) -> None:
    [result] = validate(person, [suite(*CHECKS, entry("expect_column_values_to_not_be_null", column="nowhere"))])
    assert [r["success"] for r in result.rows()] == [True] * len(CHECKS) + [False]
    assert 'The column "nowhere"' in result.rows()[-1]["observed_value"]


def test_a_missing_table_blocks_with_one_reason(person: Any) -> None:
    results = validate(person, [suite(*CHECKS, name="gaj.nowhere"), suite(*CHECKS)])
    assert [result.success for result in results] == [False, True]
    [reason] = blocking_failures(results)
    assert "gaj.nowhere" in reason
    assert "does not exist" in reason


def test_references_are_looked_up_where_the_caller_says(person: Any) -> None:
    refers = entry(
        "expect_column_values_to_refer_to_resource",
        "warning",
        column="household",
        resource="zjj.home",
        key="household_id",
    )
    [missing] = validate(person, [suite(refers)])
    assert "zjj.home" in missing.rows()[0]["observed_value"]
    [found] = validate(person, [suite(refers)], reference_tables={"zjj.home": "gaj.household"})
    assert found.rows()[0]["unexpected_count"] == 1
    assert blocking_failures([missing, found]) == []


def test_the_logical_name_stays_whatever_table_is_read(person: Any) -> None:
    person.execute("attach ':memory:' as branch")
    person.execute("create schema branch.gaj")
    person.execute("create table branch.gaj.person as from gaj.person")
    [result] = validate(person, [suite(*CHECKS)], table_of=lambda suite: f"branch.{suite['name']}")
    assert {row["table_name"] for row in result.rows()} == {"gaj.person"}
    assert result.success


def test_rows_repeat_exactly_and_fit_their_schema(person: Any) -> None:
    dated = entry("expect_column_max_to_be_between", column="age", max_value=10)
    suites = [suite(*CHECKS, dated, entry("expect_column_values_to_be_unique", column="id"))]
    first, again = validate(person, suites), validate(person, suites)
    table = result_table(first)
    assert table.schema == QUALITY_RESULT_SCHEMA
    assert table.equals(result_table(again))
    assert table.num_rows == len(suites[0]["expectations"])


def test_rows_carry_rule_dimension_and_sorted_arguments(person: Any) -> None:
    meta = {"rule": "age.range", "dimension": "准确性"}
    [result] = validate(
        person,
        [suite(entry("expect_column_values_to_be_between", "warning", meta, min_value=0, column="age", max_value=9))],
    )
    [row] = result.rows()
    assert row["kwargs"] == '{"column": "age", "max_value": 9, "min_value": 0}'
    assert (row["rule"], row["dimension"], row["severity"], row["column_name"]) == (
        "age.range",
        "准确性",
        "warning",
        "age",
    )
    assert (row["success"], row["element_count"], row["unexpected_count"]) == (False, 4, 1)


def test_only_critical_failures_block_and_their_examples_are_masked(person: Any) -> None:
    person.execute("insert into gaj.person values ('110101199003070011', 5, 'h1')")
    lengths = {"column": "id", "max_value": 3}
    warned = entry("expect_column_value_lengths_to_be_between", "warning", **lengths)
    blocked = entry(
        "expect_column_value_lengths_to_be_between",
        "critical",
        {"mask": "keep_6_4", "notes": "编号：不超过 3 个字符"},
        **lengths,
    )
    assert blocking_failures(validate(person, [suite(warned)])) == []
    [reason] = blocking_failures(validate(person, [suite(blocked)]))
    assert "110101********0011" in reason
    assert "110101199003070011" not in reason
    assert "gaj.person.id" in reason
    assert "编号" in reason
    assert "1 / 5" in reason
