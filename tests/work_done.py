"""How much work an answer costs, counted in calls of functions: nearly the same on every machine, where seconds are not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

CALLS_A_SECOND = 2_400_000  # of pages and their queries, on the machine that figures in the documentation are from


@dataclass
class Work:
    """Calls while ``counted`` is entered: in its own thread, and in those that ``watch_threads`` saw start."""

    calls: int = 0
    counts: bool = False

    @contextmanager
    def counted(self) -> Iterator[None]:
        self.calls, self.counts = 0, True
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
            self.counts = False

    @property
    def seconds(self) -> float:
        """What these calls take on the machine that figures in the documentation are from."""
        return self.calls / CALLS_A_SECOND

    def _note(self, _frame: FrameType, event: str, _argument: object) -> None:
        if self.counts and event in {"call", "c_call"}:
            self.calls += 1


@contextmanager
def watch_threads() -> Iterator[Work]:
    """Watch every thread that is started from now on: a test client and its application begin theirs when first asked."""
    work = Work()
    threading.setprofile(work._note)
    try:
        yield work
    finally:
        threading.setprofile(None)  # type: ignore[arg-type]  # as the standard library says; its stubs do not
