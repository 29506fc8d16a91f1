"""The JSON form of what the catalogue says; pages give the same at ``….json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from catalog.api.facts import Row
from catalog.api.listed import Listed
from catalog.api.search import PAGE_SIZE, Found
from catalog.api.values import plain
from catalog.search.entries import Reason


def found_json(found: Found) -> Row:
    """Return a page of the catalogue."""
    return {
        "data": [listed_json(line) | {"why": [_reason(r) for r in found.why[line.entry.key]]} for line in found.lines],
        "page": {
            "number": found.page,
            "pages": found.pages,
            "size": PAGE_SIZE,
            "count": len(found.lines),
            "total": found.total,
        },
        "facets": {name: [asdict(choice) for choice in choices] for name, choices in found.facets.items()},
    }


def _reason(reason: Reason) -> Row:
    """Return why a line was found: the text whole, and where its marks are."""
    text, marks = "", []
    for part, is_marked in reason.parts:
        if is_marked:
            marks.append([len(text), len(text) + len(part)])
        text += part
    return {"field": reason.field, "text": text, "spans": marks, "word": reason.word, "way": reason.way}


def listed_json(line: Listed) -> Row:
    """Return one line of the catalogue."""
    entry = line.entry
    return {
        "key": entry.key,
        "name": entry.name,
        "resource_code": entry.resource_code,
        "category": entry.category_path,
        "provider": entry.provider_name,
        "summary": entry.summary,
        "share_type": entry.share_type,
        "share_type_name": entry.share_type_name,
        "update_cycle": entry.update_cycle,
        "grade": entry.grade,
        "grade_name": entry.grade_name,
        "maturity": entry.maturity,
        "topic": line.topic_name,
        "row_count": line.row_count,
        "supply": line.supply,
        "newest_on": line.newest_on,
        "score": line.score,
    }


def detail_json(detail: Row) -> Row:
    """Return everything about one resource, the printed form's fields under ``labelled`` by their Chinese names."""
    entry, lineage = asdict(detail["entry"]), asdict(detail["lineage"])
    graph = detail.get("column_graph")
    if graph:
        detail = {**detail, "column_graph": {**graph, "lineage": asdict(graph["lineage"])}}
    shown: Any = plain({**detail, "entry": entry, "labelled": dict(detail["labelled"]), "lineage": lineage})
    return dict(shown)
