"""Find and remove files in the warehouse that no branch and no kept publish needs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from lakehouse.connect import objects
from lakehouse.connect.kept_files import files_removable
from lakehouse.connect.settings import Settings
from lakehouse.connect.warehouse import warehouse_location
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
    present = list(objects.listing(warehouse_location(settings)))
    needed = reachable(settings).paths()
    youngest = time.time() - minimum_age_seconds
    return [
        Orphan(file.location, file.bytes)
        for file in present
        if file.location not in needed and file.modified <= youngest
    ]


def remove_orphans(settings: Settings, *, minimum_age_seconds: float = MINIMUM_AGE_SECONDS) -> list[Orphan]:
    """Remove what ``find_orphans`` finds, and folders that are empty afterwards; return what went.

    Raises:
        FilesInUse: a backup is under way; its catalog may name files that nobody needs any more by now.
    """
    with files_removable(settings):
        orphans = find_orphans(settings, minimum_age_seconds=minimum_age_seconds)
        for orphan in orphans:
            objects.remove(orphan.path)
        for folder in {Path(orphan.path).parent for orphan in orphans if not objects.is_remote(orphan.path)}:
            if folder.parent.name == "data" and not any(folder.iterdir()):
                folder.rmdir()
    return orphans
