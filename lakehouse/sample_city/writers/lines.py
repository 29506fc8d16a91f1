"""NDJSON: device feeds, hotline tickets, and the files that the department's JSON API answers from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from catalog.contract.model import Contract, Property
from lakehouse.sample_city.batch import Batch, Extra
from lakehouse.sample_city.rendering import headers, numeric_columns, style_of
from lakehouse.sample_city.writers.segments import segments


def write_ndjson(batch: Batch, contract: Contract, path: Path) -> None:
    """Write one object a line; keys are the contract's physical names."""
    names, numbers = headers(contract), numeric_columns(contract)
    whole = [p.name for p in contract.properties if p.base_type in ("integer", "bigint")]
    booleans = [p.name for p in contract.properties if p.base_type == "boolean"]
    typed = [pl.col(c).cast(pl.Int64 if c in whole else pl.Float64) for c in numbers]
    typed += [pl.col(c) == "true" for c in booleans]
    with path.open("wb") as stream:
        for segment in segments(batch, style_of(contract)):
            if isinstance(segment, Extra):
                stream.write(_extra_line(segment, contract).encode("utf-8"))
            else:
                stream.write(segment.with_columns(typed).rename(names).write_ndjson().encode("utf-8"))


def _extra_line(extra: Extra, contract: Contract) -> str:
    record = {
        p.physical_name: _value(p, extra.cells[p.name]) for p in contract.properties if p.name not in extra.absent
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _value(prop: Property, text: str | None) -> Any:
    """Return numbers as numbers where the text is one, and any other text as it is."""
    if text is None or prop.logical_type not in ("number", "integer"):
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number:  # NaN is no JSON number
        return text
    return int(text) if prop.logical_type == "integer" and text.lstrip("-").isdigit() else number
