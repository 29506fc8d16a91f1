"""Ask the first questions after a publish before the first visitor does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from catalog.access.app_database import AppDatabaseUnavailable
from catalog.api.readers import QueryError
from catalog.api.reads import CatalogueReads
from lakehouse.branches import BranchError
from lakehouse.connect.servers import ServerUnavailable

SECONDS = 2.0

log = structlog.get_logger(__name__)


def warm(reads: CatalogueReads) -> None:
    """Warm what is published now; what cannot be read is logged, and pages say so themselves."""
    try:
        reads.warm()
    except (QueryError, BranchError, ServerUnavailable, AppDatabaseUnavailable, OSError) as error:
        log.warning("nothing could be read", error=str(error))


@contextmanager
def kept_warm(reads: CatalogueReads, seconds: float = SECONDS) -> Iterator[None]:
    """Look for a new publish every ``seconds`` in a thread of its own, and warm it, for the length of a block."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(seconds):
            warm(reads)

    thread = threading.Thread(target=watch, name="warming", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
