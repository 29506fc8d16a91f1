"""Copy files with their checksums, several at a time; what the last backup holds unchanged is linked instead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from blake3 import blake3

from lakehouse.backup.manifest import StoredFile
from lakehouse.connect import objects

WORKERS = 8
_AHEAD = 64  # files that are handed to the workers before the first result is awaited
_CHUNK = 8 << 20
_SAME_TIME = 0.001  # seconds; file systems keep times to different digits

Progress = Callable[[str, int, int], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Origin:
    """A file to keep: where it is, and under which path a backup has it."""

    path: str
    location: str
    size: int
    modified: float


def listed(folder: Path | str, below: str) -> list[Origin]:
    """List the files of a folder or bucket, under the folder of a backup that they go to; a missing one has none."""
    start = len(str(folder)) + 1
    return [
        Origin(f"{below}/{file.location[start:]}", file.location, file.bytes, file.modified)
        for file in objects.listing(str(folder))
    ]


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the results of some work in the order of the items; the first failure ends it."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def make_folder(folder: Path) -> None:
    """Make a folder with those above it, each closed to others."""
    if not folder.is_dir():
        make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def copy(location: str, target: Path) -> StoredFile:
    """Copy a file or an object to a new private file; the path of the result is the location.

    Raises:
        FileNotFoundError: it is gone.
    """
    make_folder(target.parent)
    hasher, size = blake3(), 0
    with (
        objects.open_input(location) as source,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
    ):
        while chunk := _read(location, source):
            hasher.update(chunk)
            size += file.write(chunk)
    return StoredFile(path=location, size=size, blake3=hasher.hexdigest(), modified=0.0)


def _read(location: str, source: Any) -> bytes:
    with objects.store_errors(location):
        return bytes(source.read(_CHUNK))


def digest(file: Path) -> str:
    """Return the checksum of a file."""
    hasher = blake3()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


class Keeper:
    """Brings files into a new backup. What an earlier one has with the same path, size and time is shared with it."""

    def __init__(self, folder: Path, earlier: Path | None, known: Sequence[StoredFile]) -> None:
        self._folder = folder
        self._earlier = earlier
        self._known = {file.path: file for file in known}
        self.copied_files = 0
        self.copied_bytes = 0

    def keep(self, origins: Sequence[Origin], stage: str, progress: Progress) -> Iterator[StoredFile]:
        """Yield what was kept of the origins; files that were taken away meanwhile are left out."""
        for done, (file, is_copy) in enumerate(in_parallel(self._one, origins), 1):
            progress(stage, done, len(origins))
            if file is None:
                continue
            self.copied_files += is_copy
            self.copied_bytes += file.size * is_copy
            yield file

    def written(self, file: Path) -> StoredFile:
        """Count in a file that was written into the backup by another way."""
        size = file.stat().st_size
        self.copied_files += 1
        self.copied_bytes += size
        path = str(file.relative_to(self._folder))
        return StoredFile(path=path, size=size, blake3=digest(file), modified=file.stat().st_mtime)

    def _one(self, origin: Origin) -> tuple[StoredFile | None, bool]:
        shared = self._shared(origin)
        if shared is not None:
            return shared, False
        try:
            copied = copy(origin.location, self._folder / origin.path)
        except FileNotFoundError:
            return None, False
        return copied.model_copy(update={"path": origin.path, "modified": origin.modified}), True

    def _shared(self, origin: Origin) -> StoredFile | None:
        """Link a file of the earlier backup into this one; None when it has none that fits, or the disk cannot link."""
        known = self._known.get(origin.path)
        if self._earlier is None or known is None or known.size != origin.size:
            return None
        if abs(known.modified - origin.modified) > _SAME_TIME:
            return None
        held, target = self._earlier / origin.path, self._folder / origin.path
        make_folder(target.parent)
        try:
            if held.stat().st_size != origin.size:
                return None
            os.link(held, target)
        except OSError:
            return None
        return known
