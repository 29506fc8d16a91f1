"""Words of which people type one and texts hold another: ``catalog/vocabulary/synonyms.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from catalog.contract.load import CATALOG_ROOT, read_yaml
from catalog.search.folding import fold

FILE = CATALOG_ROOT / "vocabulary" / "synonyms.yaml"


class BadSynonyms(ValueError):
    """The file does not hold groups of at least two words each."""


class Synonyms:
    """Groups of words that may stand for each other."""

    def __init__(self, groups: Iterable[Sequence[str]] = ()) -> None:
        self._others: dict[str, list[str]] = {}
        for group in groups:
            words = [fold(word) for word in group]
            for word in words:
                held = self._others.setdefault(word, [])
                held += [other for other in words if other != word and other not in held]

    @classmethod
    def read(cls, path: Path = FILE) -> Synonyms:
        """Read a file of groups; raise :class:`BadSynonyms`."""
        groups = read_yaml(path)
        is_sound = isinstance(groups, list) and all(
            isinstance(group, list) and len(group) > 1 and all(isinstance(word, str) and word for word in group)
            for group in groups
        )
        if not is_sound:
            raise BadSynonyms(f"{path}: not a list of groups of words")
        return cls(groups)

    def of(self, word: str) -> list[str]:
        """Return what may stand for a folded word: another word of its group, or the word with a part exchanged."""
        found = dict.fromkeys(self._others.get(word, ()))
        for part, others in self._others.items():
            if len(part) > 1 and part in word and part != word:
                found |= {word.replace(part, other): None for other in others if other not in word}
        return list(found)
