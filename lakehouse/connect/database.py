"""The register of branches and publishes, and the table pointers, as one transaction sees them.

Both profiles keep the same tables and run the same statements. The embedded profile has them in one SQLite file, with the
pointers beside them; the cluster profile has them in PostgreSQL, and the pointers are Nessie's references.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from lakehouse.connect.cluster import ProfileUnavailable
from lakehouse.connect.settings import Settings

MAIN = "main"
# Schemas of a branch in which a build may keep what is nobody else's business; never compared, never published.
SCRATCH_PREFIX = "scratch_"
_ATTEMPTS = 20

P = ParamSpec("P")
R = TypeVar("R")

__all__ = [
    "MAIN",
    "SCRATCH_PREFIX",
    "PointersMoved",
    "ProfileUnavailable",
    "Register",
    "Rows",
    "UnknownBranch",
    "again_when_pointers_moved",
    "branch_pointers",
    "branch_schema",
    "catalog_name_of",
    "pointers",
    "reading",
    "transaction",
]


_BRANCH_SCHEMA = """
create table if not exists branch (
    name text primary key,
    token bigint not null,
    catalog_name text not null unique,
    state text not null,
    opened_at text not null,
    reason text
);
create table if not exists branch_base (
    branch text not null,
    identifier text not null,
    pointer text not null,
    primary key (branch, identifier)
);
create table if not exists branch_adoption (
    branch text not null,
    identifier text not null,
    from_branch text not null,
    pointer text not null,
    base text,
    primary key (branch, identifier)
);
create table if not exists publish_log (
    id {number},
    snapshot text not null,
    branch text not null,
    token bigint not null,
    scope text not null,
    published_at text not null,
    tables_changed text not null,
    pointers text not null
);
"""


def branch_schema(number: str) -> str:
    """Return the statements that make the tables both profiles keep; ``number`` is how the engine counts a log's rows."""
    return _BRANCH_SCHEMA.format(number=number)


class UnknownBranch(LookupError):
    """There is no such branch, or it was dropped."""


class PointersMoved(RuntimeError):
    """Another writer changed a pointer that this transaction was about to change; nothing was changed."""


class Rows(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Register(ABC):
    """The register and the pointers inside one transaction. Statements have ``?`` for their parameters."""

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement on the register's tables."""

    @abstractmethod
    def catalog_name(self, branch: str, token: int) -> str:
        """Return the catalog name under which a token of a branch works."""

    @abstractmethod
    def pointers(self, catalog_name: str) -> dict[str, str]:
        """Return identifier -> metadata location of every table under a catalog name, sorted by identifier."""

    @abstractmethod
    def set_pointer(self, catalog_name: str, identifier: str, pointer: str | None) -> None:
        """Put a table's pointer under a catalog name; None removes the table there."""

    @abstractmethod
    def swap_pointer(self, catalog_name: str, identifier: str, base: str | None, pointer: str | None) -> bool:
        """Set a pointer if it is ``base``; tell whether it was."""

    @abstractmethod
    def copy_catalog(self, source: str, target: str) -> None:
        """Let a catalog name show what another one shows."""

    @abstractmethod
    def rename_catalog(self, old: str, new: str) -> None:
        """Let a catalog name take the place of another one, whose writers find nothing from then on."""

    @abstractmethod
    def drop_catalog(self, catalog_name: str) -> None:
        """Forget a catalog name with its pointers; it may be gone already."""

    @abstractmethod
    def every_pointer(self) -> list[tuple[str, str]]:
        """Return every (identifier, metadata location) that anybody can see, under whatever catalog name."""


def reading(settings: Settings) -> AbstractContextManager[Register]:
    """Give a register whose reads all see one state."""
    if settings.profile == "cluster":
        from lakehouse.connect.register_postgres import reading_cluster

        return reading_cluster(settings)
    from lakehouse.connect.register_sqlite import reading_embedded

    return reading_embedded(settings)


@contextmanager
def transaction(settings: Settings, *, atomic: bool = True) -> Iterator[Register]:
    """Run the block as one transaction; those of one home run one after the other.

    ``atomic=False`` commits statement by statement; only the negative control of a fault test asks for it.

    Raises:
        PointersMoved: somebody changed the pointers by another way meanwhile; nothing was changed.
    """
    if settings.profile == "cluster":
        from lakehouse.connect.register_postgres import cluster_transaction as run
    else:
        from lakehouse.connect.register_sqlite import embedded_transaction as run
    with run(settings, atomic=atomic) as db:
        yield db


def again_when_pointers_moved(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function of one transaction again on the newest state when a writer of the same tables was faster."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return function(*args, **kwargs)
            except PointersMoved:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError

    return run


def pointers(db: Register, catalog_name: str) -> dict[str, str]:
    """Return identifier -> metadata location of every table under a catalog name, sorted by identifier."""
    return db.pointers(catalog_name)


def catalog_name_of(db: Register, branch: str) -> str:
    """Return the catalog name that holds a branch's rows.

    Raises:
        UnknownBranch: no such branch, or it was dropped.
    """
    if branch == MAIN:
        return MAIN
    row = db.execute("select catalog_name, state from branch where name = ?", (branch,)).fetchone()
    if row is None or row[1] == "dropped":
        raise UnknownBranch(f"there is no branch {branch!r}; `citybrain branches` lists them")
    return str(row[0])


def branch_pointers(settings: Settings, branch: str = MAIN) -> dict[str, str]:
    """Return identifier -> metadata location of every table that a branch shows."""
    with reading(settings) as db:
        return pointers(db, catalog_name_of(db, branch))
