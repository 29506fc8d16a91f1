"""Readers of the published lakehouse, kept open between requests: opening one costs more than most questions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import ExitStack

from lakehouse.branches import current_snapshot
from lakehouse.connect.settings import Settings
from lakehouse.query import QueryError, Reader, open_reader

KEPT_SNAPSHOTS = 4


class Readers:
    """One open reader per snapshot, the newest few; safe for many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[Reader, ExitStack]] = OrderedDict()

    def snapshot(self) -> str:
        """Return the id of what ``main`` shows now."""
        return current_snapshot(self._settings)

    def current(self) -> Reader:
        """Return a reader of what is published now."""
        return self.at(self.snapshot(), is_current=True)

    def at(self, snapshot: str, *, is_current: bool = False) -> Reader:
        """Return a reader of a publish; raise ``QueryError`` when it is not kept any more."""
        with self._lock:
            if snapshot in self._open:
                self._open.move_to_end(snapshot)
                return self._open[snapshot][0]
            stack = ExitStack()
            reader = stack.enter_context(open_reader(self._settings, None if is_current else snapshot))
            self._open[snapshot] = (reader, stack)
            while len(self._open) > KEPT_SNAPSHOTS:
                self._open.popitem(last=False)[1][1].close()
            return reader

    def close(self) -> None:
        """Close every reader."""
        with self._lock:
            for _, stack in self._open.values():
                stack.close()
            self._open.clear()


__all__ = ["QueryError", "Readers"]
