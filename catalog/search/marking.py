"""Show why something was found: the part of a text that a word stands for."""

from __future__ import annotations

from difflib import SequenceMatcher

from catalog.search.folding import fold, is_latin
from catalog.search.sounds import sounding
from catalog.search.texts import How

Span = tuple[int, int]
AS_WRITTEN, PINYIN, INITIALS, NEAR = "", "拼音", "首字母", "近似"
_WORDS = {
    How.PINYIN: PINYIN,
    How.PINYIN_BEGINNING: PINYIN,
    How.PINYIN_INSIDE: PINYIN,
    How.INITIALS: INITIALS,
    How.INITIALS_BEGINNING: INITIALS,
    How.INITIALS_INSIDE: INITIALS,
    How.SAME_SOUND: NEAR,
    How.MISTAKEN: NEAR,
    How.MISTAKEN_INSIDE: NEAR,
}


def way_of(how: How) -> str:
    """Return how a word was found in a steward's words; ``""`` when it stands there as typed."""
    return _WORDS.get(how, AS_WRITTEN)


def spans(text: str, word: str, how: How) -> list[Span]:
    """Return the parts (start, end) of a text that a folded word found there in this way; none when it is not there."""
    folded = fold(text)
    way = way_of(how)
    if way == NEAR:
        if is_latin(word):
            return [(0, len(text))]
        blocks = SequenceMatcher(None, folded, word, autojunk=False).get_matching_blocks()
        return [(block.a, block.a + block.size) for block in blocks if block.size]
    at = folded.find(word)
    if at >= 0:
        return [(at, at + len(word))]
    heard = sounding(text, word) if way else None
    return [heard] if heard else []


def pieces(text: str, marks: list[Span]) -> list[tuple[str, bool]]:
    """Return a text cut where marks begin and end: (part, is marked); marks may lie over each other."""
    inside = [False] * len(text)
    for start, end in marks:
        inside[start:end] = [True] * (min(end, len(text)) - start)
    cut: list[tuple[str, bool]] = []
    for character, is_marked in zip(text, inside, strict=True):
        if cut and cut[-1][1] == is_marked:
            cut[-1] = (cut[-1][0] + character, is_marked)
        else:
            cut.append((character, is_marked))
    return cut
