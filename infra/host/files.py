"""Files that are private from the first byte on and replaced whole, and logs that do not fill the disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LOG_BYTES = 64 * 2**20


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def keep_small(log: Path, most: int = LOG_BYTES) -> None:
    """Move a log that grew too large aside, over the one moved before; who writes appends, and so goes on at the start."""
    if not log.exists() or log.stat().st_size <= most:
        return
    aside = log.with_name(f"{log.name}.1")
    aside.touch(mode=0o600)
    shutil.copyfile(log, aside)
    os.truncate(log, 0)
