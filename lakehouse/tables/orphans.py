"""Find and remove files in the warehouse that no branch and no kept publish needs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from lakehouse.connect.settings import Settings
from lakehouse.tables.reachability import reachable

# A writer commits within minutes; its files are safe from the clean-up long before they belong to a table.
MINIMUM_AGE_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Orphan:
    """A file that nobody needs."""

    path: str
    bytes: int


def find_orphans(settings: Settings, *, minimum_age_seconds: float = MINIMUM_AGE_SECONDS) -> list[Orphan]:
    """Return the files older than the minimum age that no branch and no kept publish reaches."""
    # List first and walk second: a file that is committed in between is found to be needed.
    present = list(_files(settings.warehouse))
    needed = reachable(settings).paths()
    youngest = time.time() - minimum_age_seconds
    return [
        Orphan(path, status.st_size) for path, status in present if path not in needed and status.st_mtime <= youngest
    ]


def remove_orphans(settings: Settings, *, minimum_age_seconds: float = MINIMUM_AGE_SECONDS) -> list[Orphan]:
    """Remove what ``find_orphans`` finds, and folders that are empty afterwards; return what went."""
    orphans = find_orphans(settings, minimum_age_seconds=minimum_age_seconds)
    for orphan in orphans:
        Path(orphan.path).unlink(missing_ok=True)
    for folder in {Path(orphan.path).parent for orphan in orphans}:
        if folder.parent.name == "data" and not any(folder.iterdir()):
            folder.rmdir()
    return orphans


def _files(root: Path) -> list[tuple[str, os.stat_result]]:
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            try:
                found.append((path, os.stat(path)))
            except FileNotFoundError:
                continue  # a writer cleaned up after itself
    return sorted(found, key=lambda item: item[0])
