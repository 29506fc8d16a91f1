"""CSV as exported by a Windows client: GB18030, Chinese headers, CR LF, quotes where needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from catalog.contract.model import Contract
from lakehouse.sample_city.batch import Batch, Extra
from lakehouse.sample_city.rendering import headers, style_of
from lakehouse.sample_city.writers.segments import segments

LINE_END = "\r\n"
UNKNOWN_VALUE = "市政养护一公司"


def write_csv(batch: Batch, contract: Contract, path: Path) -> None:
    """Write one CSV delivery."""
    encoding = contract.gov.source.encoding or "utf-8"
    titles = list(headers(contract).values()) + ([batch.unknown_column] if batch.unknown_column is not None else [])
    with path.open("wb") as stream:
        stream.write(line(titles).encode(encoding))
        for segment in segments(batch, style_of(contract)):
            if isinstance(segment, Extra):
                text = line([segment.cells[p.name] for p in contract.properties])
                stream.write(text.encode("utf-8" if segment.utf8 else encoding))
                continue
            if batch.unknown_column is not None:
                segment = segment.with_columns(pl.lit(UNKNOWN_VALUE).alias(batch.unknown_column))
            body = segment.write_csv(include_header=False, line_terminator=LINE_END)
            stream.write(body.encode(encoding))


def line(values: Sequence[str | None]) -> str:
    """Return one CSV line with its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=LINE_END).writerow(["" if v is None else v for v in values])
    return buffer.getvalue()
