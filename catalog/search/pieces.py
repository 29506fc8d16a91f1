"""Every piece of every text, sorted: where texts hold a run of symbols is one range of one array.

Symbols are characters, syllables or initials as small numbers from 1; 0 ends a text. The next few symbols from each
place are packed into 64 bits, most significant first, and sorted, so the places of a run are one range of keys; what a
run has beyond a key is compared symbol by symbol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.search.arrays import Array

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Shape:
    """How symbols are packed: bits of each, and how many of them make a key."""

    name: str
    bits: int
    depth: int


CHARACTERS, SYLLABLES, INITIALS = Shape("characters", 16, 4), Shape("syllables", 9, 7), Shape("initials", 6, 10)


@dataclass(frozen=True)
class Hits:
    """Where a run was found: the text, whether that text begins there, and whether the run is all of it."""

    texts: U32
    begins: Array
    whole: Array


def build_pieces(shape: Shape, symbols: Array, owners: U32) -> dict[str, Array]:
    """Return the arrays of a table.

    Args:
        shape: how symbols are packed.
        symbols: the texts one after another, each ended by 0; a text may come in several readings, one after another.
        owners: for each symbol, the number of its text.
    """
    whole = np.concatenate([[0], symbols, np.zeros(shape.depth + 1, symbols.dtype)]).astype(np.uint16)
    count = len(symbols)
    keys = np.zeros(count, np.uint64)
    alive = np.ones(count, bool)
    for step in range(shape.depth):
        here = whole[1 + step : 1 + step + count]
        alive &= here != 0
        keys |= np.where(alive, here, 0).astype(np.uint64) << np.uint64(shape.bits * (shape.depth - 1 - step))
    places = np.flatnonzero(symbols).astype(np.uint32)
    keys = keys[places]
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order] + np.uint32(1)
    texts = owners[places - 1]
    again = np.zeros(len(keys), bool)  # the same end of a text in another reading of what is before it
    again[1:] = (keys[1:] == keys[:-1]) & (texts[1:] == texts[:-1]) & (whole[places[1:] + shape.depth - 1] == 0)
    again[1:] &= (whole[places[1:] - 1] != 0) & (whole[places[:-1] - 1] != 0)
    kept = ~again
    name = shape.name
    return {
        f"{name}.keys": keys[kept],
        f"{name}.texts": texts[kept],
        f"{name}.places": places[kept],
        f"{name}.symbols": whole,
    }


class Pieces:
    """The table of one kind of symbols."""

    def __init__(self, shape: Shape, arrays: Mapping[str, Array]) -> None:
        self._shape = shape
        self._keys, self._texts, self._places, self._symbols = (
            arrays[f"{shape.name}.{part}"] for part in ("keys", "texts", "places", "symbols")
        )

    def find(self, run: Sequence[int], last: tuple[int, int] | None = None) -> Hits:
        """Return where texts hold a run of symbols; ``last`` lets its last symbol be any of that range instead.

        A run whose last symbol was stretched so is all of a text only when the symbol itself is there.
        """
        depth, length = self._shape.depth, len(run)
        low, high = self._range(run, last if length <= depth else None)
        texts, places = self._texts[low:high], self._places[low:high]
        for step in range(depth, length):
            there = self._symbols[np.minimum(places + np.uint32(step), len(self._symbols) - 1)]
            from_, to = last if last and step == length - 1 else (run[step], run[step])
            kept = (there >= from_) & (there <= to)
            texts, places = texts[kept], places[kept]
        begins = self._symbols[places - 1] == 0
        whole = begins & (self._symbols[np.minimum(places + np.uint32(length), len(self._symbols) - 1)] == 0)
        if last is not None:
            whole &= self._symbols[places + np.uint32(length - 1)] == run[-1]
        return Hits(texts, begins, whole)

    def count(self, run: Sequence[int]) -> int:
        """Return how many places hold a run, of which only what fits a key is looked at."""
        low, high = self._range(run[: self._shape.depth], None)
        return high - low

    def _range(self, run: Sequence[int], last: tuple[int, int] | None) -> tuple[int, int]:
        bits, depth = self._shape.bits, self._shape.depth
        low, high, shift = 0, 0, bits * depth
        for step, symbol in enumerate(run[:depth]):
            shift -= bits
            from_, to = last if last and step == len(run) - 1 else (symbol, symbol)
            low, high = low | from_ << shift, high | to << shift
        high |= (1 << shift) - 1
        first = np.searchsorted(self._keys, np.uint64(low))
        return int(first), int(np.searchsorted(self._keys, np.uint64(high), side="right"))
