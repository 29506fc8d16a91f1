"""The server of one arm of ``bench search``: the product's own route and protection, with the arm's way to find behind it."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from catalog.api.divisions import Finder, divisions_router
from catalog.api.limits import RateLimiter
from catalog.search.names import NameIndex
from catalog.web.protection import protect
from infra.bench.search_peers import answer_of_one, postgres_finder, sqlite_finder

ALL = 1e9


def finder(arm: str, place: str) -> Finder:
    """Return the way to find of an arm; ``place`` is its file or address."""
    match arm:
        case "ours":
            return NameIndex.open(Path(place)).search
        case "peer:sqlite-fts5":
            return sqlite_finder(Path(place))
        case "peer:postgres-pg_trgm":
            return postgres_finder(place)
        case "floor":
            return answer_of_one
    raise ValueError(arm)


def main(arm: str, place: str) -> None:
    """Serve one arm on a free port of this machine; its address is the first line on stdout."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    protect(app)
    app.include_router(divisions_router(finder(arm, place), RateLimiter(rate=ALL, burst=int(ALL))))
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
