"""From aggregates to Great Expectations' own result objects: GE's verdict code judges what the scan counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from catalog.derive.sql_predicates import quote
from expectations.fused.plan import EXAMPLE_COUNT, Compiled, Table, example_sql
from expectations.stock import RESULT_FORMAT

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult


def source_sql(table: Table, compiled: Sequence[Compiled]) -> str:
    """Return the FROM clause of a scan: the table as ``t`` with the columns derived from it, and every lookup."""
    source = f"{table.sql} as t"
    derived = dict.fromkeys(column for plan in compiled for column in plan.derived)
    for level in sorted({column.level for column in derived}):
        columns = ", ".join(f"{column.sql} as {quote(column.alias)}" for column in derived if column.level == level)
        source = f"(select t.*, {columns} from {source}) as t"
    joins = dict.fromkeys(join for plan in compiled for join in plan.joins)
    return " ".join([source, *(join.sql for join in joins)])


def metrics_of(con: Any, compiled: Compiled, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expectation's metrics from the scan's aggregates (by their SQL); recount what they only bound."""
    metrics = {**compiled.known, **{metric: _number(values[sql]) for metric, sql in compiled.aggregates.items()}}
    if compiled.summed and metrics["table.row_count"] == 0:
        metrics[f"{compiled.counted}.unexpected_count"] = None
    if compiled.recount is not None and metrics[f"{compiled.counted}.unexpected_count"]:
        count, examples = con.execute(compiled.recount).fetchone()
        metrics[f"{compiled.counted}.unexpected_count"] = count
        metrics[f"{compiled.counted}.unexpected_values"] = _shaped(compiled, examples or [])
    return metrics


def _number(value: Any) -> Any:
    """GE takes decimals as floats."""
    return float(value) if isinstance(value, Decimal) else value


def fetch_examples(con: Any, table: Table, judged: Sequence[tuple[Compiled, dict[str, Any]]]) -> None:
    """Add to the metrics the smallest unexpected values of every expectation that has any: one more scan for all.

    The smallest, not the first ones met: the same data then shows the same examples, whatever the threads do.
    """
    wanted = []
    for compiled, metrics in judged:
        count = metrics.get(f"{compiled.counted}.unexpected_count")
        if compiled.counted is None or f"{compiled.counted}.unexpected_values" in metrics:
            continue
        if not count or compiled.nulls:
            metrics[f"{compiled.counted}.unexpected_values"] = [None] * min(count or 0, EXAMPLE_COUNT)
        else:
            wanted.append((compiled, metrics))
    if not wanted:
        return
    lists = ", ".join(
        f"min({example_sql(compiled)}, {EXAMPLE_COUNT}) filter (where {compiled.unexpected})" for compiled, _ in wanted
    )
    source = source_sql(table, [compiled for compiled, _ in wanted])
    found = con.execute(f"select {lists} from {source}").fetchone()
    for (compiled, metrics), examples in zip(wanted, found, strict=True):
        metrics[f"{compiled.counted}.unexpected_values"] = _shaped(compiled, examples or [])


def _shaped(compiled: Compiled, examples: Sequence[Any]) -> list[Any]:
    """Give examples GE's shape: a value, a tuple of a column pair, a dict of several columns."""
    match compiled.shape:
        case "tuple":
            return [tuple(example.values()) for example in examples]
        case _:
            return list(examples)


def judge(expectation: Any, metrics: Mapping[str, Any], engine: Any) -> ExpectationValidationResult:
    """Let the expectation's own code judge the metrics; return GE's result."""
    from great_expectations.expectations.expectation_configuration import parse_result_format

    runtime = {"result_format": parse_result_format(RESULT_FORMAT)}
    try:
        raw = expectation._validate(metrics=metrics, runtime_configuration=runtime, execution_engine=engine)
    except Exception as error:  # bounds that do not compare with the values: GE reports it as the result, and so do we
        return failed(expectation.configuration, str(error))
    return expectation._build_evr(raw_response=raw)


def failed(configuration: Any, message: str) -> ExpectationValidationResult:
    """Return the result of an expectation that could not be computed, in GE's form of an exception."""
    from great_expectations.core import ExpectationValidationResult

    return ExpectationValidationResult(
        success=False,
        expectation_config=configuration,
        result={},
        exception_info={"raised_exception": True, "exception_message": message, "exception_traceback": ""},
    )


def suite_result(suite: Mapping[str, Any], results: Sequence[Any]) -> ExpectationSuiteValidationResult:
    """Gather the results of a suite into GE's suite result, with GE's own statistics."""
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.validator.validation_statistics import calc_validation_statistics

    statistics = calc_validation_statistics(list(results))
    return ExpectationSuiteValidationResult(
        success=statistics.success,
        results=list(results),
        suite_name=str(suite["name"]),
        statistics={
            "evaluated_expectations": statistics.evaluated_expectations,
            "successful_expectations": statistics.successful_expectations,
            "unsuccessful_expectations": statistics.unsuccessful_expectations,
            "success_percent": statistics.success_percent,
        },
        meta={"great_expectations_version": __version__, **suite.get("meta", {})},
    )
