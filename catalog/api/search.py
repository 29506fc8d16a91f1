"""Find entries: words anywhere in name, code, department, items or summary, as characters, pinyin or initials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from pypinyin import Style, lazy_pinyin

from catalog.api.reads import Listed

PATH = "/catalogue"
PAGE_SIZE = 20
LONGEST_QUERY = 100
LAST_PAGE = 10_000
SHOWN_MATCHES = 3
NOT_PUBLISHED = "none"
Chosen = Mapping[str, frozenset[str]]


@lru_cache(maxsize=8192)
def sounds(text: str) -> tuple[str, str]:
    """Return pinyin without tones, and initials."""
    return "".join(lazy_pinyin(text)), "".join(lazy_pinyin(text, style=Style.FIRST_LETTER))


@dataclass(frozen=True)
class Facet:
    """One way to narrow the list. ``read`` gives a line's (value, label); a value without a label is said in texts."""

    name: str
    read: Callable[[Listed], tuple[str, str | None]]


@dataclass(frozen=True)
class Choice:
    """One value of a facet: how many lines it leaves, and whether it is chosen."""

    value: str
    label: str | None
    count: int
    is_chosen: bool


FACETS = (
    Facet("group", lambda line: (line.group, " / ".join(line.entry.category_path.split("/")[:2]))),
    Facet("dept", lambda line: (line.dept, line.entry.provider_name)),
    Facet("share", lambda line: (str(line.entry.share_type), line.entry.share_type_name)),
    Facet("supply", lambda line: (line.supply or NOT_PUBLISHED, line.supply)),
    Facet("cycle", lambda line: (line.entry.update_cycle, line.entry.update_cycle)),
    Facet("grade", lambda line: (str(line.entry.grade), line.entry.grade_name)),
    Facet("maturity", lambda line: (line.entry.maturity, line.entry.maturity)),
    Facet("topic", lambda line: (line.topic, line.topic_name)),
)
ORDERS = {
    "supply": ("按时", "逾期", "未供", NOT_PUBLISHED),
    "cycle": ("实时", "每日", "每周", "每月", "每季度", "每年"),
    "maturity": ("金", "银", "铜"),
}
SORTS: dict[str, Callable[[Listed], Any]] = {
    "name": lambda line: sounds(line.entry.name)[0],
    "dept": lambda line: sounds(line.entry.provider_name)[0],
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
    why: dict[str, str]
    total: int
    page: int
    pages: int
    facets: dict[str, list[Choice]]


def page_number(text: str) -> int:
    """Return the page that a query string asks for; the first one when it is no page number."""
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def search(lines: Iterable[Listed], query: Query) -> Found:
    """Filter, sort and cut. A facet's counts leave its own choice aside, so that they tell what a change would give."""
    words = query.words.lower().split()
    why = {line.entry.key: _why(line, words) for line in lines}
    hits = [line for line in lines if why[line.entry.key] is not None]
    kept = [line for line in hits if _fits(line, query.chosen)]
    if query.sort:
        kept.sort(key=SORTS[query.sort.removeprefix("-")], reverse=query.sort.startswith("-"))
    pages = max(1, -(-len(kept) // PAGE_SIZE))
    page = min(query.page, pages)
    shown = kept[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Found(
        query=query,
        lines=shown,
        why={line.entry.key: why[line.entry.key] or "" for line in shown},
        total=len(kept),
        page=page,
        pages=pages,
        facets={facet.name: _choices(facet, hits, query.chosen) for facet in FACETS},
    )


def _fits(line: Listed, chosen: Chosen, *, without: str = "") -> bool:
    return all(
        facet.read(line)[0] in chosen[facet.name] for facet in FACETS if facet.name in chosen and facet.name != without
    )


def _choices(facet: Facet, hits: list[Listed], chosen: Chosen) -> list[Choice]:
    """Return the values in an order of their own, so that they keep their places while the list narrows."""
    mine = chosen.get(facet.name, frozenset())
    counts = Counter(facet.read(line)[0] for line in hits if _fits(line, chosen, without=facet.name))
    labels = dict(facet.read(line) for line in hits)
    values = [*counts, *sorted(mine - counts.keys())]
    found = [Choice(value, labels.get(value, value), counts[value], value in mine) for value in values]
    first = ORDERS.get(facet.name, ())
    return sorted(
        found, key=lambda choice: (first.index(choice.value) if choice.value in first else len(first), choice.value)
    )


def _why(line: Listed, words: list[str]) -> str | None:
    """Return where the words matched ("" without words), or None when one of them matches nowhere."""
    places: list[str] = []
    for word in words:
        place = _place(line, word)
        if place is None:
            return None
        places.append(place)
    return "；".join(dict.fromkeys(places))


def _place(line: Listed, word: str) -> str | None:
    entry = line.entry
    fields = (("名称", entry.name), ("代码", f"{entry.resource_code} {entry.key}"), ("提供单位", entry.provider_name))
    for label, text in fields:
        if matches(word, text):
            return label
    items = [item.business_name for item in entry.items if matches(word, item.business_name) or word in item.name]
    if items:
        more = "等" if len(items) > SHOWN_MATCHES else ""
        return f"信息项 {'、'.join(items[:SHOWN_MATCHES])}{more}"
    return "摘要" if matches(word, entry.summary) else None


def matches(word: str, text: str) -> bool:
    """Tell whether a lower-case word is in a text: as it is, or as pinyin or initials when it is made of letters."""
    if word in text.lower():
        return True
    return len(word) > 1 and word.isascii() and word.isalpha() and any(word in sound for sound in sounds(text))
