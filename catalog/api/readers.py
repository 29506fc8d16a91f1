"""Readers of the published lakehouse, kept open between requests: opening one costs more than most questions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lakehouse.branches import BranchError, current_snapshot, pointers_at
from lakehouse.connect.settings import Settings
from lakehouse.query import QueryError, Reader, open_reader

KEPT_SNAPSHOTS = 4
READERS_PER_SNAPSHOT = 3


class _Shelf:
    """The readers of one snapshot: as many as are asked for at once, up to a bound; a reader answers one at a time."""

    def __init__(self, settings: Settings, snapshot: str) -> None:
        self._settings, self.snapshot = settings, snapshot
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(READERS_PER_SNAPSHOT)
        self._idle: list[tuple[Reader, ExitStack]] = []
        self._is_retired = False

    @contextmanager
    def lease(self) -> Iterator[Reader]:
        with self._places:
            with self._lock:
                held = self._idle.pop() if self._idle else None
            reader, closing = held or self._open()
            try:
                yield reader
            finally:
                with self._lock:
                    kept = not self._is_retired
                    if kept:
                        self._idle.append((reader, closing))
                if not kept:
                    closing.close()

    def retire(self) -> None:
        """Close the idle readers; those at work are closed when they come back."""
        with self._lock:
            self._is_retired = True
            idle, self._idle = self._idle, []
        for _, closing in idle:
            closing.close()

    def _open(self) -> tuple[Reader, ExitStack]:
        stack = ExitStack()
        return stack.enter_context(open_reader(self._settings, self.snapshot)), stack


class Readers:
    """Readers of the newest few snapshots, for many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    def snapshot(self) -> str:
        """Return the id of what ``main`` shows now."""
        return current_snapshot(self._settings)

    def tables(self, snapshot: str) -> frozenset[str]:
        """Return the names of the tables of a snapshot, without opening a reader."""
        try:
            return frozenset(pointers_at(self._settings, snapshot))
        except BranchError as error:
            raise QueryError(str(error)) from None

    @contextmanager
    def lease(self, snapshot: str) -> Iterator[Reader]:
        """Give a reader of one snapshot; raise ``QueryError`` when that publish is not kept any more."""
        with self._shelf(snapshot).lease() as reader:
            yield reader

    def close(self) -> None:
        """Close every reader."""
        with self._lock:
            shelves, self._shelves = list(self._shelves.values()), OrderedDict()
        for shelf in shelves:
            shelf.retire()

    def _shelf(self, snapshot: str) -> _Shelf:
        retired = []
        with self._lock:
            shelf = self._shelves.setdefault(snapshot, _Shelf(self._settings, snapshot))
            self._shelves.move_to_end(snapshot)
            while len(self._shelves) > KEPT_SNAPSHOTS:
                retired.append(self._shelves.popitem(last=False)[1])
        for old in retired:
            old.retire()
        return shelf


__all__ = ["QueryError", "Readers"]
