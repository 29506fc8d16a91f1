"""A door for Spark to the Iceberg catalog of a branch: the few calls of the Iceberg REST protocol that a job makes.

Every commit of Spark's so is one of the catalog that all other writers use, in either profile: fenced off by the branch's
token, with all snapshots in the metadata, and looked for before a retry. (Nessie's own REST door keeps only the current
snapshot in the metadata, and with the others goes the memory of the batches that were taken in.)

The door is a server on the loopback interface in the driver's process, for as long as the job runs; executors read and
write files only. It opens for one random token.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote

import structlog
from pydantic import ValidationError
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ValidationException
from pyiceberg.table import CommitTableRequest, Table

from lakehouse.connect import objects
from lakehouse.connect.servers import ReferenceGone, ServerUnavailable

_TABLE = re.compile(r"^/v1/namespaces/([^/]+)/tables/([^/]+)$")
_NAMESPACE = re.compile(r"^/v1/namespaces/([^/]+)$")

_LEVELS = "\x1f"  # between the levels of a namespace, says the protocol

log = structlog.get_logger(__name__)


class Door:
    """The catalog as Spark sees it: load a table, commit a table."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._turn = threading.Lock()
        self.token = secrets.token_urlsafe(24)

    def load(self, identifier: str) -> dict[str, Any]:
        """Return a table with all of its metadata, as it is stored."""
        return _loaded(self._catalog.load_table(identifier))

    def commit(self, identifier: str, body: dict[str, Any]) -> dict[str, Any]:
        """Commit what Spark asks for, if the table still is what it requires."""
        name = identifier.split(".")
        table = {"identifier": {"namespace": name[:-1], "name": name[-1]}}
        request = CommitTableRequest.model_validate({**body, **table})
        with self._turn:
            held = self._catalog.load_table(identifier)
            done = self._catalog.commit_table(held, request.requirements, request.updates)
        stored = json.loads(objects.read_bytes(done.metadata_location))
        return {"metadata-location": done.metadata_location, "metadata": stored}

    def has_namespace(self, name: str) -> bool:
        """Tell whether the catalog has a namespace."""
        return bool(self._catalog.namespace_exists(name))


def _loaded(table: Table) -> dict[str, Any]:
    stored = json.loads(objects.read_bytes(table.metadata_location))
    return {"metadata-location": table.metadata_location, "metadata": stored, "config": {}}


@contextmanager
def open_door(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Serve a catalog; give the address and the token."""
    server = _Server(Door(catalog))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.door.token
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, door: Door) -> None:
        self.door = door
        super().__init__(("127.0.0.1", 0), _Call)


class _Call(BaseHTTPRequestHandler):
    """One call; whatever goes wrong is answered in the protocol's form."""

    def do_GET(self) -> None:
        """Give the configuration, a namespace or a table."""
        self._answer(self._get)

    def do_HEAD(self) -> None:
        """Say whether there is a namespace or a table."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Commit a table."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a call is no event of its own."""

    @property
    def _door(self) -> Door:
        return cast(_Server, self.server).door

    def _get(self, path: str, _: dict[str, Any]) -> Any:
        if path == "/v1/config":
            return {"defaults": {}, "overrides": {}}
        if table := _TABLE.match(path):
            return self._door.load(_identifier(table))
        namespace = _NAMESPACE.match(path)
        if namespace and self._door.has_namespace(unquote(namespace[1])):
            return {"namespace": [unquote(namespace[1])], "properties": {}}
        raise NoSuchTableError(f"nothing at {path}")

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        table = _TABLE.match(path)
        if table is None:
            raise PermissionError("this door loads and commits tables; tables are made with the contract")
        return self._door.commit(_identifier(table), body)

    def _answer(self, handle: Any) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if not secrets.compare_digest(self.headers.get("Authorization") or "", f"Bearer {self._door.token}"):
            self._refuse(HTTPStatus.UNAUTHORIZED, "NotAuthorizedException", "this door is another job's")
            return
        try:
            self._send(HTTPStatus.OK, handle(self.path.partition("?")[0], json.loads(raw) if raw else {}))
        except NoSuchTableError as gone:
            self._refuse(HTTPStatus.NOT_FOUND, "NoSuchTableException", str(gone))
        except (CommitFailedException, ValidationException, ReferenceGone) as conflict:
            self._refuse(HTTPStatus.CONFLICT, "CommitFailedException", str(conflict))
        except (PermissionError, ValidationError) as refused:
            self._refuse(HTTPStatus.BAD_REQUEST, "BadRequestException", str(refused))
        except ServerUnavailable as down:
            self._refuse(*self._unavailable(down), str(down))
        except Exception as fault:  # a broken connection would tell Spark nothing
            log.exception("catalog door", path=self.path)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "CommitStateUnknownException", type(fault).__name__)

    def _unavailable(self, down: ServerUnavailable) -> tuple[HTTPStatus, str]:
        """Spark must not take a commit for failed, and remove its files, when nobody knows."""
        if self.command != "POST":
            return HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailableException"
        if down.is_unknown:
            return HTTPStatus.GATEWAY_TIMEOUT, "CommitStateUnknownException"
        return HTTPStatus.CONFLICT, "CommitFailedException"

    def _refuse(self, status: HTTPStatus, kind: str, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": kind, "code": int(status)}})

    def _send(self, status: HTTPStatus, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _identifier(found: re.Match[str]) -> str:
    """Return a table's name. Spark looks for ``a.b.files`` as a table ``files`` in a namespace of two levels first."""
    namespace, name = unquote(found[1]), unquote(found[2])
    if _LEVELS in namespace:
        raise NoSuchTableError(f"no namespace here has more than one level: {namespace.replace(_LEVELS, '.')}")
    return f"{namespace}.{name}"
