"""The catalogue's list: words, facets with counts, order and pages, over columns that are made once for a publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from catalog.api.listed import Listed
from catalog.search.entries import NOWHERE, EntryHits, EntryIndex, Reason
from catalog.search.sounds import spellings

PATH = "/catalogue"
PAGE_SIZE = 20
LONGEST_QUERY = 100
LAST_PAGE = 10_000
NOT_PUBLISHED = "none"
GOOD_SCORE, FAIR_SCORE = 98.0, 90.0
Chosen = Mapping[str, frozenset[str]]
Values = Sequence[tuple[str, str | None]]


@dataclass(frozen=True)
class Facet:
    """One way to narrow the list. ``read`` gives a line's (value, label), of a tree one for each level from the top; a
    value without a label is said in texts."""

    name: str
    read: Callable[[Listed], Values]


@dataclass(frozen=True)
class Choice:
    """One value of a facet: how many lines it leaves, whether it is chosen, and how deep in a tree it stands."""

    value: str
    label: str | None
    count: int
    is_chosen: bool
    depth: int = 0


def _categories(line: Listed) -> Values:
    """Return 类, 项 and 目 of a line: each level's code begins with the one above it."""
    names = line.entry.category_path.split("/")
    code = line.entry.resource_code.partition("/")[0]
    return [(code[:length], name) for length, name in zip((1, 3, 6), names, strict=False)]


def _quality(line: Listed) -> Values:
    if line.score is None:
        return [(NOT_PUBLISHED, None)]
    if line.score >= GOOD_SCORE:
        return [("good", "98 分及以上")]
    return [("fair", "90 至 98 分")] if line.score >= FAIR_SCORE else [("poor", "90 分以下")]


FACETS = (
    Facet("group", _categories),
    Facet("dept", lambda line: [(line.dept, line.entry.provider_name)]),
    Facet("share", lambda line: [(str(line.entry.share_type), line.entry.share_type_name)]),
    Facet("supply", lambda line: [(line.supply or NOT_PUBLISHED, line.supply)]),
    Facet("cycle", lambda line: [(line.entry.update_cycle, line.entry.update_cycle)]),
    Facet("grade", lambda line: [(str(line.entry.grade), line.entry.grade_name)]),
    Facet("maturity", lambda line: [(line.entry.maturity, line.entry.maturity)]),
    Facet("quality", _quality),
    Facet("topic", lambda line: [(line.topic, line.topic_name)]),
)
ORDERS = {
    "supply": ("按时", "逾期", "未供", NOT_PUBLISHED),
    "cycle": ("实时", "每日", "每周", "每月", "每季度", "每年"),
    "maturity": ("金", "银", "铜"),
    "quality": ("good", "fair", "poor", NOT_PUBLISHED),
}
SORTS: dict[str, Callable[[Listed], Any]] = {
    "name": lambda line: next(spellings(line.entry.name), ""),
    "dept": lambda line: next(spellings(line.entry.provider_name), ""),
    "rows": lambda line: line.row_count if line.row_count is not None else -1,
    "score": lambda line: line.score if line.score is not None else -1.0,
    "newest": lambda line: line.newest_on or "",
}


@dataclass(frozen=True)
class Query:
    """What is looked for: words, chosen facet values, order (``""``: by code; ``-name``: descending) and page."""

    words: str
    chosen: Chosen
    sort: str
    page: int

    @classmethod
    def read(cls, params: Sequence[tuple[str, str]]) -> Query:
        """Read query parameters; what is not understood is left out, so that an old bookmark still opens."""
        names = {facet.name for facet in FACETS}
        chosen: dict[str, set[str]] = {}
        for name, value in params:
            if name in names and value:
                chosen.setdefault(name, set()).add(value[:LONGEST_QUERY])
        given = dict(params)
        sort = given.get("sort", "")
        return cls(
            words=given.get("q", "").strip()[:LONGEST_QUERY],
            chosen={name: frozenset(values) for name, values in chosen.items()},
            sort=sort if sort.removeprefix("-") in SORTS else "",
            page=page_number(given.get("page", "")),
        )

    def url(self, **changes: Any) -> str:
        """Return the address of this query with some parts changed; parts at their default are left out."""
        parts: dict[str, Any] = {"q": self.words, **self.chosen, "sort": self.sort, "page": self.page} | changes
        pairs: list[tuple[str, str]] = []
        for name, value in parts.items():
            values = sorted(value) if isinstance(value, frozenset) else [value]
            pairs += [(name, str(v)) for v in values if v not in ("", None, 1)]
        return f"{PATH}?{urlencode(pairs)}" if pairs else PATH

    def toggled(self, facet: str, value: str) -> str:
        """Return the address with one facet value switched, from the first page."""
        held = self.chosen.get(facet, frozenset())
        return self.url(page=1, **{facet: held ^ {value}})

    def sorted_by(self, name: str) -> str:
        """Return the address sorted by a column: first its natural order, then the other way round, then by code."""
        descending_first = name in ("rows", "score", "newest")
        turns = ["", f"-{name}", name] if descending_first else ["", name, f"-{name}"]
        turn = turns.index(self.sort) if self.sort in turns else 0
        return self.url(page=1, sort=turns[(turn + 1) % 3])

    def cleared(self) -> str:
        """Return the address without any choice, words and order kept."""
        return self.url(page=1, **{facet.name: None for facet in FACETS})


