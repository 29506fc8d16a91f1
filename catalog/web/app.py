"""The web application: catalogue pages, data API, generated documentation, health - on one port."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from catalog.access.accounts import AccountStore
from catalog.access.app_database import AppDatabaseUnavailable
from catalog.access.sessions import SessionStore
from catalog.access.store import AccessStore
from catalog.api.cataloguing import CataloguingViews
from catalog.api.clock import now, today
from catalog.api.data import DataService
from catalog.api.desk import Desk
from catalog.api.limits import RateLimiter
from catalog.api.lineage_store import LineageStore
from catalog.api.paging import Tokens
from catalog.api.published import PublishedData
from catalog.api.readers import QueryError, Readers
from catalog.api.reads import CatalogueReads
from catalog.api.routes import Doors, api_router
from catalog.cataloguing.archive import Archive
from catalog.cataloguing.desk import CataloguingDesk
from catalog.cataloguing.shelf import Shelf
from catalog.cataloguing.store import CataloguingStore
from catalog.compliance.days import month_of
from catalog.compliance.gather import Gatherer
from catalog.compliance.report import build_report
from catalog.contract.load import load_vocabulary
from catalog.contract.vocabulary import Vocabulary
from catalog.sharing.acting import Acting
from catalog.sharing.calendar import load_calendar
from catalog.sharing.grants import GrantBook
from catalog.sharing.practice import load_practice
from catalog.sharing.reminders import ReminderStore
from catalog.sharing.store import SharingStore
from catalog.web.cataloguing import Cataloguing, cataloguing_router
from catalog.web.cataloguing_sheets import sheets_router
from catalog.web.cataloguing_wizard import wizard_router
from catalog.web.compliance import compliance_router
from catalog.web.dcat import dcat_router
from catalog.web.desk import desk_router
from catalog.web.pages import Elsewhere, page_router
from catalog.web.protection import protect
from catalog.web.signin import People, recognise, signin_router
from catalog.web.templating import STATIC
from lakehouse.connect.app_database import app_database
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings

GENERATED_DOCS = ("quality", "dbt")
SECRET_BYTES = 32
CACHED_FOR_EVER = "public, max-age=31536000, immutable"
AIRFLOW_URL = "CITYBRAIN_AIRFLOW_URL"

log = structlog.get_logger(__name__)


class MarkedFiles(StaticFiles):
    """Static files whose addresses carry a mark of their content, so that a browser asks once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = CACHED_FOR_EVER
        return response


class GeneratedDocs(StaticFiles):
    """Generated documentation; its folder may come after the start, with the first run."""

    async def check_config(self) -> None:
        """Let a missing folder be a page that is not there."""


def create_app(settings: Settings, *, limiter: RateLimiter | None = None) -> FastAPI:
    """Return the application over one home folder."""
    vocabulary, calendar = load_vocabulary(), load_calendar()
    readers = Readers(settings)
    database = app_database(settings)
    store, lineage, sharing = AccessStore(database), LineageStore(database), SharingStore(database)
    people = People(AccountStore(database), SessionStore(database))
    cataloguing_desk = CataloguingDesk(
        CataloguingStore(database, calendar), Shelf(vocabulary, Archive(settings.contracts))
    )
    with suppress(OSError):  # what cannot be written now is told when somebody publishes
        cataloguing_desk.settle()
    reads = CatalogueReads(settings, readers, cataloguing_desk.shelf, vocabulary)
    cataloguing = Cataloguing(cataloguing_desk, CataloguingViews(cataloguing_desk, calendar), reads, readers)
    gatherer = Gatherer(settings, sharing, store, reads.contracts, vocabulary)
    reminders = ReminderStore(database)
    tokens = Tokens(page_secret(settings.app_db.with_name("page-token.key")))
    service = DataService(readers, store, tokens, reads.entries, GrantBook(sharing))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(_warm, reads)
        warming = asyncio.create_task(run_in_threadpool(_warm_duties, gatherer, vocabulary))
        yield
        await warming
        readers.close()
        store.close()
        lineage.close()
        people.close()
        sharing.close()
        reminders.close()
        cataloguing_desk.store.close()

    app = FastAPI(title="citybrain", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    recognise(app, people)
    protect(app)
    _add_health(app, reads)
    app.include_router(api_router(Doors(reads, service, store, lineage, limiter or RateLimiter())))
    elsewhere = Elsewhere(settings.docs, os.environ.get(AIRFLOW_URL) or None)
    app.include_router(signin_router(people))
    for made in (cataloguing_router, wizard_router, sheets_router):
        app.include_router(made(cataloguing))
    app.include_router(dcat_router(reads))
    published = PublishedData(readers, reads.contracts, reads.now)
    acting = Acting(sharing, calendar, load_practice(), published)
    desk = Desk(acting, reminders, store, reads, published, now)
    app.include_router(page_router(reads, lineage, elsewhere, desk))
    app.include_router(desk_router(desk))
    app.include_router(compliance_router(gatherer, vocabulary))
    app.mount("/static", MarkedFiles(directory=STATIC), name="static")
    for name in GENERATED_DOCS:
        app.mount(f"/docs/{name}", GeneratedDocs(directory=settings.docs / name, html=True, check_dir=False))
    return app


def page_secret(path: Path) -> bytes:
    """Return the key that seals page tokens; made once per home, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
    try:
        os.link(fresh, path)  # whole or not at all, and the first one stays
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_bytes()


def _add_health(app: FastAPI, reads: CatalogueReads) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        facts = reads.now()
        if facts.is_published:
            return JSONResponse({"status": "ready", "snapshot": facts.snapshot, "published_at": facts.published_at})
        hint = "citybrain run --source DIR"
        return JSONResponse({"status": "nothing published yet", "snapshot": None, "hint": hint}, status_code=503)


def _warm(reads: CatalogueReads) -> None:
    """Ask the first questions before the first visitor does."""
    try:
        reads.overview(reads.now())
    except QueryError as error:
        log.warning("nothing could be read at start", error=str(error))


def _warm_duties(gatherer: Gatherer, vocabulary: Vocabulary) -> None:
    """Replay what happened and compute the months of the newest report, beside the first visitors."""
    try:
        build_report(gatherer, month_of(today()), list(vocabulary.departments), today())
    except (QueryError, AppDatabaseUnavailable, ServerUnavailable) as error:
        log.warning("the duties could not be computed at start", error=str(error))
