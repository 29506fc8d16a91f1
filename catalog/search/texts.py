"""Find texts by a word: as it stands, as pinyin, as initials, or with one mistake; each find with how good it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from catalog.search.arrays import Array
from catalog.search.build import INITIAL_LETTERS
from catalog.search.folding import fold, is_latin
from catalog.search.neighbours import Neighbours, is_one_mistake
from catalog.search.pieces import CHARACTERS, INITIALS, SYLLABLES, U32, Hits, Pieces
from catalog.search.sounds import parses, readings, spellings

COMPARED = 500
SHORTEST_MISTAKEN = 2
SHORTEST_MISTAKEN_PINYIN = 4


Part = tuple[U32, Array]


class How(IntEnum):
    """How a word was found in a text, the best first."""

    WHOLE = 0
    BEGINNING = 1
    INSIDE = 2
    PINYIN = 3
    PINYIN_BEGINNING = 4
    PINYIN_INSIDE = 5
    INITIALS = 6
    INITIALS_BEGINNING = 7
    INITIALS_INSIDE = 8
    SAME_SOUND = 9
    MISTAKEN = 10
    MISTAKEN_INSIDE = 11
    NOT = 255


@dataclass(frozen=True)
class Found:
    """Texts in ascending order, and how each was found (a :class:`How`); one line for each text."""

    texts: U32
    how: Array

    @classmethod
    def of(cls, parts: Iterable[tuple[U32, Array]], count: int) -> Found:
        """Join finds among ``count`` texts: a text counts as it was found best."""
        joined = [(texts, how) for texts, how in parts if len(texts)]
        dense = np.full(count, How.NOT, np.uint8)
        kinds = {int(kind) for _, how in joined for kind in np.flatnonzero(np.bincount(how))}
        for kind in sorted(kinds, reverse=True):
            for texts, how in joined:
                dense[texts[how == kind]] = kind
        texts = np.flatnonzero(dense != How.NOT).astype(np.uint32)
        return cls(texts, dense[texts])

    def dense(self, count: int) -> Array:
        """Return how every one of ``count`` texts was found."""
        how = np.full(count, How.NOT, np.uint8)
        how[self.texts] = self.how
        return how

    def best(self, count: int) -> list[int]:
        """Return the best texts, by how they were found and then by rank."""
        found: list[int] = []
        for kind in np.flatnonzero(np.bincount(self.how)) if len(self.how) else ():
            found += self.texts[self.how == kind][: count - len(found)].tolist()
            if len(found) == count:
                break
        return found


class TextIndex:
    """The index over distinct texts, numbered in the order of their rank."""

    def __init__(self, arrays: Mapping[str, Array], syllables: Sequence[str]) -> None:
        held = dict(arrays)
        self._codes, self._starts = held["codes"], held["starts"]
        self._alphabet, self._cuts = held["alphabet"], held["cuts"]
        self._characters, self._syllables = Pieces(CHARACTERS, held), Pieces(SYLLABLES, held)
        self._initials = Pieces(INITIALS, held)
        self._near_characters = Neighbours(held["near.characters"])
        self._near_letters = Neighbours(held["near.letters"])
        self._names = list(syllables)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def text(self, number: int) -> str:
        """Return a text as it was given."""
        part = self._codes[self._starts[number] : self._starts[number + 1]]
        return part.tobytes().decode("utf-32-le", "surrogatepass")

    def find(self, word: str) -> Found:
        """Return the texts that hold a folded word without any mistake."""
        if not is_latin(word):
            return self._joined(self._as_it_stands(word))
        if len(word) == 1:
            return self._joined(self._as_it_stands(word), self._as_initials(word))
        return self._joined(self._as_it_stands(word), self._as_pinyin(word), self._as_initials(word))

    def find_near(self, word: str) -> Found:
        """Return the texts that a folded word with one mistake may mean: whole texts, or for want of them parts of texts."""
        if is_latin(word):
            if len(word) < SHORTEST_MISTAKEN_PINYIN:
                return self._joined()
            near = self._near(word, self._near_letters, spellings)
            return near if len(near.texts) else self._near_inside(word)
        if len(word) < SHORTEST_MISTAKEN:
            return self._joined()
        near = self._joined(self._same_sound(word), self._near(word, self._near_characters, lambda text: (text,)))
        return near if len(near.texts) else self._near_inside(word)

    def holds(self, word: str) -> bool:
        """Tell whether some text begins with a word or holds its first few characters."""
        run = self._run(word)
        return run is not None and self._characters.count(run) > 0

    @cached_property
    def _number_of(self) -> dict[str, int]:
        return {chr(code): place for place, code in enumerate(self._alphabet.tolist(), start=1)}

    @cached_property
    def _syllable_of(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._names, start=1)}

    @cached_property
    def _begun(self) -> dict[str, tuple[int, int]]:
        """Return beginning of a syllable -> the first and last syllable that begin so."""
        ranges: dict[str, tuple[int, int]] = {}
        for place, name in enumerate(self._names, start=1):
            for length in range(1, len(name) + 1):
                first, _ = ranges.get(name[:length], (place, place))
                ranges[name[:length]] = (first, place)
        return ranges

    def _run(self, word: str) -> list[int] | None:
        numbers = [self._number_of.get(character) for character in word]
        return None if None in numbers else [number for number in numbers if number is not None]

    def _as_it_stands(self, word: str) -> Part:
        run = self._run(word)
        return _graded(self._characters.find(run), How.WHOLE) if run else NONE

    def _as_pinyin(self, word: str) -> Found:
        found = []
        for way in parses(word, self._names):
            last = self._begun[way[-1]]
            run = [*(self._syllable_of[name] for name in way[:-1]), self._syllable_of.get(way[-1], 0)]
            found.append(_graded(self._syllables.find(run, last), How.PINYIN))
        return self._joined(*found)

    def _as_initials(self, word: str) -> Part:
        run = [INITIAL_LETTERS.index(letter) + 1 for letter in word]
        return _graded(self._initials.find(run), How.INITIALS)

    def _same_sound(self, word: str) -> Part:
        """Return texts that sound like the word throughout, as a wrong choice in an input method does."""
        ways = [found[0] for character in word if (found := readings(character))]
        if len(ways) < SHORTEST_MISTAKEN or any(name not in self._syllable_of for name in ways):
            return NONE
        hits = self._syllables.find([self._syllable_of[name] for name in ways])
        return hits.texts, np.where(hits.whole, How.SAME_SOUND, How.MISTAKEN_INSIDE).astype(np.uint8)

    def _joined(self, *parts: Part | Found) -> Found:
        return Found.of(((p.texts, p.how) if isinstance(p, Found) else p for p in parts), len(self))

    def _near(self, word: str, table: Neighbours, ways: Callable[[str], Iterable[str]]) -> Found:
        """Return the texts that are one mistake away, or are so without the kind at their end; ``ways`` spells a text."""
        numbers = table.near(word)
        cuts = self._cuts[numbers].tolist()
        texts, hows = [], []
        for number, cut in zip(numbers.tolist(), cuts, strict=True):
            text = fold(self.text(number))
            if any(is_one_mistake(word, way) for way in ways(text)):
                hows.append(How.MISTAKEN)
            elif cut and any(is_one_mistake(word, way) for way in ways(text[:-cut])):
                hows.append(How.MISTAKEN_INSIDE)
            else:
                continue
            texts.append(number)
        return Found(np.array(texts, np.uint32), np.array(hows, np.uint8))

    def _near_inside(self, word: str) -> Found:
        """Return texts with a part that is one mistake away: one half of the word is right, and tells where to look."""
        half = len(word) // 2
        found: list[int] = []
        for piece, before in ((word[:half], 0), (word[half:], half)):
            if len(piece) < SHORTEST_MISTAKEN:
                continue
            best = self._joined(self._as_it_stands(piece)).best(COMPARED)
            found += [number for number in best if _has_near_part(word, fold(self.text(number)), piece, before)]
        kept = np.unique(np.array(found, np.uint32))
        return Found(kept, np.full(len(kept), How.MISTAKEN_INSIDE, np.uint8))


NONE: Part = (np.empty(0, np.uint32), np.empty(0, np.uint8))


def _graded(hits: Hits, best: How) -> Part:
    """Return ``best`` for whole texts, the next for beginnings, the one after for the rest."""
    how = np.full(len(hits.texts), best + 2, np.uint8)
    how -= hits.begins
    how -= hits.whole
    return hits.texts, how


def _has_near_part(word: str, text: str, piece: str, before: int) -> bool:
    at = text.find(piece)
    while at >= 0:
        start = at - before
        for shift in (0, 1, -1):
            for size in (len(word), len(word) + 1, len(word) - 1):
                first = max(0, start + (shift if before else 0))
                if is_one_mistake(word, text[first : first + size]):
                    return True
        at = text.find(piece, at + 1)
    return False
