"""Typed rows as the texts that a department's system writes."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from catalog.contract.model import Contract

COMPACT_DATE_TABLES = ("BDC_QLR", "QY_JBXX")  # legacy tables that keep dates as YYYYMMDD
NUMERIC = ("integer", "bigint", "double", "decimal")


@dataclass(frozen=True)
class Style:
    """How one delivery writes dates, times and booleans (strftime formats, words for true and false)."""

    date: str = "%Y-%m-%d"
    moment: str = "%Y-%m-%d %H:%M:%S"
    true: str = "是"
    false: str = "否"


JSON_STYLE = Style(moment="%Y-%m-%dT%H:%M:%S", true="true", false="false")


def style_of(contract: Contract) -> Style:
    """Return how the source of ``contract`` writes values."""
    source = contract.gov.source
    if source.kind in ("http_api", "ndjson"):
        return JSON_STYLE
    if source.table in COMPACT_DATE_TABLES:
        return Style(date="%Y%m%d")
    return Style()


def as_text(frame: pl.DataFrame, style: Style) -> pl.DataFrame:
    """Return the frame with every column as text; missing values stay missing."""
    return frame.select(_text(name, dtype, style) for name, dtype in frame.schema.items())


def _text(name: str, dtype: pl.DataType, style: Style) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.Date:
        return column.dt.strftime(style.date)
    if dtype == pl.Datetime:
        return column.dt.strftime(style.moment)
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit(style.true)).otherwise(pl.lit(style.false)).alias(name)
    return column.cast(pl.String)


def numeric_columns(contract: Contract) -> list[str]:
    """Return the columns whose values are numbers."""
    return [p.name for p in contract.properties if p.base_type in NUMERIC]


def headers(contract: Contract) -> dict[str, str]:
    """Return the delivery's column headers by column name."""
    return {p.name: p.physical_name for p in contract.properties}
