"""Show a value through its mask 脱敏: ``keep_<head>_<tail>``, ``year``, ``hidden``; an unknown mask hides the value."""

from __future__ import annotations

import re
from typing import Any

from catalog.contract.model import Property

KEEP = re.compile(r"^keep_(\d+)_(\d+)$")
HIDDEN = "***"
HIDDEN_FROM_GRADE = 3  # 重要数据: the pages show no value of this grade or above, masked or not named


def masked(value: Any, mask: str | None) -> Any:
    """Return ``value`` as its mask lets it be seen; a value too short to be masked is hidden whole."""
    if value is None or mask is None:
        return value
    if mask == "year":
        return f"{str(value)[:4]}-**-**"
    kept = KEEP.match(mask)
    if not kept:
        return HIDDEN
    text, head, tail = str(value), int(kept[1]), int(kept[2])
    hidden = len(text) - head - tail
    if hidden <= 0:
        return HIDDEN
    return text[:head] + "*" * hidden + (text[-tail:] if tail else "")


def page_mask(prop: Property) -> str | None:
    """Return the mask of a column on pages, where nobody is known: its own, or ``hidden`` from grade 3 on."""
    if prop.gov.mask is not None:
        return prop.gov.mask
    return "hidden" if int(prop.classification) >= HIDDEN_FROM_GRADE else None
