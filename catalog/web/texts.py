"""The texts of the pages, kept in one file a language: ``locale/<language>.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.contract.load import read_yaml

LOCALE = Path(__file__).parent / "locale"
DEFAULT_LANGUAGE = "zh-CN"


class Texts:
    """Texts by dotted key, such as ``list.empty``; ``{name}`` in a text is filled from the arguments."""

    def __init__(self, language: str = DEFAULT_LANGUAGE) -> None:
        self.language = language
        self._held = dict(_flat(read_yaml(LOCALE / f"{language}.yaml")))

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text; raise ``KeyError`` when there is none: a page never shows a bare key."""
        return self._held[key].format(**values) if values else self._held[key]

    def or_else(self, key: str, fallback: str) -> str:
        """Return a text, or ``fallback`` for a code that has no text of its own."""
        return self._held.get(key, fallback)

    def keys(self) -> frozenset[str]:
        """Return every key."""
        return frozenset(self._held)


def _flat(tree: Any, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, held in tree.items():
        key = f"{prefix}{name}"
        found += _flat(held, f"{key}.") if isinstance(held, dict) else [(key, str(held))]
    return found
