"""What a resource is made from and what is made from it, without the technical layers in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TECHNICAL = frozenset({"staging", "intermediate"})
FURTHEST = 4


@dataclass(frozen=True)
class Lineage:
    """Names by their distance from the resource: -1 its sources, 0 itself, 1 and more what is made; and who feeds whom."""

    columns: dict[int, list[str]]
    edges: list[tuple[str, str]]


def lineage_of(rows: Iterable[Mapping[str, str]], key: str) -> Lineage:
    """Return the lineage around ``key`` from (upstream, downstream) rows."""
    pairs = _without_technical({(row["upstream"], row["downstream"]) for row in rows})
    distance = {key: 0} | {a: -1 for a, b in pairs if b == key and a != key}
    frontier = {key}
    for step in range(1, FURTHEST):
        frontier = {b for a, b in pairs if a in frontier} - distance.keys()
        distance |= dict.fromkeys(frontier, step)
    columns: dict[int, list[str]] = {}
    for name in sorted(distance):
        columns.setdefault(distance[name], []).append(name)
    edges = sorted((a, b) for a, b in pairs if a in distance and b in distance and distance[a] < distance[b])
    return Lineage(dict(sorted(columns.items())), edges)


def column_lineage_of(rows: Iterable[Mapping[str, str]], key: str, column: str) -> Lineage:
    """Return the lineage around one column; names are ``schema.table.column``."""
    joined = ({side: f"{row[side]}.{row[f'{side}_column']}" for side in ("upstream", "downstream")} for row in rows)
    return lineage_of(joined, f"{key}.{column}")


def column_impact(rows: Iterable[Mapping[str, str]], key: str) -> dict[str, list[str]]:
    """Return column of ``key`` -> the columns ``schema.table.column`` that are computed from it, technical ones skipped."""
    after: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        start = (row["upstream"], row["upstream_column"])
        after.setdefault(start, set()).add((row["downstream"], row["downstream_column"]))
    found: dict[str, list[str]] = {}
    for table, column in sorted(place for place in after if place[0] == key):
        seen: set[tuple[str, str]] = set()
        waiting = [(table, column)]
        while waiting:
            fresh = after.get(waiting.pop(), set()) - seen
            seen |= fresh
            waiting += fresh
        reached = sorted(".".join(place) for place in seen if not _is_technical(place[0]))
        if reached:
            found[column] = reached
    return found


def _without_technical(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Join what technical tables stand between."""
    after: dict[str, set[str]] = {}
    for upstream, downstream in pairs:
        after.setdefault(upstream, set()).add(downstream)
    found = set()
    for name in after:
        if _is_technical(name):
            continue
        seen, waiting = {name}, list(after[name])
        while waiting:
            target = waiting.pop()
            if target in seen:
                continue
            seen.add(target)
            if _is_technical(target):
                waiting += after.get(target, set())
            else:
                found.add((name, target))
    return found


def _is_technical(name: str) -> bool:
    return name.partition(".")[0] in TECHNICAL
