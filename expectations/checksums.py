"""Check digits in Python, for the data-frame engine of the expectation classes; DuckDB runs ``sql_predicates``."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from catalog.derive.sql_predicates import CREDIT_CODE_ALPHABET, CREDIT_CODE_WEIGHTS, RESIDENT_ID_WEIGHTS

RESIDENT_ID_SHAPE = re.compile(r"[1-9][0-9]{16}[0-9X]")
CREDIT_CODE_SHAPE = re.compile(r"[0-9]{8}[0-9A-HJ-NP-RTUWXY]{10}")
RESIDENT_ID_CHECKS = "10X98765432"


def is_resident_id(value: Any) -> bool:
    """Tell whether ``value`` is a resident ID number: shape, real birth date, check character (GB 11643)."""
    if not isinstance(value, str) or not RESIDENT_ID_SHAPE.fullmatch(value):
        return False
    try:
        date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, RESIDENT_ID_WEIGHTS, strict=False))
    return value[17] == RESIDENT_ID_CHECKS[total % 11]


def is_credit_code(value: Any) -> bool:
    """Tell whether ``value`` is a unified social credit code: shape and check character (GB 32100)."""
    if not isinstance(value, str) or not CREDIT_CODE_SHAPE.fullmatch(value):
        return False
    places = (CREDIT_CODE_ALPHABET.index(character) for character in value)
    return sum(place * weight for place, weight in zip(places, CREDIT_CODE_WEIGHTS, strict=True)) % 31 == 0
