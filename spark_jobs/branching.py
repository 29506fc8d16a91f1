"""The branch that a job writes to, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from lakehouse.branches import (
    Branch,
    BranchInUse,
    PublishConflict,
    diverged,
    drop_branch,
    join_branch,
    list_branches,
    open_branch,
    publish,
)
from lakehouse.connect.database import MAIN, reading
from lakehouse.connect.settings import Settings
from spark_jobs.errors import Refused

log = structlog.get_logger(__name__)


def working_branch(settings: Settings, name: str) -> Branch:
    """Open a branch from what ``main`` shows now, or join it where its work is not published yet."""
    if name == MAIN:
        raise Refused(
            "a job writes to a branch, which is published in one step",
            hint="name another --branch; with --publish its tables go to main",
        )
    try:
        return open_branch(settings, name)
    except BranchInUse:
        return join_branch(settings, name)


def refuse_unpublished(settings: Settings, table: str, own: str) -> None:
    """Keep away from a table on which another branch has unpublished work: one of the two would be lost.

    Raises:
        Refused: there is such a branch.
    """
    others = [info.name for info in list_branches(settings) if info.state == "open" and info.name != own]
    busy = [name for name in others if table in diverged(settings, name)]
    if busy:
        raise Refused(
            f"{table} has unpublished work on {', '.join(busy)}",
            hint="publish or drop that branch first, or name it with --branch",
        )


def publish_tables(settings: Settings, branch: Branch, tables: Sequence[str]) -> str:
    """Publish these tables of a branch in one step and drop the branch if nothing is left on it; return main's id.

    Raises:
        Refused: ``main`` moved on meanwhile.
    """
    try:
        done = publish(settings, branch, only=sorted(tables))
    except PublishConflict as conflict:
        raise Refused(str(conflict), hint="run the job again: it starts from what main has then") from conflict
    info = next(info for info in list_branches(settings) if info.name == branch.name)
    if not info.tables_changed:
        drop_branch(settings, branch)
    log.info("published", branch=branch.name, tables=done.tables_changed, snapshot=done.snapshot)
    return done.snapshot


def pointer(settings: Settings, branch: Branch, table: str) -> str | None:
    """Return which version of a table a branch shows."""
    with reading(settings) as db:
        return db.pointers(branch.catalog_name).get(table)
