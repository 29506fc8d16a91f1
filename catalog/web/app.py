"""The web application: catalogue pages, the desks, data API, generated documentation, health - on one port."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from catalog.api.limits import RateLimiter
from catalog.api.reads import CatalogueReads
from catalog.api.routes import Doors, api_router
from catalog.web.account_admin import account_admin_router, rights_router
from catalog.web.audit_pages import audit_router
from catalog.web.cataloguing import cataloguing_router
from catalog.web.cataloguing_sheets import sheets_router
from catalog.web.cataloguing_wizard import wizard_router
from catalog.web.compliance import compliance_router
from catalog.web.dcat import dcat_router
from catalog.web.desk import desk_router
from catalog.web.oidc_signin import oidc_router
from catalog.web.own_account import own_account_router
from catalog.web.pages import Elsewhere, page_router
from catalog.web.protection import protect
from catalog.web.rooms import open_rooms
from catalog.web.signin import recognise, signin_router
from catalog.web.templating import STATIC
from catalog.web.warming import warmed
from lakehouse.connect.settings import Settings

GENERATED_DOCS = ("quality", "dbt")
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


def create_app(settings: Settings, *, limiter: RateLimiter | None = None, warms: bool = True) -> FastAPI:
    """Return the application over one home folder; one that ``warms`` asks first questions before the first visitor does."""
    rooms = open_rooms(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with warmed(rooms.reads, rooms.records, rooms.gatherer, rooms.vocabulary) if warms else nullcontext():
            yield
        rooms.closing.close()

    app = FastAPI(title="citybrain", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    recognise(app, rooms.people)
    protect(app)
    _add_health(app, rooms.reads)
    doors = Doors(
        rooms.reads, rooms.data, rooms.files, rooms.access, rooms.lineage, limiter or RateLimiter(), rooms.records
    )
    elsewhere = Elsewhere(settings.docs, os.environ.get(AIRFLOW_URL) or None)
    for router in (
        api_router(doors),
        signin_router(rooms.people),
        own_account_router(rooms.people, rooms.vocabulary),
        account_admin_router(rooms.office),
        rights_router(rooms.office),
        audit_router(rooms.people),
        cataloguing_router(rooms.cataloguing),
        wizard_router(rooms.cataloguing),
        sheets_router(rooms.cataloguing),
        dcat_router(rooms.reads),
        desk_router(rooms.desk, rooms.files),
        compliance_router(rooms.gatherer, rooms.vocabulary),
        page_router(rooms.reads, rooms.lineage, rooms.records, elsewhere, rooms.desk),
    ):
        app.include_router(router)
    if rooms.oidc is not None:
        app.include_router(oidc_router(rooms.people, rooms.oidc))
    app.state.has_provider = rooms.oidc is not None
    app.state.public_address = settings.public_address
    app.mount("/static", MarkedFiles(directory=STATIC), name="static")
    for name in GENERATED_DOCS:
        app.mount(f"/docs/{name}", GeneratedDocs(directory=settings.docs / name, html=True, check_dir=False))
    return app


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
