"""Show a value through its mask 脱敏: ``keep_<head>_<tail>``, ``year``, or hidden when the mask is not known."""

from __future__ import annotations

import re
from typing import Any

KEEP = re.compile(r"^keep_(\d+)_(\d+)$")
HIDDEN = "***"


def masked(value: Any, mask: str | None) -> Any:
    """Return ``value`` as its mask lets it be seen; an unknown mask hides it, a short value is hidden whole."""
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
