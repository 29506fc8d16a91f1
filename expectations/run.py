"""Run suites on a connection: one fused scan a table, Great Expectations' own verdicts and results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from expectations.blocking import blocking_failures
from expectations.delivery import delivery_checks
from expectations.engines import Engine, engine_of
from expectations.errors import MissingReference, SuiteError
from expectations.fused.compile import compile_expectation
from expectations.fused.judge import failed, fetch_examples, judge, metrics_of, source_sql, suite_result
from expectations.fused.plan import Compiled, MissingColumn, Table
from expectations.gx import load_great_expectations
from expectations.names import table_sql
from expectations.rows import QUALITY_RESULT_SCHEMA, result_row, result_table
from expectations.stock import configuration_of, run_stock, stock_engine

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

__all__ = [
    "QUALITY_RESULT_SCHEMA",
    "SuiteError",
    "SuiteResult",
    "blocking_failures",
    "delivery_checks",
    "result_table",
    "validate",
]

log = structlog.get_logger(__name__)

Suite = Mapping[str, Any]


@dataclass(frozen=True)
class SuiteResult:
    """One suite's outcome: ``validation`` is GE's object, ``suite`` the JSON it came from, ``table`` what was read."""

    suite: Suite
    table: str
    validation: ExpectationSuiteValidationResult

    @property
    def name(self) -> str:
        return str(self.suite["name"])

    @property
    def success(self) -> bool:
        return bool(self.validation.success)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of ``ops.quality_result``, in the order of the suite; the same data gives the same rows."""
        pairs = zip(self.suite["expectations"], self.validation.results, strict=True)
        return [result_row(self.suite, source, result) for source, result in pairs]


def validate(
    con: Any,
    suites: Sequence[Suite],
    *,
    table_of: Callable[[Suite], str] = lambda suite: str(suite["name"]),
    reference_tables: Mapping[str, str] | None = None,
) -> list[SuiteResult]:
    """Validate each suite on its table and return the results in the order of ``suites``.

    ``con`` is an open DuckDB connection, or one to Trino (see ``expectations.engines``). ``table_of`` gives the dotted name of a suite's table; ``reference_tables``
    gives it for a resource that an expectation refers to, where that differs from the resource's own name.
    Raise :class:`SuiteError` for an expectation that GE does not know or whose arguments are wrong.
    """
    load_great_expectations()
    engine = engine_of(con)
    known: dict[str, Mapping[str, str] | None] = {**engine.describe_all([table_of(suite) for suite in suites])}

    def described(name: str) -> Mapping[str, str] | None:
        if name not in known:
            known[name] = engine.describe(name)
        return known[name]

    def reference(resource: str) -> str:
        name = (reference_tables or {}).get(resource, resource)
        if described(name) is None:
            raise MissingReference(resource, name)
        return table_sql(name)

    results = []
    for suite in suites:
        name = table_of(suite)
        types = described(name)
        if types is None:
            entries = [
                failed(entry.expectation.configuration, f"table {name} does not exist") for entry in _parsed(suite)
            ]
        else:
            entries = _validate_table(con, suite, name, Table(table_sql(name), types, reference, engine.bit_tricks))
        results.append(SuiteResult(suite, name, suite_result(suite, entries)))
    return results


@dataclass(frozen=True)
class _Entry:
    """One expectation of a suite: its JSON, GE's object, and what it compiled to (None: stock GE runs it)."""

    source: Mapping[str, Any]
    expectation: Any
    compiled: Compiled | None = None
    failure: str | None = None


def _parsed(suite: Suite) -> list[_Entry]:
    entries = []
    for position, source in enumerate(suite["expectations"], start=1):
        try:
            expectation = configuration_of(source).to_domain_obj()
        except Exception as error:
            raise SuiteError(str(suite["name"]), position, source, error) from error
        entries.append(_Entry(source, expectation))
    return entries


def _validate_table(con: Any, suite: Suite, name: str, table: Table) -> list[ExpectationValidationResult]:
    engine = engine_of(con)
    entries = [_compile(entry, table) for entry in _parsed(suite)]
    try:
        values = _scan(engine, table, entries)
    except Exception as error:
        # one expectation that the engine cannot compute (a regular expression it does not know …) fails the whole scan
        log.warning("fused scan failed, stock Great Expectations takes over", table=name, error=str(error))
        return run_stock(con, name, [entry.source for entry in entries])
    stock = iter(run_stock(con, name, [e.source for e in entries if e.compiled is None and e.failure is None]))
    judged = [(e.compiled, metrics_of(engine, e.compiled, values)) for e in entries if e.compiled is not None]
    fetch_examples(engine, table, judged)
    judging = stock_engine(con, name)
    metrics = iter(judged)
    results = []
    for entry in entries:
        if entry.failure is not None:
            results.append(failed(entry.expectation.configuration, entry.failure))
        elif entry.compiled is None:
            results.append(next(stock))
        else:
            results.append(judge(entry.expectation, next(metrics)[1], judging))
    return results


def _compile(entry: _Entry, table: Table) -> _Entry:
    try:
        compiled = compile_expectation(entry.source["type"], entry.source["kwargs"], table)
    except (MissingColumn, MissingReference) as error:
        return _Entry(entry.source, entry.expectation, failure=str(error))
    return _Entry(entry.source, entry.expectation, compiled)


def _scan(engine: Engine, table: Table, entries: Sequence[_Entry]) -> dict[str, Any]:
    """Compute every aggregate of the suite in one scan; return the values by their SQL."""
    compiled = [entry.compiled for entry in entries if entry.compiled is not None]
    listed = [sql for plan in compiled for sql in plan.aggregates.values()]
    listed += [sql for plan in compiled if plan.distinct for sql in engine.distinct_aggregates(plan.distinct)]
    aggregates = list(dict.fromkeys(listed))
    if not aggregates:
        return {}
    [row] = engine.rows(f"select {', '.join(aggregates)} from {source_sql(table, compiled)}")
    return dict(zip(aggregates, row, strict=True))
