"""Examples of failing values as people may see them: never a whole identifier of a person."""

from __future__ import annotations

import re
from typing import Any

KEEP = re.compile(r"keep_(\d+)_(\d+)")
HIDDEN = "***"


def mask_example(value: Any, mask: str | None) -> Any:
    """Return ``value`` as ``mask`` lets it be shown: as is (None), its ends, its year, or not at all.

    An unknown mask hides: deny by default. Tuples and dicts (several columns) are masked member by member.
    """
    if mask is None or value is None:
        return value
    if isinstance(value, tuple | list):
        return [mask_example(member, mask) for member in value]
    if isinstance(value, dict):
        return {name: mask_example(member, mask) for name, member in value.items()}
    keep = KEEP.fullmatch(mask)
    if keep:
        return _ends(str(value), int(keep[1]), int(keep[2]))
    if mask == "year":
        return f"{str(value)[:4]}-**-**"
    return HIDDEN


def _ends(text: str, first: int, last: int) -> str:
    if len(text) <= first + last:
        return HIDDEN
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]
