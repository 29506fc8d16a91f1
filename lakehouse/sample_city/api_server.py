"""The department's JSON API: answers from ``DIR/api``, on the loopback interface only.

``GET /<dept>/<resource>?page_size=&cursor=&updated_since=`` with ``Authorization: Bearer <token>`` answers
``{"items": […], "next": cursor|null}``; errors are ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from catalog.contract.load import load_contracts

HOST = "127.0.0.1"
DEFAULT_PAGE, LARGEST_PAGE = 1_000, 10_000
SINCE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?)?")
PARAMETERS = ("page_size", "cursor", "updated_since")


class ApiError(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Served:
    """The rows of one resource: JSON lines, and the watermark of each as ISO text."""

    lines: list[bytes]
    changed: list[str]

    def page(self, size: int, cursor: str | None, since: str | None) -> bytes:
        """Return one page as a JSON document; ``cursor`` continues a walk with the same ``since``."""
        start, bound = _open_cursor(cursor) if cursor else (0, since)
        if cursor and since and since != bound:
            raise ApiError(400, "bad_cursor", "the cursor belongs to another updated_since; start again without it")
        following_rows = (n for n in range(start, len(self.lines)) if bound is None or self.changed[n] >= bound)
        matching = list(islice(following_rows, size + 1))
        rows = [self.lines[n] for n in matching[:size]]
        following = json.dumps(_cursor(matching[size], bound)) if len(matching) > size else "null"
        return b'{"items":[' + b",".join(rows) + b'],"next":' + following.encode() + b"}"


def _cursor(place: int, since: str | None) -> str:
    raw = json.dumps([place, since], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _open_cursor(cursor: str) -> tuple[int, str | None]:
    try:
        place, since = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise ApiError(400, "bad_cursor", "this is not a cursor of this service") from error
    if not isinstance(place, int) or place < 0 or not (since is None or isinstance(since, str)):
        raise ApiError(400, "bad_cursor", "this is not a cursor of this service")
    return place, since


def _iso(value: str) -> str:
    """Return a date or time as the rows have it, so that texts compare like times."""
    match = SINCE.fullmatch(value)
    if match is None:
        raise ApiError(400, "bad_updated_since", "updated_since must be YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS")
    day, clock, fraction = match.groups()
    beyond = "." + fraction if fraction and fraction.strip("0") else ""
    return day if clock is None else f"{day}T{clock}{beyond}"


class Department:
    """Answers requests from the files of one city; each resource is read once, when first asked for."""

    def __init__(self, city_dir: Path, token: str) -> None:
        self._token = token
        self._root = city_dir / "api"
        self._watermarks = {
            contract.gov.source.path: contract.property_named(str(contract.gov.source.watermark)).physical_name
            for contract in load_contracts().values()
            if contract.gov.source.kind == "http_api"
        }
        self._served: dict[str, Served] = {}
        self._lock = threading.Lock()

    def answer(self, target: str, authorization: str | None) -> bytes:
        """Return the body of a 200 answer; raise :class:`ApiError` for every other."""
        expected = f"Bearer {self._token}".encode()
        if not hmac.compare_digest((authorization or "").encode("utf-8", "replace"), expected):
            raise ApiError(401, "unauthorised", "a valid bearer token is required")
        url = urlsplit(target)
        if url.path not in self._watermarks:
            raise ApiError(404, "not_found", f"no resource at {url.path}")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        unknown = sorted(set(query) - set(PARAMETERS))
        if unknown:
            raise ApiError(400, "bad_parameter", f"unknown parameter {unknown[0]}; known are {', '.join(PARAMETERS)}")
        since = _iso(query["updated_since"]) if query.get("updated_since") else None
        return self._of(url.path).page(_page_size(query), query.get("cursor"), since)

    def _of(self, path: str) -> Served:
        with self._lock:
            if path not in self._served:
                self._served[path] = _read(self._root / f"{path.lstrip('/')}.ndjson", self._watermarks[path])
            return self._served[path]


def _page_size(query: dict[str, str]) -> int:
    text = query.get("page_size", str(DEFAULT_PAGE))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ApiError(400, "bad_page_size", f"page_size must be a number from 1 to {LARGEST_PAGE}")
    return min(int(text), LARGEST_PAGE)


def _read(path: Path, watermark: str) -> Served:
    if not path.is_file():
        raise ApiError(404, "not_found", f"this city delivers nothing at /{path.parent.name}/{path.stem}")
    lines = path.read_bytes().splitlines()
    return Served(lines, [str(json.loads(line)[watermark]) for line in lines])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sample-api"
    sys_version = ""
    wbufsize = 1 << 16  # headers and body leave together: two small packets would wait for a delayed acknowledgement
    disable_nagle_algorithm = True
    department: Department

    def do_GET(self) -> None:
        """Answer one request; every failure is a JSON error."""
        try:
            self._send(200, self.department.answer(self.path, self.headers.get("Authorization")))
        except ApiError as error:
            body = {"error": {"code": error.code, "message": str(error)}}
            self._send(error.status, json.dumps(body, ensure_ascii=False).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: request lines would only clutter the output of whoever runs the service."""


def read_token(city_dir: Path) -> str:
    """Return the API token of a city; raise ``FileNotFoundError`` when the folder has none."""
    credentials = json.loads((city_dir / "credentials.json").read_text(encoding="utf-8"))
    return str(credentials["http_api"]["token"])


def department_server(city_dir: Path, *, port: int = 0, token: str | None = None) -> ThreadingHTTPServer:
    """Return a server bound to the loopback interface; the caller serves and closes it."""
    department = Department(city_dir, read_token(city_dir) if token is None else token)
    handler = type("DepartmentHandler", (_Handler,), {"department": department})
    server = ThreadingHTTPServer((HOST, port), handler)
    server.daemon_threads = True
    return server


@contextmanager
def department_api(city_dir: Path, *, port: int = 0, token: str | None = None) -> Iterator[str]:
    """Serve a city's JSON API in a thread and yield its base URL; ``token`` replaces the city's own."""
    server = department_server(city_dir, port=port, token=token)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
