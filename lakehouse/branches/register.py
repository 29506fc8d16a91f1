"""Reads and single-row writes of the branch register, inside a caller's transaction."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from lakehouse.branches.model import Branch, BranchError, BranchState, StaleWriter
from lakehouse.connect.database import MAIN, Register, pointers
from lakehouse.connect.faults import guard_off

_NAME = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,99}$")


def check_name(name: str) -> None:
    """Refuse a branch name that could not be a catalog name, or that is ``main``."""
    if name == MAIN or not _NAME.match(name):
        raise BranchError(
            f"{name!r} cannot be a branch name: use lower-case letters, digits, '_', '.', '-'; not {MAIN!r}"
        )


def now() -> str:
    """Return the time for the register (never for a data table)."""
    return written(datetime.now(UTC))


def written(at: datetime) -> str:
    """Return a moment as the register keeps it: in UTC, so that texts are in the order of moments."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def find(db: Register, name: str) -> tuple[Branch, BranchState, str | None] | None:
    """Return a branch with its state and reason, or nothing."""
    row = db.execute("select token, catalog_name, state, reason from branch where name = ?", (name,)).fetchone()
    return None if row is None else (Branch(name, row[0], row[1]), row[2], row[3])


def check_token(db: Register, branch: Branch) -> BranchState:
    """Refuse a writer whose token is not the newest; return the branch's state.

    Raises:
        StaleWriter: the branch was taken over, opened anew or dropped since.
    """
    found = find(db, branch.name)
    if found is None:
        raise StaleWriter(f"branch {branch.name!r} does not exist any more; open it again and redo the work")
    newest, state, _ = found
    if newest.token != branch.token and not guard_off("fencing"):
        raise StaleWriter(
            f"branch {branch.name!r} was taken over (token {newest.token}, this writer has {branch.token}); "
            "this writer must stop, its successor does the work"
        )
    if state == "dropped":
        raise StaleWriter(f"branch {branch.name!r} was dropped; open it again and redo the work")
    return state


def bases(db: Register, name: str) -> dict[str, str]:
    """Return the pointers of ``main`` that a branch's tables started from."""
    rows = db.execute("select identifier, pointer from branch_base where branch = ?", (name,))
    return dict(rows.fetchall())


def changes(db: Register, branch: Branch) -> dict[str, tuple[str | None, str | None]]:
    """Return identifier -> (base pointer, branch pointer) of each table that the branch changed, added or dropped."""
    base = bases(db, branch.name)
    mine = pointers(db, branch.catalog_name)
    return {
        identifier: (base.get(identifier), mine.get(identifier))
        for identifier in sorted(base.keys() | mine.keys())
        if base.get(identifier) != mine.get(identifier)
    }


def set_base(db: Register, name: str, identifier: str, pointer: str | None) -> None:
    """Remember which pointer of ``main`` a branch's table starts from; None when ``main`` has no such table."""
    if pointer is None:
        db.execute("delete from branch_base where branch = ? and identifier = ?", (name, identifier))
        return
    db.execute(
        "insert into branch_base (branch, identifier, pointer) values (?, ?, ?)"
        " on conflict (branch, identifier) do update set pointer = excluded.pointer",
        (name, identifier, pointer),
    )


def set_state(db: Register, name: str, state: BranchState, reason: str | None = None) -> None:
    """Change a branch's state."""
    db.execute("update branch set state = ?, reason = ? where name = ?", (state, reason, name))


def snapshot_id(tables: dict[str, str]) -> str:
    """Return the id of a set of pointers: equal sets have equal ids."""
    digest = hashlib.sha256()
    for identifier in sorted(tables):
        digest.update(f"{identifier}={tables[identifier]}\n".encode())
    return digest.hexdigest()[:16]
