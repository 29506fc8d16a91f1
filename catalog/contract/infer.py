"""Guess the type and the information item of a column from texts that were seen in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stdnum.cn import ric, uscc

_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.(?P<fraction>\d+)")
_DATE = re.compile(r"(19|20)\d{2}([-/.]?)(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(日)?")
_TIMESTAMP = re.compile(_DATE.pattern + r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_BOOLEANS = frozenset({"是", "否", "true", "false", "TRUE", "FALSE", "True", "False"})
_PHONE = re.compile(r"1[3-9]\d{9}")
_DIVISION = re.compile(r"[1-6]\d{11}")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_MONTH = re.compile(r"(19|20)\d{2}-(0[1-9]|1[0-2])")
_INT_MAX = 2**31 - 1
LONGEST_NUMBER = 15  # longer digit strings are identifiers, not quantities
_LENGTHS = (1, 2, 4, 8, 12, 18, 20, 32, 50, 100, 200, 500, 1000, 4000)
_DECIDED = {"D": "date", "T": "timestamp", "L": "boolean", "B": "double", "F": "double"}

_SHAPES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("resident_id", ric.is_valid),
    ("credit_code", lambda value: len(value) == 18 and uscc.is_valid(value)),
    ("vin", lambda value: bool(_VIN.fullmatch(value)) and not value.isdigit()),
    ("phone", lambda value: bool(_PHONE.fullmatch(value))),
    ("division_code", lambda value: bool(_DIVISION.fullmatch(value))),
    ("month", lambda value: bool(_MONTH.fullmatch(value))),
)


def infer_item(values: Sequence[str]) -> str | None:
    """Return the item whose shape all values have (resident id, credit code …), or None."""
    if not values:
        return None
    return next((item for item, fits in _SHAPES if all(fits(value) for value in values)), None)


def infer_type(values: Sequence[str], data_type: str | None = None) -> str:
    """Return the physical type that holds all values; ``data_type`` (1272号) of a known item decides first."""
    if data_type in _DECIDED:
        return _DECIDED[data_type]
    if data_type in ("C", "M", "G"):
        return _varchar(values)
    if data_type == "Y":
        return "decimal(18,2)"
    if not values:
        return "varchar(50)"
    if all(value in _BOOLEANS for value in values):
        return "boolean"
    if all(_TIMESTAMP.fullmatch(value) for value in values):
        return "timestamp"
    if all(_DATE.fullmatch(value) for value in values):
        return "date"
    return _number(values) or _varchar(values)


def _number(values: Sequence[str]) -> str | None:
    """Return a number type; codes with leading zeros and long digit strings are texts."""
    if all(_INTEGER.fullmatch(value) for value in values):
        if max(map(len, values)) > LONGEST_NUMBER:
            return None
        largest = max(abs(int(value)) for value in values)
        return "integer" if largest <= _INT_MAX else "bigint"
    matches = [_DECIMAL.fullmatch(value) or _INTEGER.fullmatch(value) for value in values]
    if not all(matches):
        return None
    scale = max(len(match.groupdict().get("fraction") or "") for match in matches if match)
    return f"decimal(18,{max(scale, 2)})" if scale <= 4 else "double"


def _varchar(values: Sequence[str]) -> str:
    """A sample seldom holds the longest text: room for half as much again, unless all are equally long."""
    lengths = set(map(len, values)) or {0}
    wanted = max(lengths) if len(lengths) == 1 else max(lengths) * 3 // 2
    return f"varchar({next((length for length in _LENGTHS if length >= wanted), 4000)})"
