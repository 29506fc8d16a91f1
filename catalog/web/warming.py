"""Ask the first questions after a publish or an approval before the first visitor does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime

import structlog
from fastapi.concurrency import run_in_threadpool

from catalog.access.app_database import AppDatabaseUnavailable
from catalog.api.clock import today
from catalog.api.readers import QueryError
from catalog.api.reads import CatalogueReads
from catalog.api.records import Records
from catalog.compliance.days import month_of
from catalog.compliance.gather import Gatherer
from catalog.compliance.report import build_report
from catalog.contract.vocabulary import Vocabulary
from lakehouse.branches import BranchError
from lakehouse.connect.servers import ServerUnavailable

SECONDS = 2.0
LAST_SECONDS = 5.0  # what is being warmed at the end may be given up: it only reads

AWAY = (QueryError, BranchError, ServerUnavailable, AppDatabaseUnavailable, OSError)

log = structlog.get_logger(__name__)


@asynccontextmanager
async def warmed(
    reads: CatalogueReads, records: Records, gatherer: Gatherer, vocabulary: Vocabulary
) -> AsyncIterator[None]:
    """Ask the home page's questions before the block, the others beside it, and for its length what is new in them."""
    await run_in_threadpool(begin, reads)
    duties = asyncio.create_task(run_in_threadpool(warm_duties, gatherer, vocabulary))
    with kept_warm(reads, records):
        yield
    await duties


def begin(reads: CatalogueReads) -> None:
    """Ask the home page's questions before the doors open."""
    with suppress(*AWAY):
        reads.overview(reads.now())


def warm(reads: CatalogueReads, records: Records) -> None:
    """Warm what is published now and keep what is new in it; what cannot be read is logged, and pages say so themselves."""
    try:
        if reads.warm():
            records.keep(reads, datetime.now(UTC).isoformat(timespec="seconds"))
    except AWAY as error:
        log.warning("nothing could be read", error=str(error))


@contextmanager
def kept_warm(reads: CatalogueReads, records: Records, seconds: float = SECONDS) -> Iterator[None]:
    """Look for a new publish or approval every ``seconds`` in a thread of its own, and warm it, for the length of a block."""
    stop = threading.Event()

    def watch() -> None:
        warm(reads, records)
        while not stop.wait(seconds):
            warm(reads, records)

    thread = threading.Thread(target=watch, name="warming", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LAST_SECONDS)


def warm_duties(gatherer: Gatherer, vocabulary: Vocabulary) -> None:
    """Replay what happened and compute the months of the newest report, beside the first visitors."""
    try:
        build_report(gatherer, month_of(today()), list(vocabulary.departments), today())
    except (QueryError, AppDatabaseUnavailable, ServerUnavailable) as error:
        log.warning("the duties could not be computed at start", error=str(error))
