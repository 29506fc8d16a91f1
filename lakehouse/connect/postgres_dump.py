"""PostgreSQL databases out of a server and into one, with the server's own programs.

What a dump holds is one moment of the database (an exported snapshot), without owners and grants: roles and passwords are
the matter of the server that it goes into. Passwords travel in a file of memory, not in arguments or the environment.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lakehouse.connect.servers import ServerUnavailable, named

CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Database:
    """A database with the role that owns its tables; ``programs`` is the folder of pg_dump and pg_restore."""

    name: str
    uri: str = field(repr=False)
    programs: Path

    @property
    def address(self) -> str:
        """The server and database, without user and password."""
        at = conninfo_to_dict(self.uri)
        return f"{at.get('host', '')}:{at.get('port', 5432)}/{at.get('dbname', '')}"


@contextmanager
def frozen(database: Database) -> Iterator[str]:
    """Keep one moment of a database for as long as the block lasts; give the name that a dump finds it by."""
    with _session(database) as db:
        db.execute("begin isolation level repeatable read read only")
        row = db.execute("select pg_export_snapshot()").fetchone()
        yield str(row[0] if row else "")


def dump_database(database: Database, snapshot: str, target: Path) -> None:
    """Write a frozen moment to a file, in PostgreSQL's custom format.

    Raises:
        ServerUnavailable: pg_dump failed; the message has its first line.
    """
    options = ["--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges", f"--file={target}"]
    _run(database, "pg_dump", options, [])


def load_database(database: Database, source: Path) -> None:
    """Let a database hold what a dump holds instead of what it held: all of it or nothing.

    Raises:
        ServerUnavailable: pg_restore failed, and nothing was changed.
    """
    options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run(database, "pg_restore", options, [str(source)])


def rows_in(database: Database, tables: Sequence[str]) -> int:
    """Return how many rows some tables of a database have in all; those that are not there have none."""
    with _session(database) as db:
        present = [name for name in tables if db.execute("select to_regclass(%s)", (name,)).fetchone() != (None,)]
        counts = [db.execute(f"select count(*) from {name}".encode()).fetchone() for name in present]
        return sum(int(row[0]) for row in counts if row)


@contextmanager
def _session(database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with (
        named("PostgreSQL", database.address, psycopg.Error),
        psycopg.connect(database.uri, autocommit=True, connect_timeout=CONNECT_SECONDS) as db,
    ):
        yield db


def _run(database: Database, program: str, options: Sequence[str], arguments: Sequence[str]) -> None:
    facts: dict[str, Any] = conninfo_to_dict(database.uri)
    password = str(facts.pop("password", ""))
    with _password_file(password) as handle:
        done = subprocess.run(
            [str(database.programs / program), *options, f"--dbname={make_conninfo(**facts)}", "--no-password", *arguments],
            env={"PATH": os.environ.get("PATH", ""), "PGPASSFILE": f"/proc/self/fd/{handle}", "LC_ALL": "C.UTF-8"},
            pass_fds=(handle,),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    if done.returncode:
        raise ServerUnavailable(
            "PostgreSQL", database.address, done.stderr or f"{program} ended with {done.returncode}"
        )


@contextmanager
def _password_file(password: str) -> Iterator[int]:
    """Give the handle of a private file that is nowhere on a disk, as libpq reads passwords."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    handle = os.memfd_create("pgpass")
    try:
        os.fchmod(handle, 0o600)
        os.write(handle, f"*:*:*:*:{escaped}\n".encode())
        yield handle
    finally:
        os.close(handle)
