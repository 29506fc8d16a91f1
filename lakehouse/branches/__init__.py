"""Write-audit-publish: work on a branch, check it there, publish it to ``main`` in one step."""

from lakehouse.branches.lifecycle import (
    drop_branch,
    drop_published,
    join_branch,
    list_branches,
    mark_blocked,
    open_branch,
)
from lakehouse.branches.model import (
    Branch,
    BranchError,
    BranchInfo,
    BranchInUse,
    Publish,
    PublishConflict,
    PublishResult,
    StaleWriter,
)
from lakehouse.branches.publishing import (
    current_snapshot,
    forget_publishes,
    kept_pointers,
    pointers_at,
    publish,
    publish_before,
    publish_history,
)
from lakehouse.branches.sharing import adopt, diverged, rebase

__all__ = [
    "Branch",
    "BranchError",
    "BranchInUse",
    "BranchInfo",
    "Publish",
    "PublishConflict",
    "PublishResult",
    "StaleWriter",
    "adopt",
    "current_snapshot",
    "diverged",
    "drop_branch",
    "drop_published",
    "forget_publishes",
    "join_branch",
    "kept_pointers",
    "list_branches",
    "mark_blocked",
    "open_branch",
    "pointers_at",
    "publish",
    "publish_before",
    "publish_history",
    "rebase",
]
