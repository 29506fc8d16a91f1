"""Carry tables between branches: what one has that ``main`` lacks, adopt it, and catch up with ``main``."""

from __future__ import annotations

from lakehouse.branches.model import Branch, BranchError, PublishConflict
from lakehouse.branches.register import bases, changes, check_token, find, set_base
from lakehouse.connect.database import (
    MAIN,
    Register,
    again_when_pointers_moved,
    catalog_name_of,
    pointers,
    reading,
    transaction,
)
from lakehouse.connect.settings import Settings


def diverged(settings: Settings, branch_name: str) -> list[str]:
    """Return the identifiers that a branch changed and that differ from ``main``.

    A table where only ``main`` moved on is not listed: the branch has nothing to give there.
    """
    with reading(settings) as db:
        branch = Branch(branch_name, 0, catalog_name_of(db, branch_name))
        main = pointers(db, MAIN)
        return [identifier for identifier, (_, mine) in changes(db, branch).items() if mine != main.get(identifier)]


@again_when_pointers_moved
def adopt(settings: Settings, branch: Branch, from_branch: str, identifiers: list[str]) -> None:
    """Show on ``branch`` the given tables as ``from_branch`` has them now, all in one step.

    Raises:
        BranchError: ``from_branch`` has no such table.
        PublishConflict: ``main`` moved on since ``from_branch`` started from it; taking its table would undo that.
        StaleWriter: this writer lost the branch.
    """
    with transaction(settings) as db:
        check_token(db, branch)
        source = pointers(db, catalog_name_of(db, from_branch))
        missing = [identifier for identifier in identifiers if identifier not in source]
        if missing:
            raise BranchError(f"branch {from_branch!r} has no table {', '.join(missing)}; nothing was adopted")
        source_bases = bases(db, from_branch)
        for identifier in identifiers:
            _adopt_one(db, branch, from_branch, identifier, source[identifier], source_bases.get(identifier))


def _adopt_one(
    db: Register, branch: Branch, from_branch: str, identifier: str, pointer: str, source_base: str | None
) -> None:
    main = pointers(db, MAIN).get(identifier)
    if pointer == source_base:
        return  # the source changed nothing here; what the branch has is at least as new
    if pointer != main and source_base != main:
        raise PublishConflict(
            f"{identifier}: main moved on since branch {from_branch!r} started from it; rebase {from_branch!r} and load again"
        )
    mine = pointers(db, branch.catalog_name).get(identifier)
    if mine == bases(db, branch.name).get(identifier):
        set_base(db, branch.name, identifier, main)
    db.set_pointer(branch.catalog_name, identifier, pointer)
    db.execute(
        "insert into branch_adoption (branch, identifier, from_branch, pointer, base) values (?, ?, ?, ?, ?)"
        " on conflict (branch, identifier) do update set from_branch = excluded.from_branch,"
        " pointer = excluded.pointer, base = excluded.base",
        (branch.name, identifier, from_branch, pointer, source_base),
    )


@again_when_pointers_moved
def rebase(settings: Settings, branch: Branch, identifiers: list[str]) -> list[str]:
    """Reset tables to ``main`` where ``main`` moved on; return those that were reset.

    What the branch had committed to a reset table is gone from it. That is safe for ingested tables: their batch ids
    go with the rows, so the next ingest loads the same deliveries again on top of ``main``.
    """
    with transaction(settings) as db:
        check_token(db, branch)
        main, base = pointers(db, MAIN), bases(db, branch.name)
        moved = [identifier for identifier in identifiers if main.get(identifier) != base.get(identifier)]
        for identifier in moved:
            db.set_pointer(branch.catalog_name, identifier, main.get(identifier))
            set_base(db, branch.name, identifier, main.get(identifier))
        return moved


def settle_adoptions(db: Register, branch: Branch, published: dict[str, str | None]) -> None:
    """After a publish, let the branches whose tables were adopted start from what ``main`` has now.

    Only where the adopted version itself was published, and the source was not rebased in between.
    """
    rows = db.execute(
        "select identifier, from_branch, pointer, base from branch_adoption where branch = ?", (branch.name,)
    ).fetchall()
    for identifier, from_branch, pointer, base in rows:
        if published.get(identifier) != pointer or find(db, from_branch) is None:
            continue
        if bases(db, from_branch).get(identifier) == base:
            set_base(db, from_branch, identifier, pointer)
