"""Pinyin without tones: the readings of a character, and the syllables that typed letters may mean."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from pypinyin import Style, pinyin
from pypinyin.constants import PHRASES_DICT
from pypinyin.contrib.tone_convert import to_normal

from catalog.search.folding import fold, fold_character

MOST_READINGS = 3
SHARE = 0.02
MOST_WAYS = 16
MOST_PARSES = 8
LONGEST_SYLLABLE = 6
# Readings that are rare in words and known from names of places: 六安, 乐亭, 落 in 上海, 铅山, 番禺, 巷道, 鸭绿江.
OF_PLACES = {
    "六": "lu",
    "乐": "lao",
    "落": "lao",
    "铅": "yan",
    "番": "pan",
    "巷": "hang",
    "绿": "lu",
    "碌": "liu",
    "尾": "yi",
}


@lru_cache(maxsize=65536)
def readings(character: str) -> tuple[str, ...]:
    """Return the readings of a character, the usual one first; a letter or digit reads as itself, a sign not at all.

    A reading counts when a fiftieth of the words with that character have it: 会 is ``hui``, and ``kuai`` is left out.
    """
    folded = fold_character(character)
    if folded.isascii():
        return (folded,) if folded.isalnum() else ()
    found = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
    sounds = list(dict.fromkeys(s for s in (found[0] if found else []) if s.isascii() and s.isalpha()))
    counts = _used().get(character, Counter())
    total = sum(counts.values())
    kept = [sound for sound in sounds if sound == sounds[0] or counts[sound] >= SHARE * total]
    kept.sort(key=lambda sound: -counts[sound])
    rare = OF_PLACES.get(character)
    return tuple(dict.fromkeys([*kept[:MOST_READINGS], *([rare] if rare else [])]))


@cache
def _used() -> dict[str, Counter[str]]:
    """Return how often each character has each reading in the words of pypinyin's dictionary."""
    used: dict[str, Counter[str]] = {}
    plain = lru_cache(maxsize=None)(to_normal)
    for word, sounds in PHRASES_DICT.items():
        for character, heard in zip(word, sounds, strict=False):
            used.setdefault(character, Counter())[plain(heard[0])] += 1
    return used


def spellings(text: str) -> Iterator[str]:
    """Return the pinyin of a text in one piece, once for each way to read it (at most :data:`MOST_WAYS`)."""
    ways = itertools.product(*(found for character in text if (found := readings(character))))
    return map("".join, itertools.islice(ways, MOST_WAYS))


def parses(letters: str, syllables: Sequence[str]) -> list[list[str]]:
    """Return the ways to read typed letters as syllables, of which the last may be unfinished; the fewest syllables first.

    ``syllables`` are all there are. A lone consonant is read only where nothing else fits, as in ``3dongb``.
    """
    known = frozenset(syllables)
    begun = {name[:length] for name in syllables for length in range(1, len(name) + 1)}
    return _parses(letters, known, begun)


def _parses(letters: str, known: frozenset[str], begun: set[str]) -> list[list[str]]:
    best: list[list[list[str]]] = [[] for _ in range(len(letters) + 1)]
    best[-1] = [[]]
    for start in range(len(letters) - 1, -1, -1):
        found = []
        for piece in _pieces(letters, start, known, begun):
            found += [[piece, *rest] for rest in best[start + len(piece)]]
        found.sort(key=lambda parse: (len(parse), [-len(piece) for piece in parse]))
        best[start] = found[:MOST_PARSES]
    return best[0]


def _pieces(letters: str, start: int, known: frozenset[str], begun: set[str]) -> Iterator[str]:
    left = len(letters) - start
    for length in range(1, min(LONGEST_SYLLABLE, left) + 1):
        piece = letters[start : start + length]
        if piece in known or (length == left and piece in begun):
            yield piece


def sounding(text: str, word: str) -> tuple[int, int] | None:
    """Return the characters (start, end) of a text that a word of letters spells: in full, or by initials; None for none."""
    heard = [(place, found) for place, character in enumerate(fold(text)) if (found := readings(character))]
    for spelled in (_spelled, _initial):
        for first in range(len(heard)):
            last = spelled(heard, first, word)
            if last is not None:
                return heard[first][0], heard[last][0] + 1
    return None


def _spelled(heard: list[tuple[int, tuple[str, ...]]], first: int, word: str) -> int | None:
    """Return the last character that the word reaches when it is spelled out from ``first``."""
    reached = {0}
    for number in range(first, len(heard)):
        following = set()
        for done in reached:
            rest = word[done:]
            for sound in heard[number][1]:
                if sound.startswith(rest):
                    return number
                if rest.startswith(sound):
                    following.add(done + len(sound))
        reached = following
        if not reached:
            return None
    return None


def _initial(heard: list[tuple[int, tuple[str, ...]]], first: int, word: str) -> int | None:
    last = first + len(word) - 1
    if last >= len(heard):
        return None
    fits = all(any(sound[0] == letter for sound in heard[first + number][1]) for number, letter in enumerate(word))
    return last if fits else None
