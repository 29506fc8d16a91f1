"""Build the index of texts: columns of numbers, filled with numpy; pinyin is asked for each character, not each text."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from catalog.search.arrays import Array
from catalog.search.folding import ending_length, fold_character
from catalog.search.neighbours import build_neighbours
from catalog.search.pieces import CHARACTERS, INITIALS, SYLLABLES, U32, build_pieces
from catalog.search.sounds import MOST_WAYS, readings

LONGEST_TEXT = 2000
LONGEST_NEIGHBOUR = 24
INITIAL_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
Options = dict[int, tuple[int, ...]]


def build_texts(texts: Sequence[str]) -> tuple[dict[str, Array], list[str]]:
    """Return the arrays of a :class:`TextIndex` over distinct texts in the order of their rank, and its syllables.

    A text counts with its first :data:`LONGEST_TEXT` characters; one mistake is forgiven in texts of at most
    :data:`LONGEST_NEIGHBOUR`.
    """
    kept = [text[:LONGEST_TEXT] for text in texts]
    lengths = np.fromiter(map(len, kept), np.int64, len(kept))
    codes = np.frombuffer("".join(kept).encode("utf-32-le", "surrogatepass"), np.uint32)
    alphabet, given = np.unique(codes, return_inverse=True)
    folded_codes = np.array([ord(fold_character(chr(code))) for code in alphabet], np.uint32)
    folded_alphabet, fold_of = np.unique(folded_codes, return_inverse=True)
    if len(folded_alphabet) >= 1 << 16:
        raise ValueError("more than 65,535 different characters")
    folded = (fold_of[given] + 1).astype(np.uint16)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    arrays: dict[str, Array] = {
        "codes": codes,
        "starts": starts.astype(np.int64),
        "alphabet": folded_alphabet,
    }
    numbers = np.repeat(np.arange(len(kept), dtype=np.uint32), lengths + 1)
    arrays |= build_pieces(CHARACTERS, np.insert(folded, starts[1:], 0), numbers)
    short = np.flatnonzero((lengths > 0) & (lengths <= LONGEST_NEIGHBOUR)).astype(np.uint32)
    plain = folded_alphabet[folded.astype(np.int64) - 1] if len(folded) else codes
    cut = np.fromiter(map(ending_length, kept), np.int64, len(kept))
    arrays["cuts"] = cut.astype(np.uint8)
    stemmed = short[cut[short] > 0]
    arrays["near.characters"] = build_neighbours(
        plain,
        np.concatenate([starts[short], starts[stemmed]]),
        np.concatenate([starts[short + 1], starts[stemmed + 1] - cut[stemmed]]),
        np.concatenate([short, stemmed]),
    )
    return arrays | _build_sounds(len(kept), folded_alphabet, folded, starts, short, cut), _syllables(folded_alphabet)


def _syllables(alphabet: Array) -> list[str]:
    """Return every syllable and letter that the characters can be read as, sorted: a beginning is a range."""
    return sorted({sound for code in alphabet for sound in readings(chr(code))} | set(INITIAL_LETTERS))


def _build_sounds(
    count: int, alphabet: Array, folded: Array, starts: Array, short: Array, cut: Array
) -> dict[str, Array]:
    names = _syllables(alphabet)
    if len(names) >= 1 << SYLLABLES.bits:
        raise ValueError(f"{len(names)} syllables do not fit {SYLLABLES.bits} bits")
    number = {name: place for place, name in enumerate(names, start=1)}
    initial = {letter: place for place, letter in enumerate(INITIAL_LETTERS, start=1)}
    heard = [readings(chr(code)) for code in alphabet]
    spelled = {code: tuple(number[s] for s in sounds) for code, sounds in enumerate(heard, start=1)}
    begun = {code: tuple(dict.fromkeys(initial[s[0]] for s in sounds)) for code, sounds in enumerate(heard, start=1)}
    rows = folded.tobytes()
    width = folded.itemsize

    def coded(text: int) -> Array:
        row: Array = np.frombuffer(rows[starts[text] * width : starts[text + 1] * width], folded.dtype)
        return row

    symbols, owners = _ways(count, coded, spelled)
    arrays = build_pieces(SYLLABLES, symbols, owners)
    arrays |= _near_letters(names, symbols, owners, short, cut)
    return arrays | build_pieces(INITIALS, *_ways(count, coded, begun))


def _ways(count: int, coded: Callable[[int], Array], options: Options) -> tuple[Array, U32]:
    """Return every text as symbols ended by 0, once for each way to read it (at most :data:`MOST_WAYS`), and whose each is."""
    out: list[int] = []
    texts: list[int] = []
    sizes: list[int] = []
    for text in range(count):
        heard = [found for code in coded(text).tolist() if (found := options[code])]
        for way in itertools.islice(itertools.product(*heard), MOST_WAYS) if heard else ():
            out += way
            out.append(0)
            texts.append(text)
            sizes.append(len(way) + 1)
    return np.array(out, np.uint16), np.repeat(np.array(texts, np.uint32), sizes)


def _near_letters(names: list[str], symbols: Array, of: Array, short: Array, cut: Array) -> dict[str, Array]:
    """Return the neighbours of texts as their pinyin letters, with and without the last ``cut`` characters of each."""
    is_short = np.zeros(len(cut), bool)
    is_short[short] = True
    letters = np.frombuffer("".join(names).encode("utf-32-le"), np.uint32)
    sizes = np.array([0, *map(len, names)], np.int64)
    begin = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    taken = symbols[is_short[of]].astype(np.int64)
    texts = of[is_short[of]]
    spread = np.repeat(begin[taken], sizes[taken])
    within = np.arange(len(spread)) - np.repeat(np.cumsum(sizes[taken]) - sizes[taken], sizes[taken])
    reached = np.concatenate([[0], np.cumsum(sizes[taken])])
    ends = np.flatnonzero(taken == 0)
    stops = reached[ends]
    first = np.concatenate([[0], stops])[:-1].astype(np.int64)
    owners = texts[ends]
    stemmed = np.flatnonzero(cut[owners] > 0)
    stems = reached[ends[stemmed] - cut[owners[stemmed]]]
    return {
        "near.letters": build_neighbours(
            letters[spread + within],
            np.concatenate([first, first[stemmed]]),
            np.concatenate([stops, stems]),
            np.concatenate([owners, owners[stemmed]]),
        )
    }
