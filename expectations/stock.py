"""Stock Great Expectations over a connection that is handed in: DuckDB's, or Trino's, which GE knows by itself.

duckdb_engine 0.17 works with SQLAlchemy 2.1 except for reflection (it asks for PostgreSQL's collation catalogue, which
DuckDB lacks), and GE knows no regular expressions for the ``duckdb`` dialect. Both are mended here, and nowhere else:
columns are read from DuckDB's own description of a query, and GE is told of the one dialect that, like DuckDB, calls
its function ``regexp_matches``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expectations.engines import engine_of
from expectations.gx import load_great_expectations

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

RESULT_FORMAT = "BASIC"
ORDER_MARK = "citybrain_position"


class _RegexpMatches:
    """Stands in for a dialect module: ``DremioDialect`` is what GE looks for before it emits ``regexp_matches``."""

    DremioDialect = None


def run_stock(
    con: Any, table: str, entries: Sequence[Mapping[str, Any]], *, result_format: str = RESULT_FORMAT
) -> list[ExpectationValidationResult]:
    """Validate suite entries (``type``, ``kwargs``, …) on ``table`` through GE's own engine; results in their order."""
    if not entries:
        return []
    load_great_expectations()
    from great_expectations.validator.validator import Validator

    engine = stock_engine(con, table)
    validator = Validator(execution_engine=engine, data_context=_NoProgressBars())
    marked = [
        configuration_of({**entry, "meta": {**entry.get("meta", {}), ORDER_MARK: i}}) for i, entry in enumerate(entries)
    ]
    results = validator.graph_validate(
        configurations=marked, runtime_configuration={"catch_exceptions": True, "result_format": result_format}
    )
    return _in_order(results)


def configuration_of(entry: Mapping[str, Any]) -> Any:
    """Return GE's configuration object of one suite entry."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    known = ("type", "kwargs", "meta", "severity", "description")
    return ExpectationConfiguration(**{name: entry[name] for name in known if entry.get(name) is not None})


def stock_engine(con: Any, table: str) -> Any:
    """Return GE's SqlAlchemyExecutionEngine with ``table`` (dotted name) of ``con`` as its one batch."""
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData

    engine = SqlAlchemyExecutionEngine(engine=engine_of(con).sqlalchemy(), create_temp_table=False)
    if engine.dialect_name == "duckdb":
        engine.dialect_module = _RegexpMatches
    schema, _, name = table.rpartition(".")
    batch = SqlAlchemyBatchData(
        execution_engine=engine, table_name=name, schema_name=schema or None, create_temp_table=False
    )
    engine.load_batch_data(table, batch)
    return engine


class _NoProgressBars:
    """The only thing a validator asks of its data context here."""

    progress_bars: Mapping[str, bool] = {"globally": False, "metric_calculations": False}


def _in_order(results: Sequence[Any]) -> list[Any]:
    """Put results, which GE returns in the order of its metric graph, back into the order of the suite."""
    by_position = {}
    for result in results:
        configuration = result.expectation_config
        by_position[configuration.meta.pop(ORDER_MARK)] = result
        configuration.kwargs.pop("batch_id", None)
    return [by_position[position] for position in sorted(by_position)]
