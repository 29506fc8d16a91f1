"""A mapping that can be exchanged as a whole: who holds it sees the new one with the next question, never half of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Current(Mapping[K, V]):
    """What is held now. A reader who iterates goes on with what was held when it began."""

    def __init__(self, held: Mapping[K, V]) -> None:
        self._held = held

    def exchange(self, held: Mapping[K, V]) -> None:
        """Hold something else from now on."""
        self._held = held

    def __getitem__(self, key: K) -> V:
        return self._held[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
