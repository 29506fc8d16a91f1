"""The web application: catalogue pages, data API, generated documentation, health - on one port."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from catalog.access.store import AccessStore
from catalog.api.contract_history import ContractHistory
from catalog.api.data import DataService
from catalog.api.limits import RateLimiter
from catalog.api.lineage_store import LineageStore
from catalog.api.paging import Tokens
from catalog.api.quality_trend import QualityTrend
from catalog.api.readers import Readers
from catalog.api.reads import CatalogueReads
from catalog.api.records import Records
from catalog.api.routes import Doors, api_router
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.web.pages import Elsewhere, page_router
from catalog.web.protection import protect
from catalog.web.templating import STATIC
from catalog.web.warming import begin, kept_warm
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

GENERATED_DOCS = ("quality", "dbt")
SECRET_BYTES = 32
CACHED_FOR_EVER = "public, max-age=31536000, immutable"
AIRFLOW_URL = "CITYBRAIN_AIRFLOW_URL"


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
    contracts, vocabulary = load_contracts(), load_vocabulary()
    readers = Readers(settings)
    database = app_database(settings)
    store, lineage = AccessStore(database), LineageStore(database)
    records = Records(QualityTrend(database), ContractHistory(database), store)
    reads = CatalogueReads(settings, readers, contracts, vocabulary)
    service = DataService(
        readers, store, Tokens(page_secret(settings.app_db.with_name("page-token.key"))), reads.entries
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(begin, reads)
        with kept_warm(reads, records):
            yield
        readers.close()
        store.close()
        records.trend.close()
        records.contracts.close()
        lineage.close()

    app = FastAPI(title="citybrain", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    protect(app)
    _add_health(app, reads)
    app.include_router(api_router(Doors(reads, service, store, lineage, limiter or RateLimiter(), records)))
    elsewhere = Elsewhere(settings.docs, os.environ.get(AIRFLOW_URL) or None)
    app.include_router(page_router(reads, lineage, records, elsewhere))
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
