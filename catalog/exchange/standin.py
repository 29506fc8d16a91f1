"""A stand-in for an OpenMetadata server, on loopback, for runs that write to a file.

OpenMetadata's workflow asks its server for the version before anything else; its connectors ask how a connection is
tried, and look whether the service that they just sent has arrived. Where no server is configured, this answers these
three questions and denies everything else.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from metadata.__version__ import get_client_version

from catalog.exchange.names import stable_id

SERVICES = "/services/databaseServices/name/"
TRIALS = "/services/testConnectionDefinitions/name/"


class _Server(ThreadingHTTPServer):
    """Knows which services were asked for before: the first answer is no, so that the service itself is written too."""

    daemon_threads = True

    def __init__(self, service_type: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service_type = service_type
        self.seen: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer the three questions."""
        path = unquote(urlsplit(self.path).path)
        _, found, name = path.partition(TRIALS)
        if found:
            self._answer(200, _trial(name))
            return
        if path.endswith("/system/version"):
            self._answer(200, {"version": get_client_version(), "revision": "", "timestamp": 0})
            return
        _, found, name = path.partition(SERVICES)
        if found and name in self.server.seen:
            self._answer(200, self._service(name))
            return
        if found:
            self.server.seen.add(name)
        self._deny()

    def _deny(self) -> None:
        self._answer(404, {"code": 404, "message": "this is not a server: entities are written to a file"})

    do_PUT = do_POST = do_PATCH = do_DELETE = _deny

    def _service(self, name: str) -> dict[str, Any]:
        identifier = str(stable_id("databaseService", name))
        named = {"id": identifier, "name": name, "fullyQualifiedName": name}
        return {**named, "serviceType": self.server.service_type, "deleted": False}

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Stay silent: nothing here is news."""


def _trial(name: str) -> dict[str, Any]:
    """Return how a connection is tried: it must open, and nothing more, since what follows reads everything anyhow."""
    identifier = str(stable_id("testConnectionDefinition", name))
    step = {"name": "CheckAccess", "description": "the service answers", "mandatory": True}
    return {"id": identifier, "name": name.partition(".")[0], "fullyQualifiedName": name, "steps": [step]}


@contextmanager
def standin(service_type: str = "CustomDatabase") -> Iterator[str]:
    """Run the stand-in; give the URL that a workflow takes for its server."""
    server = _Server(service_type)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
