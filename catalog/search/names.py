"""Find named things that stand in a tree - divisions, catalogue items - by their own name and the names above them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from catalog.search.arrays import Array, mapped, opened, pack
from catalog.search.build import build_texts
from catalog.search.folding import words_of
from catalog.search.texts import Found, How, TextIndex

MOST_FOUND = 50
LONGEST_JOINED = 24
DEEPEST = 8
MOST_WALKED = 20_000
WHOLE = frozenset({How.WHOLE, How.PINYIN, How.INITIALS})


@dataclass(frozen=True)
class Named:
    """One thing to find. ``above`` is the place of what it belongs to in the list of all, None for none; what is given
    with it in ``more`` comes back with it. The list holds what belongs to a thing directly after it."""

    ref: str
    name: str
    level: int
    above: int | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """One thing that was found, by which words and how; ``path`` are the names above it, from the top."""

    ref: str
    name: str
    level: int
    path: tuple[str, ...]
    words: tuple[tuple[str, How], ...]
    more: dict[str, Any]


def build_names(things: Sequence[Named]) -> bytes:
    """Return the content of an index file over named things.

    Raises:
        ValueError: something comes before what it belongs to, or apart from the rest that belongs to it.
    """
    lowest: dict[str, int] = {}
    for thing in things:
        lowest[thing.name] = min(thing.level, lowest.get(thing.name, thing.level))
    texts = sorted(lowest, key=lambda name: (len(name), lowest[name], name))
    number = {name: place for place, name in enumerate(texts)}
    arrays, syllables = build_texts(texts)
    of = np.fromiter((number[thing.name] for thing in things), np.uint32, len(things))
    above = np.fromiter((-1 if t.above is None else t.above for t in things), np.int32, len(things))
    levels = np.fromiter((thing.level for thing in things), np.int32, len(things))
    order = np.lexsort((np.arange(len(things)), levels, of)).astype(np.uint32)
    refs = "".join(thing.ref for thing in things).encode()
    more = [(place, thing.more) for place, thing in enumerate(things) if thing.more]
    told = [json.dumps(facts, ensure_ascii=False).encode() for _, facts in more]
    arrays |= {
        "things.text": of,
        "things.above": above,
        "things.end": _ends(above),
        "things.level": levels,
        "things.by_text": order,
        "things.text_starts": np.searchsorted(of[order], np.arange(len(texts) + 1)).astype(np.uint32),
        "refs": np.frombuffer(refs, np.uint8),
        "ref_starts": _starts(len(thing.ref.encode()) for thing in things),
        "more": np.frombuffer(b"".join(told), np.uint8),
        "more_starts": _starts(map(len, told)),
        "more_of": np.array([place for place, _ in more], np.uint32),
    }
    return pack(arrays, {"syllables": syllables})


def _starts(sizes: Iterable[int]) -> Array:
    return np.concatenate([[0], np.cumsum(np.fromiter(sizes, np.int64))]).astype(np.int64)


def _ends(above: Array) -> Array:
    """Return for each thing the place after the last one that belongs to it."""
    ends = np.arange(1, len(above) + 1, dtype=np.uint32)
    for place in range(len(above) - 1, -1, -1):
        parent = above[place]
        if parent >= place:
            raise ValueError(f"thing {place} comes before what it belongs to")
        if parent >= 0 and ends[place] > ends[parent]:
            ends[parent] = ends[place]
    open_: list[int] = []
    for place, parent in enumerate(above.tolist()):
        while open_ and ends[open_[-1]] <= place:
            open_.pop()
        if parent != (open_[-1] if open_ else -1):
            raise ValueError(f"thing {place} is apart from what it belongs to")
        open_.append(place)
    return ends


class NameIndex:
    """An index over named things."""

    def __init__(self, arrays: dict[str, Array], notes: dict[str, Any]) -> None:
        self._texts = TextIndex(arrays, notes["syllables"])
        self._held = arrays
        self._of, self._above, self._end = (arrays[f"things.{name}"] for name in ("text", "above", "end"))

    @classmethod
    def open(cls, path: Path) -> NameIndex:
        """Open an index file; raise ``BadIndex`` or ``OSError``."""
        return cls(*mapped(path))

    @classmethod
    def load(cls, content: bytes) -> NameIndex:
        """Open an index that is in memory."""
        return cls(*opened(content))

    def __len__(self) -> int:
        return len(self._of)

    def search(self, query: str, limit: int = 10) -> list[Match]:
        """Return the best things for a stranger's query, the best first, at most ``limit``.

        Each word must be in the thing's name or in a name above it, one at least in its own. What has no mistake comes
        first; then, while there is room and nothing has all the words as whole names, what is meant when one of them has one. A single word that is nowhere may be
        several without spaces between them, as in ``西湖区文新街道``.
        """
        limit = min(limit, MOST_FOUND)
        words = words_of(query)
        if not words:
            return []
        exact = [self._texts.find(word) for word in words]
        matches = self._matches(words, exact, limit)
        is_meant = any(all(how in WHOLE for _, how in match.words) for match in matches)
        if len(matches) < limit and not is_meant:
            near = self._with_a_mistake(words, exact, limit)
            split = self._split(words[0], limit) if len(words) == 1 and not matches else []
            is_whole = any(how < How.MISTAKEN_INSIDE for match in near for _, how in match.words)
            matches += [*near, *split] if is_whole else [*split, *near]
        first: dict[str, Match] = {}
        for match in matches:
            first.setdefault(match.ref, match)
        return list(first.values())[:limit]

    def thing(self, place: int) -> Match:
        """Return the thing at a place of the list that the index was built from."""
        return self._match(place, [], [])

    def _matches(self, words: Sequence[str], found: Sequence[Found], limit: int) -> list[Match]:
        return [self._match(thing, words, found) for thing in self._things(found, limit)]

    def _with_a_mistake(self, words: Sequence[str], exact: Sequence[Found], limit: int) -> list[Match]:
        """Return what is meant when one of the words has a mistake; for want of that, when each may have one."""
        near = [self._texts.find_near(word) for word in words]
        matches: list[Match] = []
        for number, part in enumerate(near):
            found = [*exact[:number], part, *exact[number + 1 :]]
            matches += self._matches(words, found, limit)
        if matches or len(words) == 1:
            return matches
        every = [Found.of([(f.texts, f.how) for f in pair], len(self._texts)) for pair in zip(exact, near, strict=True)]
        return self._matches(words, every, limit)

    def _split(self, word: str, limit: int) -> list[Match]:
        """Read a word as two, of which one is in the thing's own name, where texts hold both."""
        if len(word) > LONGEST_JOINED:
            return []
        for cut in range(len(word) - 2, 1, -1):
            parts = [word[:cut], word[cut:]]
            if all(map(self._texts.holds, parts)):
                matches = self._matches(parts, [self._texts.find(part) for part in parts], limit)
                if matches:
                    return matches
        return []

    def _things(self, found: Sequence[Found], limit: int) -> list[int]:
        if any(not len(part.texts) for part in found):
            return []
        return self._by_one(found[0], limit) if len(found) == 1 else self._by_all(found, limit)

    def _by_one(self, found: Found, limit: int) -> list[int]:
        things: list[int] = []
        starts, by_text = self._held["things.text_starts"], self._held["things.by_text"]
        for text in found.best(limit):
            things += by_text[starts[text] : min(starts[text + 1], starts[text] + limit - len(things))].tolist()
            if len(things) == limit:
                break
        return things

    def _by_all(self, found: Sequence[Found], limit: int) -> list[int]:
        """Keep what has all the words, its own name or the names above it, and one at least in its own."""
        things = self._candidates(found)
        score, own = np.zeros(len(things), np.uint32), np.zeros(len(things), bool)
        for part in found:
            dense = part.dense(len(self._texts))
            how = dense[self._of[things]]
            own |= how != How.NOT
            here = self._above[things]
            for _ in range(DEEPEST):
                if not (here >= 0).any():
                    break
                how = np.minimum(how, np.where(here >= 0, dense[self._of[here]], How.NOT))
                here = np.where(here >= 0, self._above[here], -1)
            kept = how != How.NOT
            things, score, own = things[kept], score[kept] + how[kept], own[kept]
        things, score = things[own], score[own]
        best = np.lexsort((things, self._of[things], score))
        return list(dict.fromkeys(things[best].tolist()))[:limit]

    def _candidates(self, found: Sequence[Found]) -> Array:
        """Return things that may have all words: what stands below the rarest; or, where that is much, the best of the rest."""
        starts = self._held["things.text_starts"]
        rarest = min(found, key=lambda part: int((starts[part.texts + 1] - starts[part.texts]).sum()))
        roots = self._with(rarest)
        if int((self._end[roots] - roots).sum()) <= MOST_WALKED:
            return _ranges(roots, self._end[roots])
        covered, own = np.ones(len(self), bool), np.zeros(len(self), bool)
        for part in found:
            mine = (part.dense(len(self._texts)) != How.NOT)[self._of]
            roots = np.flatnonzero(mine & self._has_more)
            depth = np.bincount(roots, minlength=len(self) + 1) - np.bincount(self._end[roots], minlength=len(self) + 1)
            covered &= mine | (np.cumsum(depth[:-1]) > 0)
            own |= mine
        things = np.flatnonzero(covered & own)
        if len(things) > MOST_WALKED:
            things = things[np.argpartition(self._of[things], MOST_WALKED)[:MOST_WALKED]]
        return things

    def _with(self, found: Found) -> Array:
        """Return the things with these texts."""
        starts, by_text = self._held["things.text_starts"], self._held["things.by_text"]
        roots: Array = by_text[_ranges(starts[found.texts], starts[found.texts + 1])]
        return roots

    @cached_property
    def _has_more(self) -> Array:
        has_more: Array = self._end > np.arange(1, len(self) + 1)
        return has_more

    def _match(self, place: int, words: Sequence[str], found: Sequence[Found]) -> Match:
        chain = [place]
        while (above := int(self._above[chain[-1]])) >= 0:
            chain.append(above)
        texts = self._of[chain]
        hows = tuple((word, _best(part, texts)) for word, part in zip(words, found, strict=True))
        starts = self._held["ref_starts"]
        ref = self._held["refs"][starts[place] : starts[place + 1]].tobytes().decode()
        name, *path = (self._texts.text(int(text)) for text in texts)
        return Match(ref, name, int(self._held["things.level"][place]), tuple(path[::-1]), hows, self._more(place))

    def _more(self, place: int) -> dict[str, Any]:
        at = self._more_at.get(place)
        if at is None:
            return {}
        starts = self._held["more_starts"]
        facts: dict[str, Any] = json.loads(self._held["more"][starts[at] : starts[at + 1]].tobytes())
        return facts

    @cached_property
    def _more_at(self) -> dict[int, int]:
        return {place: at for at, place in enumerate(self._held["more_of"].tolist())}


def _ranges(starts: Array, ends: Array) -> Array:
    """Return all numbers of all ranges, one range after another."""
    sizes = ends.astype(np.int64) - starts
    before = np.cumsum(sizes) - sizes
    return np.arange(sizes.sum()) - np.repeat(before - starts, sizes)


def _best(found: Found, texts: Array) -> How:
    at = np.searchsorted(found.texts, texts)
    there = at < len(found.texts)
    hows = [
        int(found.how[place]) for place, text in zip(at[there], texts[there], strict=True) if found.texts[place] == text
    ]
    return How(min(hows, default=How.NOT))
