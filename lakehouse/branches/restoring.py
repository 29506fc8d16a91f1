"""Put tables of a branch back to what they were when it started, so that they do not count as changed."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.branches.model import Branch
from lakehouse.branches.register import bases, check_token
from lakehouse.connect.database import again_when_pointers_moved, pointers, reading, transaction
from lakehouse.connect.settings import Settings

Move = tuple[str | None, str | None]  # pointer that a table started from, pointer that the branch shows


def moves(settings: Settings, branch: Branch, identifiers: Iterable[str]) -> dict[str, Move]:
    """Return, for each table, where ``main`` pointed when the branch started from it, and where the branch points."""
    with reading(settings) as db:
        base, mine = bases(db, branch.name), pointers(db, branch.catalog_name)
        return {identifier: (base.get(identifier), mine.get(identifier)) for identifier in identifiers}


@again_when_pointers_moved
def restore(settings: Settings, branch: Branch, identifiers: Iterable[str]) -> None:
    """Let a branch show tables as ``main`` had them when it started from them, all in one step.

    Raises:
        StaleWriter: this writer lost the branch.
    """
    with transaction(settings) as db:
        check_token(db, branch)
        base = bases(db, branch.name)
        for identifier in identifiers:
            db.set_pointer(branch.catalog_name, identifier, base.get(identifier))
