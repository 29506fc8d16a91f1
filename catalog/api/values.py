"""Values between JSON, query strings and SQL: no digit lost on the way out, nothing guessed on the way in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from catalog.contract.model import Property

_INTEGER = re.compile(r"^-?\d{1,19}\Z", re.ASCII)
_DECIMAL = re.compile(r"^-?\d{1,38}(\.\d{1,38})?\Z", re.ASCII)
_TRUTH = {"true": True, "false": False}
_BOUNDS = {"integer": 2**31, "bigint": 2**63}


def json_value(value: Any) -> Any:
    """Return a value as JSON has it: decimals as text, dates and times in ISO form, no NaN (JSON has none)."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain(value: Any) -> Any:
    """Return nested facts as JSON has them."""
    if isinstance(value, dict):
        return {str(name): plain(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    return json_value(value)


def typed(prop: Property, text: str) -> Any:
    """Return a query parameter as a value of the column's type; raise ``ValueError`` when it is none."""
    return _READERS[prop.base_type](prop, text)


def _text(prop: Property, text: str) -> str:
    limit = int(prop.physical_type.partition("(")[2].rstrip(")"))
    if len(text) > limit:
        raise ValueError(f"longer than {limit} characters")
    return text


def _integer(prop: Property, text: str) -> int:
    bound = _BOUNDS[prop.base_type]
    if not _INTEGER.match(text) or not -bound <= int(text) < bound:
        raise ValueError("not an integer of this size")
    return int(text)


def _decimal(_prop: Property, text: str) -> Decimal:
    if not _DECIMAL.match(text):
        raise ValueError("not a decimal number")
    return Decimal(text)


def _double(_prop: Property, text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _boolean(_prop: Property, text: str) -> bool:
    if text not in _TRUTH:
        raise ValueError("not true or false")
    return _TRUTH[text]


def _date(_prop: Property, text: str) -> date:
    found = date.fromisoformat(text)
    if found.isoformat() != text:
        raise ValueError("not YYYY-MM-DD")
    return found


def _timestamp(_prop: Property, text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError("times have no zone here")
    return found


_READERS: dict[str, Callable[[Property, str], Any]] = {
    "varchar": _text,
    "integer": _integer,
    "bigint": _integer,
    "decimal": _decimal,
    "double": _double,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
