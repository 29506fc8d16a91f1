"""Texts that are one typing mistake away: every text is kept under itself and under itself without each one symbol.

Two texts that differ by one replaced, dropped, added or swapped symbol have such a form in common. Forms are kept as 32
bits of a hash beside the number of the text, in one sorted array; what a hash brings up is compared in full.
"""

from __future__ import annotations

import numpy as np

from catalog.search.arrays import Array
from catalog.search.pieces import U32, U64

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = 0xD6E8FEB86659FD93
_WORD = (1 << 64) - 1


def build_neighbours(symbols: Array, starts: Array, ends: Array, texts: U32) -> U64:
    """Return the sorted array: hash << 32 | text. Form ``n`` is ``symbols[starts[n]:ends[n]]``, code points, of ``texts[n]``."""
    powers = np.cumprod(np.full(len(symbols) + 2, _BASE, np.uint64), dtype=np.uint64)
    inverse = np.cumprod(np.full(len(symbols) + 2, _INVERSE, np.uint64), dtype=np.uint64)
    sums = np.zeros(len(symbols) + 1, np.uint64)
    np.cumsum(_scattered(symbols.astype(np.uint64)) * powers[: len(symbols)], dtype=np.uint64, out=sums[1:])
    whole = _mixed((sums[ends] - sums[starts]) * inverse[starts])
    found = [whole << np.uint64(32) | texts.astype(np.uint64)]
    lengths = (ends - starts).astype(np.int64)
    of = np.repeat(np.arange(len(starts)), lengths)
    within = np.arange(len(of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first, last = starts[of], ends[of]
    left_out = first + within
    left = (sums[left_out] - sums[first]) * inverse[first]
    right = (sums[last] - sums[left_out + 1]) * inverse[first + 1]
    found.append(_mixed(left + right) << np.uint64(32) | texts[of].astype(np.uint64))
    packed = np.concatenate(found)
    packed.sort()
    kept = np.ones(len(packed), bool)
    kept[1:] = packed[1:] != packed[:-1]
    return packed[kept]


class Neighbours:
    """Looks up texts that may be one mistake away."""

    def __init__(self, packed: Array) -> None:
        self._packed = packed

    def near(self, text: str) -> U32:
        """Return the numbers of texts that may be ``text`` with at most one mistake; a few of them are not."""
        forms = {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))} - {""}
        found = []
        for form in forms:
            first = _hash(form) << 32
            low = np.searchsorted(self._packed, np.uint64(first))
            high = np.searchsorted(self._packed, np.uint64(first | 0xFFFFFFFF), side="right")
            found.append(self._packed[low:high])
        if not found:
            return np.empty(0, np.uint32)
        return np.unique((np.concatenate(found) & np.uint64(0xFFFFFFFF)).astype(np.uint32))


def is_one_mistake(one: str, other: str) -> bool:
    """Tell whether two texts are equal but for one symbol replaced, dropped or added, or two neighbours swapped."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    if one[start + 1 :] == other[start + 1 :]:
        return True
    return one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]


def _scattered(values: U64) -> U64:
    """Spread small numbers over 64 bits."""
    spread: U64 = (values + np.uint64(1)) * np.uint64(_MIX)
    return spread ^ spread >> np.uint64(29)


def _mixed(sums: U64) -> U64:
    """Return the 32 bits of a sum that are kept."""
    return (sums * np.uint64(_MIX)) >> np.uint64(32)


def _hash(text: str) -> int:
    total, power = 0, 1
    for symbol in text:
        spread = (ord(symbol) + 1) * _MIX & _WORD
        total += (spread ^ spread >> 29) * power
        power = power * _BASE & _WORD
    return (total & _WORD) * _MIX % (1 << 64) >> 32
