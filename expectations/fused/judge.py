"""From aggregates to Great Expectations' own result objects: GE's verdict code judges what the scan counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from catalog.derive.sql_predicates import quote
from expectations.engines import Engine
from expectations.fused.plan import EXAMPLE_COUNT, Compiled, Table, count_where, example_sql
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


def metrics_of(engine: Engine, compiled: Compiled, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expectation's metrics from the scan's aggregates (by their SQL); recount what they only bound."""
    metrics = {**compiled.known, **{metric: _number(values[sql]) for metric, sql in compiled.aggregates.items()}}
    if compiled.summed and metrics["table.row_count"] == 0:
        metrics[f"{compiled.counted}.unexpected_count"] = None
    if compiled.distinct is not None and (counted := metrics[f"{compiled.counted}.unexpected_count"]):
        metrics[f"{compiled.counted}.unexpected_count"] = counted - engine.distinct(compiled.distinct, counted, values)
    if compiled.recount is not None and metrics[f"{compiled.counted}.unexpected_count"]:
        [(count, examples)] = engine.rows(compiled.recount)
        metrics[f"{compiled.counted}.unexpected_count"] = count
        metrics[f"{compiled.counted}.unexpected_values"] = _shaped(compiled, examples or [])
    return metrics


def _number(value: Any) -> Any:
    """GE takes decimals as floats."""
    return float(value) if isinstance(value, Decimal) else value


Judged = tuple[Compiled, dict[str, Any]]  # an expectation and its metrics


def fetch_examples(engine: Engine, table: Table, judged: Sequence[Judged]) -> None:
    """Add to the metrics the smallest unexpected values of every expectation that has any: one more scan for all.

    The smallest, not the first ones met: the same data then shows the same examples, whatever the threads do. The same
    scan counts the unexpected values of which the first one found only a bound.
    """
    wanted = [(compiled, metrics) for compiled, metrics in judged if _lacks_examples(compiled, metrics)]
    together = [(c, metrics) for c, metrics in wanted if c.shape == "value" or engine.compares_rows]
    found: list[Any] = []
    if together:
        bounded = [(c, metrics) for c, metrics in together if c.bounded]
        lists = [f"min({example_sql(c)}, {EXAMPLE_COUNT}) filter (where {c.unexpected})" for c, _ in together]
        counts = [count_where(c.unexpected) for c, _ in bounded]
        source = source_sql(table, [c for c, _ in together])
        [row] = engine.rows(f"select {', '.join([*lists, *counts])} from {source}")
        found += zip(together, row[: len(lists)], strict=True)
        for (compiled, metrics), count in zip(bounded, row[len(lists) :], strict=True):
            metrics[f"{compiled.counted}.unexpected_count"] = count
    if not engine.compares_rows:
        found += [((c, metrics), _sorted_examples(engine, table, c)) for c, metrics in wanted if c.shape != "value"]
    for (compiled, metrics), examples in found:
        metrics[f"{compiled.counted}.unexpected_values"] = _shaped(compiled, examples or [])


def _lacks_examples(compiled: Compiled, metrics: dict[str, Any]) -> bool:
    """Tell whether examples must be fetched; where there are none, or only nulls, they are put in."""
    name = f"{compiled.counted}.unexpected_values"
    if compiled.counted is None or name in metrics:
        return False
    count = metrics.get(f"{compiled.counted}.unexpected_count")
    if count and not compiled.nulls:
        return True
    metrics[name] = [None] * min(count or 0, EXAMPLE_COUNT)
    return False


def _sorted_examples(engine: Engine, table: Table, compiled: Compiled) -> list[tuple[Any, ...]]:
    """Return the smallest unexpected rows with a scan of their own, for engines that cannot compare rows with nulls."""
    columns = ", ".join(f"t.{quote(column)}" for column in compiled.columns)
    source = source_sql(table, [compiled])
    return engine.rows(
        f"select {columns} from {source} where {compiled.unexpected} order by {columns} limit {EXAMPLE_COUNT}"
    )


def _shaped(compiled: Compiled, examples: Sequence[Any]) -> list[Any]:
    """Give examples GE's shape: a value, a tuple of a column pair, a dict of several columns.

    A struct comes with its names from one engine, and as a bare tuple from the other.
    """
    if compiled.shape == "value":
        return list(examples)
    tuples = [tuple(example.values()) if isinstance(example, dict) else tuple(example) for example in examples]
    if compiled.shape == "tuple":
        return tuples
    return [dict(zip(compiled.columns, row, strict=True)) for row in tuples]


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
