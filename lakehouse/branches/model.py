"""What the branch functions take and give back, and how they say no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BranchState = Literal["open", "published", "blocked", "dropped"]


@dataclass(frozen=True)
class Branch:
    """A writer's hold on a branch: its fencing token, and the catalog name that only this token writes to."""

    name: str
    token: int
    catalog_name: str


@dataclass(frozen=True)
class BranchInfo:
    """A branch as an operator sees it; ``tables_changed`` are the identifiers that it would publish."""

    name: str
    state: BranchState
    opened_at: str
    reason: str | None
    tables_changed: list[str]


@dataclass(frozen=True)
class PublishResult:
    """What one publish moved, and the id of the state of ``main`` after it."""

    tables_changed: list[str]
    snapshot: str


@dataclass(frozen=True)
class Publish:
    """One entry of the publish log."""

    snapshot: str
    branch: str
    published_at: str
    tables_changed: list[str]


class BranchError(RuntimeError):
    """A branch operation is refused; the message says why and what to do."""


class BranchInUse(BranchError):
    """Another writer has the branch."""


class StaleWriter(BranchError):
    """The writer's token is not the newest: somebody took the branch over, or dropped it."""


class PublishConflict(BranchError):
    """``main`` moved on since the branch started from it."""