@dataclass(frozen=True)
class Found:
    """A page of results with the facets around it; ``why`` says where each line matched."""

    query: Query
    lines: list[Listed]
    why: dict[str, list[Reason]]
    total: int
    page: int
    pages: int
    facets: dict[str, list[Choice]]


class _Column:
    """One facet of all lines: for each level, the number of each line's value, or -1."""

    def __init__(self, facet: Facet, lines: Sequence[Listed]) -> None:
        read = [facet.read(line) for line in lines]
        self.depth_of: dict[str, int] = {}
        self.labels: dict[str, str | None] = {}
        for values in read:
            for depth, (value, label) in enumerate(values):
                self.depth_of.setdefault(value, depth)
                self.labels.setdefault(value, label)
        self.values = list(self.depth_of)
        number = {value: place for place, value in enumerate(self.values)}
        depths = max(self.depth_of.values(), default=0) + 1
        self._levels = np.full((depths, len(lines)), -1, np.int32)
        for place, values in enumerate(read):
            for depth, (value, _) in enumerate(values):
                self._levels[depth, place] = number[value]

    def fits(self, chosen: frozenset[str]) -> NDArray[np.bool_]:
        """Return which lines have one of these values."""
        wanted = np.array([value in chosen for value in self.values] + [False])
        return np.asarray(wanted[self._levels].any(axis=0), np.bool_)

    def counts(self, kept: NDArray[np.bool_]) -> list[int]:
        """Return how many of the kept lines have each value."""
        held = self._levels[:, kept]
        counted: list[int] = np.bincount(held[held >= 0], minlength=len(self.values)).tolist()
        return counted


class Listing:
    """All lines of one publish, ready to be searched; ``index`` numbers the entries as ``lines`` come."""

    def __init__(self, lines: Sequence[Listed], index: EntryIndex) -> None:
        self._lines, self._index = list(lines), index
        self._orders: dict[str, NDArray[np.int64]] = {}

    def search(self, query: Query) -> Found:
        """Filter, sort and cut. A facet's counts leave its own choice aside, so that they tell what a change would give.

        With words and no other order, the best comes first; else lines stand in the order they were given.
        """
        hits = self._index.search(query.words)
        is_hit = hits.score < NOWHERE
        fits = {name: self._columns[name].fits(values) for name, values in query.chosen.items()}
        kept = _all_of([is_hit, *fits.values()])
        order = self._order(query.sort, hits)
        places = order[kept[order]]
        pages = max(1, -(-len(places) // PAGE_SIZE))
        page = min(query.page, pages)
        shown = places[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].tolist()
        facets = {}
        for facet in FACETS:
            others = [mask for name, mask in fits.items() if name != facet.name]
            facets[facet.name] = self._choices(facet.name, _all_of([is_hit, *others]), query.chosen)
        return Found(
            query=query,
            lines=[self._lines[place] for place in shown],
            why={self._lines[place].entry.key: hits.why(place) for place in shown},
            total=len(places),
            page=page,
            pages=pages,
            facets=facets,
        )

    @cached_property
    def _columns(self) -> dict[str, _Column]:
        return {facet.name: _Column(facet, self._lines) for facet in FACETS}

    def _order(self, sort: str, hits: EntryHits) -> NDArray[np.int64]:
        if not sort:
            return np.argsort(hits.score, kind="stable")
        if sort not in self._orders:
            keys = [SORTS[sort.removeprefix("-")](line) for line in self._lines]
            places = sorted(range(len(keys)), key=keys.__getitem__, reverse=sort.startswith("-"))
            self._orders[sort] = np.array(places, np.int64)
        return self._orders[sort]

    def _choices(self, name: str, kept: NDArray[np.bool_], chosen: Chosen) -> list[Choice]:
        """Return the values in an order of their own, so that they keep their places while the list narrows.

        Of a tree, the third level is shown below what is chosen only.
        """
        column, mine = self._columns[name], chosen.get(name, frozenset())
        found = [
            Choice(value, column.labels[value], count, value in mine, column.depth_of[value])
            for value, count in zip(column.values, column.counts(kept), strict=True)
            if value in mine
            or (count and (column.depth_of[value] < 2 or any(value.startswith(v[:3]) for v in mine if len(v) > 2)))
        ]
        found += [Choice(value, value, 0, True) for value in sorted(mine - set(column.values))]
        first = ORDERS.get(name, ())
        return sorted(found, key=lambda c: (first.index(c.value) if c.value in first else len(first), c.value))


def _all_of(masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.asarray(np.stack(list(masks)).all(axis=0), np.bool_)


def page_number(text: str) -> int:
    """Return the page that a query string asks for; the first one when it is no page number."""
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 6 else 1
