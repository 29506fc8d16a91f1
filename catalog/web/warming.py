"""Ask the first questions after a publish before the first visitor does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from catalog.access.app_database import AppDatabaseUnavailable
from catalog.api.clock import today
from catalog.api.readers import QueryError
from catalog.api.reads import CatalogueReads
from catalog.compliance.days import month_of
from catalog.compliance.gather import Gatherer
from catalog.compliance.report import build_report
from catalog.contract.vocabulary import Vocabulary
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


def warm_duties(gatherer: Gatherer, vocabulary: Vocabulary) -> None:
    """Replay what happened and compute the months of the newest report, beside the first visitors."""
    try:
        build_report(gatherer, month_of(today()), list(vocabulary.departments), today())
    except (QueryError, AppDatabaseUnavailable, ServerUnavailable) as error:
        log.warning("the duties could not be computed at start", error=str(error))
