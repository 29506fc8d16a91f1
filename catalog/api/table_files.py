"""Rows written as a file, a portion at a time: CSV that a spreadsheet opens as text, and Parquet with its types."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.api.values import json_value
from catalog.cataloguing.sheet_faults import no_formula


class CsvFile:
    """UTF-8 with the mark by which a spreadsheet knows it. Values are as the data service writes them, "" for none."""

    def __init__(self, sink: IO[bytes], about: Mapping[str, str]) -> None:
        self._text = io.TextIOWrapper(sink, "utf-8-sig", newline="", write_through=True)
        self._table = csv.writer(self._text)
        self._columns: Sequence[str] = ()

    def add(self, rows: pa.Table) -> None:
        """Write some rows; the first portion, even of none, says which columns there are."""
        if not self._columns:
            self._columns = rows.column_names
            self._table.writerow(self._columns)
        columns = [[_cell(value) for value in rows[name].to_pylist()] for name in self._columns]
        self._table.writerows(zip(*columns, strict=True))

    def finish(self) -> None:
        """Leave the file to its owner."""
        self._text.detach()


class ParquetFile:
    """Parquet, zstd; a masked column is text. What the file is about stands in its metadata."""

    def __init__(self, sink: IO[bytes], about: Mapping[str, str]) -> None:
        self._sink, self._about = sink, about
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table) -> None:
        """Write some rows; the first portion, even of none, says which columns there are."""
        if self._writer is None:
            schema = rows.schema.with_metadata({f"citybrain.{name}": text for name, text in self._about.items()})
            self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._writer.write_table(rows.cast(self._writer.schema))

    def finish(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()


def _cell(value: Any) -> str:
    """Write a value as the data service does; a text so that no spreadsheet takes it for a formula."""
    if isinstance(value, str):
        return no_formula(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    held = json_value(value)
    return "" if held is None else str(held)
