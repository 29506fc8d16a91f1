"""One form for texts and queries, of the same length as what was given, so that places in one are places in the other."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

LONGEST_QUERY = 100
MOST_WORDS = 6


@lru_cache(maxsize=65536)
def fold_character(character: str) -> str:
    """Return a character in lower case and ordinary width, ü as v; one that would become several stays as it is."""
    folded = "v" if character in "üÜ" else unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


def fold(text: str) -> str:
    """Return a text for comparing: ``Ａ区`` as ``a区``."""
    return "".join(map(fold_character, text))


def words_of(query: str) -> list[str]:
    """Return the words of a stranger's query, folded; what cannot be written or seen separates words.

    Only the first :data:`LONGEST_QUERY` characters and :data:`MOST_WORDS` words count.
    """
    seen = (character if character.isprintable() else " " for character in query[:LONGEST_QUERY])
    words = fold("".join(seen)).split()
    return list(dict.fromkeys(words))[:MOST_WORDS]


def is_latin(word: str) -> bool:
    """Tell whether a folded word is of letters and digits only, as pinyin and initials are."""
    return word.isascii() and word.isalnum()


# What people leave out of the name of a division, the longest first.
ENDINGS = (
    *("社区居民委员会", "村村民委员会"),
    *("街道办事处", "村民委员会", "居民委员会", "社区居委会", "社区村委会", "特别行政区", "经济开发区"),
    *("村村委会",),
    *("自治区", "自治州", "自治县", "自治旗", "村委会", "居委会", "民族乡"),
    *("社区", "街道", "地区"),
    *("省", "市", "区", "县", "旗", "镇", "乡", "村"),
)
SHORTEST_STEM = 2


def ending_length(name: str) -> int:
    """Return how many characters of a name are its kind, as 2 of 文新街道; 0 when too little would be left."""
    for ending in ENDINGS:
        if name.endswith(ending) and len(name) - len(ending) >= SHORTEST_STEM:
            return len(ending)
    return 0
