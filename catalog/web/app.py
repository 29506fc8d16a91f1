"""The web application: catalogue pages, data API, generated documentation, health - on one port."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from catalog.access.store import AccessStore
from catalog.api.data import DataService
from catalog.api.limits import RateLimiter
from catalog.api.readers import Readers
from catalog.api.routes import data_router
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.web.pages import page_router
from catalog.web.protection import protect
from catalog.web.reads import CatalogueReads
from lakehouse.connect.settings import Settings

STATIC = Path(__file__).parent / "static"
GENERATED_DOCS = ("quality", "dbt")


def create_app(settings: Settings) -> FastAPI:
    """Return the application over one home folder."""
    contracts, vocabulary = load_contracts(), load_vocabulary()
    readers = Readers(settings)
    store = AccessStore(settings.app_db)
    service = DataService(readers, store, _page_secret(settings.root / "page-token.key"))
    reads = CatalogueReads(readers, contracts, vocabulary)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        readers.close()

    app = FastAPI(title="citybrain", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    protect(app)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        ready = bool(reads.rows("select 1 as one from catalogue.catalogue_entry limit 1"))
        state = {
            "status": "ready" if ready else "nothing published yet",
            "snapshot": reads.snapshot() if ready else None,
        }
        return JSONResponse(state, status_code=200 if ready else 503)

    app.include_router(data_router(service, store, RateLimiter(), contracts, vocabulary))
    app.include_router(page_router(reads, settings.docs))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for name in GENERATED_DOCS:
        folder = settings.docs / name
        folder.mkdir(parents=True, exist_ok=True)
        app.mount(f"/docs/{name}", StaticFiles(directory=folder, html=True), name=f"docs-{name}")
    return app


def _page_secret(path: Path) -> bytes:
    """Return the key that signs page tokens; made once per home, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secret := secrets.token_bytes(32))
    return secret
