"""Who copies files of the warehouse, and who removes some, agree on it: many may copy, or one may remove.

The lock belongs to a process, or to its session on PostgreSQL, and goes with it however it ends.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.faults import guard_off
from lakehouse.connect.servers import named
from lakehouse.connect.settings import Settings

LOCK_FILE = "files.lock"
_LOCK = "hashtextextended('citybrain-files:' || current_schema(), 0)"


class FilesInUse(RuntimeError):
    """Files are being copied, or removed, by somebody else; the message says what to do."""


@contextmanager
def files_kept(settings: Settings) -> Iterator[None]:
    """Let no file that belongs to a table be removed inside the block.

    Raises:
        FilesInUse: a clean-up is under way.
    """
    with _locked(settings, exclusive=False, refusal="旧文件清理正在进行 a clean-up of old files is under way"):
        yield


@contextmanager
def files_removable(settings: Settings) -> Iterator[None]:
    """Let nobody copy the warehouse inside the block.

    Raises:
        FilesInUse: a backup is under way.
    """
    if guard_off("kept-files"):
        yield
        return
    with _locked(settings, exclusive=True, refusal="备份正在进行 a backup is under way, which needs every file"):
        yield


@contextmanager
def _locked(settings: Settings, *, exclusive: bool, refusal: str) -> Iterator[None]:
    lock = _on_server if settings.profile == "cluster" else _on_machine
    with lock(settings, exclusive, f"{refusal}; wait until it has ended, then run it again"):
        yield


@contextmanager
def _on_machine(settings: Settings, exclusive: bool, refusal: str) -> Iterator[None]:
    settings.root.mkdir(parents=True, exist_ok=True)
    with (settings.root / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FilesInUse(refusal) from None
        yield


@contextmanager
def _on_server(settings: Settings, exclusive: bool, refusal: str) -> Iterator[None]:
    import psycopg

    from lakehouse.connect.register_postgres import connect_database

    cluster, kind = cluster_settings(settings), "" if exclusive else "_shared"
    with named("PostgreSQL", cluster.database_address, psycopg.Error), connect_database(cluster) as db:
        answer = db.execute(f"select pg_try_advisory_lock{kind}({_LOCK})").fetchone()
        if answer is None or not answer[0]:
            raise FilesInUse(refusal)
        yield
        db.execute(f"select pg_advisory_unlock{kind}({_LOCK})")  # fails when the session, and the lock, was lost
