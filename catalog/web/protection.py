"""What every answer has: a request id, security headers, a log line, and one error shape."""

from __future__ import annotations

import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.access.app_database import AppDatabaseUnavailable
from catalog.api.errors import ApiError
from catalog.api.readers import QueryError
from catalog.web.templating import error_page, texts
from catalog.web.texts import speak
from catalog.web.visitors import sign_in_address
from lakehouse.connect.servers import ServerUnavailable

LONGEST_URL = 4096
LANGUAGE_COOKIE = "language"
HOST_SHAPE = re.compile(r"^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?\Z")
REQUEST_ID_SHAPE = re.compile(r"^[A-Za-z0-9._-]{8,64}\Z")
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Generated documentation brings its scripts and styles inline; it stays on this host all the same.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

log = structlog.get_logger(__name__)


class HeadAsGet:
    """Answer HEAD with what GET says about itself, without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


def protect(app: FastAPI) -> None:
    """Add the middleware and the error handlers."""
    app.middleware("http")(_around)
    app.add_middleware(HeadAsGet)
    app.exception_handler(ApiError)(_api_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(QueryError)(_query_error)
    for away in (ServerUnavailable, AppDatabaseUnavailable):
        app.exception_handler(away)(_server_away)


def wants_json(request: Request) -> bool:
    """Tell whether the asker is a program."""
    path = request.url.path
    if path.startswith(("/api/v1", "/openapi.json", "/healthz", "/readyz")) or path.endswith(".json"):
        return True
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


async def _around(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    started = time.perf_counter()
    given = request.headers.get("x-request-id", "")
    request_id = given if REQUEST_ID_SHAPE.match(given) else uuid.uuid4().hex[:16]
    request.state.request_id = request_id
    speak(request.cookies.get(LANGUAGE_COOKIE, ""))
    refusal = _refusal(request)
    response = _answer(request, refusal) if refusal else await _guarded(request, call_next)
    is_docs = request.url.path.startswith("/docs/")
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = DOCS_POLICY if is_docs else PAGE_POLICY
    response.headers["X-Request-ID"] = request_id
    elapsed = round((time.perf_counter() - started) * 1000, 1)
    log.info(
        "request",
        request_id=request_id,
        method=request.method,
        path=request.url.path[:200],
        status=response.status_code,
        ms=elapsed,
    )
    return response


async def _guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        return await call_next(request)
    except AppDatabaseUnavailable as away:
        return await _server_away(request, away)
    except Exception:
        # As plain text: a log renderer that shows local variables would write personal data and keys into the log.
        log.error(
            "request failed",
            request_id=request.state.request_id,
            path=request.url.path[:200],
            traceback=traceback.format_exc(),
        )
        return _answer(request, ApiError(500, "internal_error", texts("trouble.internal"), texts("trouble.operator")))


def _refusal(request: Request) -> ApiError | None:
    """Return why a request is not even looked at, or None."""
    if not HOST_SHAPE.match(request.headers.get("host", "")):
        return ApiError(400, "bad_host", texts("trouble.bad_host"), texts("trouble.bad_host_hint"))
    if len(request.scope.get("raw_path") or b"") + len(request.scope["query_string"]) > LONGEST_URL:
        return ApiError(
            414, "url_too_long", texts("trouble.url_too_long"), texts("trouble.url_too_long_hint", most=LONGEST_URL)
        )
    return None


async def _api_error(request: Request, error: ApiError) -> Response:
    request.state.fault = error
    if error.code == "not_signed_in" and not wants_json(request):
        return to_sign_in(request)
    return _answer(request, error)


def to_sign_in(request: Request) -> Response:
    """Lead a browser to the sign-in page, and from there back; htmx loads it whole, not into the piece it asked for."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": sign_in_address(request)})
    return RedirectResponse(sign_in_address(request), status_code=303)


async def _http_error(request: Request, error: HTTPException) -> Response:
    status = error.status_code
    text = texts.or_else(f"trouble.status_{status}", texts("trouble.other"))
    hint = texts.or_else(f"trouble.hint_{status}", texts("trouble.operator"))
    return _answer(request, ApiError(status, f"http_{status}", text, hint, headers=dict(error.headers or {})))


async def _invalid(request: Request, _error: RequestValidationError) -> Response:
    return _answer(request, ApiError(422, "invalid_request", texts("trouble.invalid"), texts("trouble.invalid_hint")))


async def _query_error(request: Request, error: QueryError) -> Response:
    log.error("query failed", request_id=request.state.request_id, path=request.url.path[:200], error=str(error))
    headers = {"Retry-After": "5"}
    return _answer(
        request,
        ApiError(503, "query_failed", texts("trouble.query_failed"), texts("trouble.operator"), headers=headers),
    )


async def _server_away(request: Request, error: Exception) -> Response:
    log.error("server away", request_id=request.state.request_id, path=request.url.path[:200], error=str(error))
    headers = {"Retry-After": "5"}
    return _answer(
        request, ApiError(503, "server_away", texts("trouble.server_away"), texts("trouble.operator"), headers=headers)
    )


def _answer(request: Request, error: ApiError) -> Response:
    request_id = request.state.request_id
    if wants_json(request):
        return JSONResponse(error.body(request_id), status_code=error.status, headers=error.headers)
    return error_page(request, error, request_id)
