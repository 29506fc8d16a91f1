"""Find entries: words anywhere in name, code, department, summary or items, in characters, pinyin or initials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

from pypinyin import Style, lazy_pinyin

from catalog.web.reads import Listed

PAGE_SIZE = 20


@cache
def sounds(text: str) -> tuple[str, str]:
    """Return pinyin without tones, and initials."""
    return "".join(lazy_pinyin(text)), "".join(lazy_pinyin(text, style=Style.FIRST_LETTER))


@dataclass(frozen=True)
class Facet:
    """One way to narrow the list: its parameter, its label, and the values with their counts."""

    name: str
    label: str
    values: tuple[tuple[str, int, bool], ...]


FACETS = {
    "group": "类项",
    "provider": "提供单位",
    "share": "共享属性",
    "cycle": "更新周期",
    "grade": "分级",
    "maturity": "成熟度",
    "supply": "供应状态",
}


def facet_values(line: Listed) -> dict[str, str]:
    """Return the value of a line for every facet."""
    entry = line.entry
    return {
        "group": " / ".join(entry.category_path.replace("／", "/").split("/")[:2]).strip(),
        "provider": entry.provider_name,
        "share": entry.share_type_name,
        "cycle": entry.update_cycle,
        "grade": entry.grade_name,
        "maturity": entry.maturity,
        "supply": line.supply or "尚未发布",
    }


@dataclass(frozen=True)
class Found:
    """A page of results with the facets around it; ``why`` says where each line matched."""

    lines: list[Listed]
    why: dict[str, str]
    total: int
    page: int
    pages: int
    facets: list[Facet]
    query: str
    chosen: Mapping[str, str]

    def url(self, **changes: str | int | None) -> str:
        """Return the address of this list with some parameters changed."""
        params: dict[str, str | int] = {"q": self.query, **self.chosen, "page": self.page}
        for name, value in changes.items():
            if value is None:
                params.pop(name, None)
            else:
                params[name] = value
        return "/catalogue?" + urlencode({name: value for name, value in params.items() if value not in ("", 1)})


def search(lines: Iterable[Listed], query: str, chosen: Mapping[str, str], page: int) -> Found:
    """Filter lines by words and facets. A facet's counts leave its own choice aside, so that it can be changed."""
    words = query.lower().split()
    matching = [(line, _why(line, words)) for line in lines]
    hits = [(line, why) for line, why in matching if why is not None]
    chosen = {name: value for name, value in chosen.items() if name in FACETS and value}
    valued = [(line, why, facet_values(line)) for line, why in hits]
    kept = [item for item in valued if all(item[2][name] == value for name, value in chosen.items())]
    facets = [_facet(name, label, valued, chosen) for name, label in FACETS.items()]
    pages = max(1, -(-len(kept) // PAGE_SIZE))
    page = min(max(1, page), pages)
    shown = kept[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Found(
        lines=[line for line, _, _ in shown],
        why={line.entry.key: why for line, why, _ in shown},
        total=len(kept),
        page=page,
        pages=pages,
        facets=facets,
        query=query,
        chosen=chosen,
    )


def _facet(name: str, label: str, valued: list[tuple[Listed, str, dict[str, str]]], chosen: Mapping[str, str]) -> Facet:
    others = {other: value for other, value in chosen.items() if other != name}
    counts = Counter(values[name] for _, _, values in valued if all(values[o] == v for o, v in others.items()))
    return Facet(name, label, tuple((value, count, chosen.get(name) == value) for value, count in counts.most_common()))


def _why(line: Listed, words: list[str]) -> str | None:
    """Return where the words matched ("" without words), or None when one of them matches nowhere."""
    entry = line.entry
    fields = (
        ("名称", entry.name),
        ("代码", f"{entry.resource_code} {entry.key}"),
        ("提供单位", entry.provider_name),
        ("信息项", " ".join(f"{item.business_name} {item.name}" for item in entry.items)),
        ("摘要", entry.summary),
    )
    places: list[str] = []
    for word in words:
        place = next((label for label, text in fields if _matches(word, text)), None)
        if place is None:
            return None
        places.append(place)
    return "、".join(dict.fromkeys(places))


def _matches(word: str, text: str) -> bool:
    if word in text.lower():
        return True
    return word.isascii() and word.isalpha() and any(word in sound for sound in sounds(text))
