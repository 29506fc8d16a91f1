"""Expectations about identifiers: resident ID numbers (GB 11643) and unified social credit codes (GB 32100)."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility import sqlalchemy
from great_expectations.execution_engine import PandasExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from catalog.derive.sql_predicates import credit_code_valid, quote, resident_id_valid
from expectations.checksums import is_credit_code, is_resident_id
from expectations.classes.rendering import ChineseStatement
from expectations.trino_sql import in_words_of

sa = sqlalchemy.sqlalchemy


class ColumnValuesValidResidentId(ColumnMapMetricProvider):  # type: ignore[misc]
    """Row condition: the value is a resident ID number."""

    condition_metric_name = "column_values.valid_resident_id"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: Any, **_: Any) -> Any:
        return column.map(is_resident_id).astype(bool)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, _sqlalchemy_engine: Any, **_: Any) -> Any:
        return sa.literal_column(in_words_of(_sqlalchemy_engine, resident_id_valid(quote(column.name))), sa.Boolean)


class ExpectColumnValuesToBeValidResidentId(ChineseStatement, ColumnMapExpectation):  # type: ignore[misc]
    """Expect 18-character resident ID numbers with a real birth date and the right check character (GB 11643)."""

    map_metric: ClassVar[str] = "column_values.valid_resident_id"
    statement: ClassVar[str] = "${column} 是有效的公民身份号码（GB 11643：18 位、出生日期真实、校验码正确）"


class ColumnValuesValidCreditCode(ColumnMapMetricProvider):  # type: ignore[misc]
    """Row condition: the value is a unified social credit code."""

    condition_metric_name = "column_values.valid_credit_code"

    @column_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column: Any, **_: Any) -> Any:
        return column.map(is_credit_code).astype(bool)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, _sqlalchemy_engine: Any, **_: Any) -> Any:
        return sa.literal_column(in_words_of(_sqlalchemy_engine, credit_code_valid(quote(column.name))), sa.Boolean)


class ExpectColumnValuesToBeValidCreditCode(ChineseStatement, ColumnMapExpectation):  # type: ignore[misc]
    """Expect 18-character unified social credit codes with the right check character (GB 32100)."""

    map_metric: ClassVar[str] = "column_values.valid_credit_code"
    statement: ClassVar[str] = "${column} 是有效的统一社会信用代码（GB 32100：18 位、校验码正确）"
