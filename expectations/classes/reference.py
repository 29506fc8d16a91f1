"""Expectation about references from one resource into another."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility import sqlalchemy
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from catalog.derive.sql_predicates import quote
from expectations.classes.rendering import ChineseStatement
from expectations.names import table_sql

sa = sqlalchemy.sqlalchemy


class ColumnValuesReferToResource(ColumnMapMetricProvider):  # type: ignore[misc]
    """Row condition: the value is a key of another resource (SQL only: it reads the other table)."""

    condition_metric_name = "column_values.refer_to_resource"
    condition_value_keys = ("resource", "key")

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, resource: str, key: str, **_: Any) -> Any:
        known = f"select {quote(key)} from {table_sql(resource)} where {quote(key)} is not null"
        return sa.literal_column(f"{quote(column.name)} in ({known})", sa.Boolean)


class ExpectColumnValuesToReferToResource(ChineseStatement, ColumnMapExpectation):  # type: ignore[misc]
    """Expect every value to be found in column ``key`` of table ``resource`` (``<dept>.<resource>``)."""

    resource: str
    key: str

    map_metric: ClassVar[str] = "column_values.refer_to_resource"
    success_keys: ClassVar[tuple[str, ...]] = ("resource", "key", "mostly")
    statement: ClassVar[str] = "${column} 在 ${resource} 的 ${key} 中存在"
