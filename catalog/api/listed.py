"""One line of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.derive.catalogue import CatalogueEntry


@dataclass(frozen=True)
class Listed:
    """One line of the catalogue: the entry, and what is known of its supply and quality (None: not published)."""

    entry: CatalogueEntry
    dept: str
    topic: str
    topic_name: str
    group: str
    row_count: int | None
    supply: str | None
    newest_on: str | None
    score: float | None
