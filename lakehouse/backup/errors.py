"""How a backup or a restore fails: what is wrong, where, and what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class BackupFailed(RuntimeError):
    """It could not be done, and nothing half-done is left that looks whole; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "run the same command again") -> None:
        super().__init__(message)
        self.hint = hint


class WrongInput(BackupFailed):
    """What was asked for cannot be: another place, another backup or another profile must be named."""


class DamagedBackup(BackupFailed):
    """A backup is not what it was when it was written."""


@contextmanager
def file_errors(place: Path) -> Iterator[None]:
    """Say of a full disk that it is full, and of any other refusal of the file system what it refused.

    Raises:
        BackupFailed: instead of an ``OSError`` without words for people.
    """
    try:
        yield
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise _full(place, str(fault)) from fault
        raise BackupFailed(f"数据库无法读写 a database cannot be read or written: {fault}") from fault
    except OSError as fault:
        if fault.errno in _FULL:
            raise _full(place, fault.strerror or "") from fault
        raise BackupFailed(f"文件无法读写 {fault.filename or place}: {fault.strerror or fault}") from fault


def _full(place: Path, detail: str) -> BackupFailed:
    return BackupFailed(
        f"磁盘已满 no space left at {place}: {detail}", "free or add space, then run the same command again"
    )
