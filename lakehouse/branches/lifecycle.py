"""Open, join, take over, block and drop branches."""

from __future__ import annotations

from lakehouse.branches.model import Branch, BranchError, BranchInfo, BranchInUse
from lakehouse.branches.register import (
    bases,
    changes,
    check_name,
    check_token,
    find,
    now,
    set_base,
    set_state,
)
from lakehouse.connect.database import MAIN, Register, again_when_pointers_moved, pointers, reading, transaction
from lakehouse.connect.faults import guard_off
from lakehouse.connect.settings import Settings


@again_when_pointers_moved
def open_branch(settings: Settings, name: str, *, takeover: bool = False) -> Branch:
    """Open a branch that shows what ``main`` shows now.

    A finished branch of that name (published, blocked, dropped) is opened anew from ``main``. A branch that is still
    open belongs to another writer: ``takeover`` continues its work under a new fencing token, and from then on the
    old writer finds no row to swap.

    Raises:
        BranchInUse: the branch is open and ``takeover`` was not asked for.
    """
    check_name(name)
    with transaction(settings) as db:
        found = find(db, name)
        if found is None or found[1] != "open":
            return _open_from_main(db, name, None if found is None else found[0])
        if not takeover:
            raise BranchInUse(
                f"branch {name!r} is open and may have a running writer; wait for it, or take it over if that writer is gone"
            )
        return _take_over(db, found[0])


@again_when_pointers_moved
def join_branch(settings: Settings, name: str) -> Branch:
    """Join a branch as one of several cooperating writers, which share its token; open it when there is none.

    Tables that only ``main`` changed meanwhile are brought up to date, so that a standing branch never falls behind
    where it has nothing of its own.
    """
    check_name(name)
    with transaction(settings) as db:
        found = find(db, name)
        if found is None or found[1] == "dropped":
            return _open_from_main(db, name, None if found is None else found[0])
        branch = found[0]
        if found[1] == "open":
            _fast_forward(db, branch)
        return branch


def _open_from_main(db: Register, name: str, old: Branch | None) -> Branch:
    token = 1 if old is None else old.token + 1
    branch = Branch(name, token, db.catalog_name(name, token))
    _check_unused(db, branch)
    if old is not None:
        _forget_rows(db, name, old.catalog_name)
    db.execute(
        "insert into branch (name, token, catalog_name, state, opened_at) values (?, ?, ?, 'open', ?)"
        " on conflict (name) do update set token = excluded.token, catalog_name = excluded.catalog_name,"
        " state = 'open', opened_at = excluded.opened_at, reason = null",
        (name, token, branch.catalog_name, now()),
    )
    db.copy_catalog(MAIN, branch.catalog_name)
    for identifier, pointer in pointers(db, MAIN).items():
        set_base(db, name, identifier, pointer)
    return branch


def _check_unused(db: Register, branch: Branch) -> None:
    """Where catalog names have fewer letters than branch names, two names may meet in one."""
    row = db.execute(
        "select name from branch where catalog_name = ? and name <> ?", (branch.catalog_name, branch.name)
    ).fetchone()
    if row is not None:
        raise BranchError(f"{branch.name!r} is too much like the branch {row[0]!r}; choose another name")


def _take_over(db: Register, old: Branch) -> Branch:
    token = old.token + 1
    catalog_name = old.catalog_name if guard_off("fencing") else db.catalog_name(old.name, token)
    db.execute("update branch set token = ?, catalog_name = ? where name = ?", (token, catalog_name, old.name))
    if catalog_name != old.catalog_name:
        db.rename_catalog(old.catalog_name, catalog_name)
    branch = Branch(old.name, token, catalog_name)
    _fast_forward(db, branch)
    return branch


def _fast_forward(db: Register, branch: Branch) -> None:
    """Move the tables that the branch did not touch to where ``main`` is now."""
    main, base, mine = pointers(db, MAIN), bases(db, branch.name), pointers(db, branch.catalog_name)
    for identifier in main.keys() | base.keys():
        untouched = mine.get(identifier) == base.get(identifier)
        if untouched and main.get(identifier) != base.get(identifier):
            db.set_pointer(branch.catalog_name, identifier, main.get(identifier))
            set_base(db, branch.name, identifier, main.get(identifier))


def _forget_rows(db: Register, name: str, catalog_name: str) -> None:
    db.drop_catalog(catalog_name)
    for table in ("branch_base", "branch_adoption"):
        db.execute(f"delete from {table} where branch = ?", (name,))


def mark_blocked(settings: Settings, branch: Branch, reason: str) -> None:
    """Close a branch to publishing and keep it for inspection, with the reason."""
    with transaction(settings) as db:
        check_token(db, branch)
        set_state(db, branch.name, "blocked", reason)


def drop_branch(settings: Settings, branch: Branch | str) -> None:
    """Drop a branch: its rows go; its files stay until the orphan clean-up finds that nobody needs them.

    Raises:
        BranchError: there is no such branch.
        StaleWriter: a ``Branch`` with an old token; only the newest writer, or an operator by name, may drop.
    """
    name = branch if isinstance(branch, str) else branch.name
    check_name(name)
    with transaction(settings) as db:
        if isinstance(branch, Branch):
            check_token(db, branch)
        found = find(db, name)
        if found is None:
            raise BranchError(f"there is no branch {name!r}")
        _forget_rows(db, name, found[0].catalog_name)
        set_state(db, name, "dropped", found[2])


def drop_published(settings: Settings, *, opened_before: str) -> list[str]:
    """Drop the branches that were opened before a time and published everything; return their names.

    What they showed is kept by the publish log. Blocked branches stay until an operator has seen them.
    """
    with transaction(settings) as db:
        rows = db.execute(
            "select name, token, catalog_name from branch where state = 'published' and opened_at < ?", (opened_before,)
        ).fetchall()
        done = [Branch(*row) for row in rows if not changes(db, Branch(*row))]
        for branch in done:
            _forget_rows(db, branch.name, branch.catalog_name)
            set_state(db, branch.name, "dropped")
        return [branch.name for branch in done]


def list_branches(settings: Settings) -> list[BranchInfo]:
    """List every branch by name, with what it would publish."""
    with reading(settings) as db:
        rows = db.execute(
            "select name, token, catalog_name, state, opened_at, reason from branch order by name"
        ).fetchall()
        return [
            BranchInfo(
                name, state, opened_at, reason, [] if state == "dropped" else list(changes(db, Branch(name, token, at)))
            )
            for name, token, at, state, opened_at, reason in rows
        ]
