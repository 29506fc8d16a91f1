"""Expectations about places: division codes in force at a date, and coordinates inside the city."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from great_expectations.compatibility import sqlalchemy
from great_expectations.execution_engine import PandasExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    ColumnPairMapMetricProvider,
    column_condition_partial,
    column_pair_condition_partial,
)

from catalog.derive.sql_predicates import division_valid, quote
from expectations.classes.rendering import ChineseStatement
from expectations.names import table_sql
from expectations.trino_sql import in_words_of

sa = sqlalchemy.sqlalchemy


class ColumnValuesValidDivisionCodeAtDate(ColumnMapMetricProvider):  # type: ignore[misc]
    """Row condition: the division code was in force on the day in ``date_column`` (SQL only: it reads the code table)."""

    condition_metric_name = "column_values.valid_division_code_at_date"
    condition_value_keys = ("date_column", "city_prefix", "resource")

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,
        column: Any,
        city_prefix: str,
        resource: str,
        date_column: str | None = None,
        *,
        _sqlalchemy_engine: Any,
        **_: Any,
    ) -> Any:
        at = None if date_column is None else quote(date_column)
        valid = division_valid(quote(column.name), city_prefix=city_prefix, reference=table_sql(resource), at=at)
        return sa.literal_column(in_words_of(_sqlalchemy_engine, valid), sa.Boolean)


class ExpectColumnValuesToBeValidDivisionCodeAtDate(ChineseStatement, ColumnMapExpectation):  # type: ignore[misc]
    """Expect division codes that were in force on the day in ``date_column``, or 12-digit codes of another city.

    Args:
        date_column: column with the day that the row speaks of; without it, codes must be in force now.
        city_prefix: first digits of this city's codes; other codes are checked for their shape only.
        resource: table with ``division_code`` and ``valid_until``.
    """

    date_column: str | None = None
    city_prefix: str
    resource: str = "dsjj.division"

    map_metric: ClassVar[str] = "column_values.valid_division_code_at_date"
    success_keys: ClassVar[tuple[str, ...]] = ("date_column", "city_prefix", "resource", "mostly")
    statement: ClassVar[str] = "${column} 在 ${date_column} 当日是有效的区划代码（${resource}），或外地 12 位区划代码"


class ColumnPairCoordinatesInsideCity(ColumnPairMapMetricProvider):  # type: ignore[misc]
    """Row condition: longitude (column_A) and latitude (column_B) lie inside the city's bounds."""

    condition_metric_name = "column_pair_values.coordinates_inside_city"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_A",
        "column_B",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ("west", "south", "east", "north")

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls, column_A: Any, column_B: Any, west: float, south: float, east: float, north: float, **_: Any
    ) -> Any:
        return column_A.between(west, east) & column_B.between(south, north)

    @column_pair_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls, column_A: Any, column_B: Any, west: float, south: float, east: float, north: float, **_: Any
    ) -> Any:
        return sa.and_(column_A >= west, column_A <= east, column_B >= south, column_B <= north)


class ExpectCoordinatesToBeInsideCity(ChineseStatement, ColumnPairMapExpectation):  # type: ignore[misc]
    """Expect points (longitude ``column_A``, latitude ``column_B``, degrees) inside the city's bounding box."""

    west: float
    south: float
    east: float
    north: float
    ignore_row_if: Literal["both_values_are_missing", "either_value_is_missing", "neither"] = "either_value_is_missing"

    map_metric: ClassVar[str] = "column_pair_values.coordinates_inside_city"
    success_keys: ClassVar[tuple[str, ...]] = ("west", "south", "east", "north", "ignore_row_if", "mostly")
    statement: ClassVar[str] = (
        "坐标（${column_A}、${column_B}）在本市范围内：经度 ${west} 至 ${east}，纬度 ${south} 至 ${north}"
    )
