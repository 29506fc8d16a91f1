"""What the search box offers while somebody types: entries first, then divisions."""

from __future__ import annotations

from typing import Any

from catalog.api.facts import Facts
from catalog.api.reads import CatalogueReads
from catalog.search.divisions import FORMER, LEVELS
from catalog.search.entries import Reason
from catalog.search.marking import pieces, spans
from catalog.search.names import Match

ENTRIES, DIVISIONS = 6, 4
Parts = list[tuple[str, bool]]


def suggestions(reads: CatalogueReads, facts: Facts, query: str) -> list[dict[str, Any]]:
    """Return what to offer for a query: ``kind``, ``label`` in parts (text, is marked), ``note``, ``address`` or ``query``."""
    if not query.strip():
        return []
    hits = reads.index.search(query)
    entries = list(reads.entries.values())
    offered = []
    for place, _ in reads.index.suggestions(query, ENTRIES):
        entry, reasons = entries[place], hits.why(place)
        own = next((reason for reason in reasons if reason.field == "名称"), None)
        offered.append(
            {
                "kind": "entry",
                "label": list(own.parts) if own else [(entry.name, False)],
                "note": entry.provider_name if own else _said(reasons, entry.provider_name),
                "address": f"/catalogue/{entry.key.replace('.', '/')}",
            }
        )
    return offered + [_division(match) for match in reads.divisions.search(facts, query, DIVISIONS)]


def _said(reasons: list[Reason], provider: str) -> str:
    """Return where an entry was found, in a few words."""
    first = next((reason for reason in reasons if reason.field != "提供单位"), None)
    text = f"{first.field} {''.join(part for part, _ in first.parts)}" if first else ""
    return " · ".join(part for part in (provider, text) if part)


def _division(match: Match) -> dict[str, Any]:
    marks = [mark for word, how in match.words for mark in spans(match.name, word, how)]
    place = "、".join(f"{new['path'].replace('/', '')}{new['name']}" for new in match.more.get("became", ()))
    note = (
        f"{LEVELS[FORMER]}，今{place}"
        if place
        else " ".join([LEVELS.get(match.level, ""), "".join(match.path)]).strip()
    )
    label: Parts = pieces(match.name, marks)
    return {"kind": "division", "label": label, "note": note, "query": match.name}
