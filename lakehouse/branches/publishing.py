"""Publish a branch to ``main`` in one transaction, and read what ``main`` was at each publish."""

from __future__ import annotations

import json
from datetime import datetime

from lakehouse.branches.model import Branch, BranchError, Publish, PublishConflict, PublishResult
from lakehouse.branches.register import changes, check_token, find, now, set_base, set_state, snapshot_id, written
from lakehouse.branches.sharing import settle_adoptions
from lakehouse.connect.database import MAIN, Register, again_when_pointers_moved, pointers, reading, transaction
from lakehouse.connect.faults import fault_point, guard_off
from lakehouse.connect.settings import Settings

Moves = dict[str, tuple[str | None, str | None]]


@again_when_pointers_moved
def publish(settings: Settings, branch: Branch, *, only: list[str] | None = None) -> PublishResult:
    """Move ``main`` to the branch's version of every table it changed, added or dropped; all or nothing.

    Publishing again after a lost acknowledgement is recognised and gives the first result again.

    Raises:
        StaleWriter: this writer lost the branch.
        PublishConflict: ``main`` moved on in one of the tables since the branch started from it.
        BranchError: the branch is blocked.
    """
    with transaction(settings, atomic=not guard_off("publish-transaction")) as db:
        if check_token(db, branch) == "blocked":
            raise BranchError(f"branch {branch.name!r} is blocked and cannot be published: {_reason(db, branch)}")
        moves = changes(db, branch)
        if only is not None:
            moves = {identifier: move for identifier, move in moves.items() if identifier in only}
        result = (
            _publish_moves(db, branch, moves, _scope(only)) if moves else _nothing_to_move(db, branch, _scope(only))
        )
    fault_point("after-publish")
    return result


def _publish_moves(db: Register, branch: Branch, moves: Moves, scope: str) -> PublishResult:
    main = pointers(db, MAIN)
    _check_unmoved(branch, moves, main)
    changed = [identifier for identifier, (_, mine) in moves.items() if main.get(identifier) != mine]
    for position, identifier in enumerate(changed):
        if not db.swap_pointer(MAIN, identifier, *moves[identifier]):
            raise PublishConflict(f"{identifier}: main moved on during the publish; nothing was published, run again")
        if position == 0:
            fault_point("in-publish")
    for identifier, (_, mine) in moves.items():
        set_base(db, branch.name, identifier, mine)
    settle_adoptions(db, branch, {identifier: mine for identifier, (_, mine) in moves.items()})
    if not changes(db, branch):
        set_state(db, branch.name, "published")
    return _record(db, branch, changed, scope)


def _check_unmoved(branch: Branch, moves: Moves, main: dict[str, str]) -> None:
    moved = [i for i, (base, mine) in moves.items() if main.get(i) != base and main.get(i) != mine]
    if moved:
        raise PublishConflict(
            f"main moved on since branch {branch.name!r} started from it: {', '.join(moved)}; nothing was published, run again"
        )


def _record(db: Register, branch: Branch, changed: list[str], scope: str) -> PublishResult:
    tables = pointers(db, MAIN)
    snapshot = snapshot_id(tables)
    db.execute(
        "insert into publish_log (snapshot, branch, token, scope, published_at, tables_changed, pointers)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        (snapshot, branch.name, branch.token, scope, now(), json.dumps(changed), json.dumps(tables)),
    )
    return PublishResult(changed, snapshot)


def _nothing_to_move(db: Register, branch: Branch, scope: str) -> PublishResult:
    """Give the result of this writer's last publish again, or say that there was nothing."""
    row = db.execute(
        "select tables_changed, snapshot from publish_log where branch = ? and token = ? and scope = ?"
        " order by id desc limit 1",
        (branch.name, branch.token, scope),
    ).fetchone()
    if row is not None:
        return PublishResult(json.loads(row[0]), row[1])
    if not changes(db, branch):
        set_state(db, branch.name, "published")
    return PublishResult([], snapshot_id(pointers(db, MAIN)))


def _scope(only: list[str] | None) -> str:
    return "" if only is None else ",".join(sorted(only))


def _reason(db: Register, branch: Branch) -> str:
    found = find(db, branch.name)
    return (found[2] if found else None) or "no reason was given"


def current_snapshot(settings: Settings) -> str:
    """Return the id of what ``main`` shows now."""
    with reading(settings) as db:
        return snapshot_id(pointers(db, MAIN))


def publish_history(settings: Settings, limit: int = 100) -> list[Publish]:
    """Return the kept publishes, newest first."""
    with reading(settings) as db:
        rows = db.execute(
            "select snapshot, branch, published_at, tables_changed from publish_log order by id desc limit ?", (limit,)
        ).fetchall()
        return [Publish(snapshot, branch, at, json.loads(changed)) for snapshot, branch, at, changed in rows]


def publish_before(settings: Settings, moment: datetime) -> Publish | None:
    """Return the newest kept publish before a moment; None when there is none."""
    with reading(settings) as db:
        row = db.execute(
            "select snapshot, branch, published_at, tables_changed from publish_log where published_at < ?"
            " order by id desc limit 1",
            (written(moment),),
        ).fetchone()
        return None if row is None else Publish(row[0], row[1], row[2], json.loads(row[3]))


def kept_pointers(settings: Settings) -> list[dict[str, str]]:
    """Return the pointer sets of all kept publishes, newest first."""
    with reading(settings) as db:
        rows = db.execute("select pointers from publish_log order by id desc").fetchall()
        return [dict(json.loads(row[0])) for row in rows]


def forget_publishes(settings: Settings, keep: int) -> int:
    """Keep the newest publishes only; the files of the others become free to be cleaned up. Return how many went."""
    with transaction(settings) as db:
        done = db.execute(
            "delete from publish_log where id not in (select id from publish_log order by id desc limit ?)", (keep,)
        )
        return done.rowcount


def pointers_at(settings: Settings, snapshot: str) -> dict[str, str]:
    """Return identifier -> metadata location of ``main`` as of a publish, or as of now.

    Raises:
        BranchError: the publish log has no such snapshot, or does not keep it any more.
    """
    with reading(settings) as db:
        row = db.execute("select pointers from publish_log where snapshot = ? order by id desc", (snapshot,)).fetchone()
        if row is not None:
            return dict(json.loads(row[0]))
        now_shown = pointers(db, MAIN)
        if snapshot_id(now_shown) == snapshot:
            return now_shown
    raise BranchError(f"no publish {snapshot!r} is kept; `citybrain history` lists those that are")
