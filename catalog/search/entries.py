"""Find catalogue entries by words in their name, code, provider, items and summary, and say why each was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from catalog.derive.catalogue import CatalogueEntry
from catalog.search.arrays import Array
from catalog.search.build import build_texts
from catalog.search.folding import words_of
from catalog.search.marking import Span, pieces, spans, way_of
from catalog.search.synonyms import Synonyms
from catalog.search.texts import Found, How, TextIndex

NOWHERE = 1 << 20
BY_SYNONYM = 16
FIELD_STEP = 4
SHOWN_ITEMS = 3
SUMMARY_SHOWN = 60
SYNONYM = "同义词"


class Field(IntEnum):
    """Where words are looked for, the most telling first."""

    NAME = 0
    CODE = 1
    PROVIDER = 2
    ITEM = 3
    SUMMARY = 4


LABELS = {
    Field.NAME: "名称",
    Field.CODE: "代码",
    Field.PROVIDER: "提供单位",
    Field.ITEM: "信息项",
    Field.SUMMARY: "摘要",
}


@dataclass(frozen=True)
class Reason:
    """Why an entry was found: the field and its text cut into (part, is marked), the word, and the way if it is not as typed."""

    field: str
    parts: tuple[tuple[str, bool], ...]
    word: str
    way: str


@dataclass(frozen=True)
class _Sought:
    """What one way to write a word found."""

    word: str
    found: Found
    is_synonym: bool


def fields_of(entry: CatalogueEntry) -> list[tuple[Field, str]]:
    """Return the texts in which an entry is found."""
    found = [
        (Field.NAME, entry.name),
        (Field.CODE, entry.resource_code),
        (Field.CODE, entry.key),
        (Field.PROVIDER, entry.provider_name),
        (Field.SUMMARY, entry.summary),
    ]
    for item in entry.items:
        found += [(Field.ITEM, item.business_name), (Field.ITEM, item.name)]
    return [(field, text) for field, text in found if text]


class EntryIndex:
    """An index over entries, numbered as they were given."""

    def __init__(self, entries: Iterable[CatalogueEntry], synonyms: Synonyms | None = None) -> None:
        self._synonyms = synonyms or Synonyms()
        held = [fields_of(entry) for entry in entries]
        texts = sorted({text for fields in held for _, text in fields}, key=lambda text: (len(text), text))
        number = {text: place for place, text in enumerate(texts)}
        self._count = len(held)
        self._texts = TextIndex(*build_texts(texts))
        self._of = np.array([number[text] for fields in held for _, text in fields], np.uint32)
        self._fields = np.array([field for fields in held for field, _ in fields], np.uint8)
        self._starts = np.cumsum([0, *map(len, held)])

    def search(self, query: str) -> EntryHits:
        """Return the entries that have every word of a stranger's query somewhere; without words, all of them.

        A word that is nowhere, its synonyms neither, is looked for with one mistake.
        """
        score = np.zeros(self._count, np.int64)
        asked = []
        for word in words_of(query):
            ways = [_Sought(word, self._texts.find(word), False)]
            ways += [_Sought(other, self._texts.find(other), True) for other in self._synonyms.of(word)]
            if not any(len(way.found.texts) for way in ways):
                ways = [_Sought(word, self._texts.find_near(word), False)]
            asked.append(ways)
            score += np.minimum.reduce([self._score(way) for way in ways])
        return EntryHits(self, score, asked)

    def suggestions(self, query: str, limit: int) -> list[tuple[int, int]]:
        """Return (entry, score) of the best entries for a query, the best first."""
        score = self.search(query).score
        best = np.argsort(score, kind="stable")[:limit]
        return [(int(place), int(score[place])) for place in best if score[place] < NOWHERE]

    def reasons(self, number: int, asked: Sequence[Sequence[_Sought]]) -> list[Reason]:
        """Return why an entry was found: for each word the best field, of items a few."""
        found: list[Reason] = []
        for ways in asked:
            best: dict[Field, list[Reason]] = {}
            for way in ways:
                for field, text, how in self._held(number, way.found):
                    marks = spans(text, way.word, how)
                    if marks:
                        said = SYNONYM if way.is_synonym else way_of(how)
                        best.setdefault(field, []).append(Reason(LABELS[field], _cut(text, marks), way.word, said))
            if best:
                found += best[min(best)][:SHOWN_ITEMS]
        return list(dict.fromkeys(found))

    def _held(self, number: int, found: Found) -> list[tuple[Field, str, How]]:
        held = []
        for place in range(self._starts[number], self._starts[number + 1]):
            at = int(np.searchsorted(found.texts, self._of[place]))
            if at < len(found.texts) and found.texts[at] == self._of[place]:
                held.append((Field(self._fields[place]), self._texts.text(int(self._of[place])), How(found.how[at])))
        return held

    def _score(self, way: _Sought) -> Array:
        if not self._count:
            return np.zeros(0, np.int64)
        how = way.found.dense(len(self._texts))[self._of].astype(np.int64)
        score = how + self._fields.astype(np.int64) * FIELD_STEP + BY_SYNONYM * way.is_synonym
        lowest: Array = np.minimum.reduceat(np.where(how == How.NOT, NOWHERE, score), self._starts[:-1])
        return lowest


@dataclass(frozen=True)
class EntryHits:
    """What a query found: a score for each entry, lower is better, :data:`NOWHERE` and above for none."""

    index: EntryIndex
    score: Array
    asked: Sequence[Sequence[_Sought]]

    def why(self, number: int) -> list[Reason]:
        """Return why an entry was found; nothing without words."""
        return self.index.reasons(number, self.asked)


def _cut(text: str, marks: list[Span]) -> tuple[tuple[str, bool], ...]:
    """Return a text with its marks, a long one from shortly before the first."""
    first = max(0, min(start for start, _ in marks) - SUMMARY_SHOWN // 3) if len(text) > SUMMARY_SHOWN else 0
    shown = text[first : first + SUMMARY_SHOWN]
    moved = [(max(0, start - first), end - first) for start, end in marks if start - first < len(shown)]
    cut = pieces(shown, moved)
    ellipsis = ("…", False)
    return (*([ellipsis] if first else []), *cut, *([ellipsis] if first + SUMMARY_SHOWN < len(text) else []))
