"""What every answer has: a request id, security headers, and one error shape."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from catalog.api.errors import ApiError
from catalog.web.templating import error_page

LONGEST_URL = 4096
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Generated documentation brings its scripts inline; it stays on this host all the same.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)
STATUS_TEXT = {404: "没有这个页面", 405: "不支持这种请求方法", 400: "请求有误"}

log = structlog.get_logger(__name__)


def protect(app: FastAPI) -> None:
    """Add the middleware and the error handlers."""

    @app.middleware("http")
    async def _around(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.request_id = uuid.uuid4().hex[:16]
        started = time.perf_counter()
        if len(str(request.url)) > LONGEST_URL:
            response = _answer(request, ApiError(414, "url_too_long", "请求地址过长", f"不超过 {LONGEST_URL} 个字符"))
        else:
            try:
                response = await call_next(request)
            except Exception:
                log.exception("request failed", request_id=request.state.request_id, path=request.url.path)
                response = _answer(
                    request, ApiError(500, "internal_error", "服务内部错误", "请把 request_id 告诉运维人员")
                )
        is_docs = request.url.path.startswith("/docs/")
        response.headers["Content-Security-Policy"] = DOCS_POLICY if is_docs else PAGE_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Request-ID"] = request.state.request_id
        elapsed = round((time.perf_counter() - started) * 1000, 1)
        log.info(
            "request",
            request_id=request.state.request_id,
            method=request.method,
            path=request.url.path,
            status=response.status_code,
            ms=elapsed,
        )
        return response

    @app.exception_handler(ApiError)
    async def _api_error(request: Request, error: ApiError) -> Response:
        return _answer(request, error)

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> Response:
        text = STATUS_TEXT.get(error.status_code, "请求未能完成")
        return _answer(request, ApiError(error.status_code, f"http_{error.status_code}", text, "数据目录见 /catalogue"))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _error: RequestValidationError) -> Response:
        return _answer(request, ApiError(422, "invalid_request", "请求参数的格式有误", "接口说明见 /api/docs"))


def wants_json(request: Request) -> bool:
    """Tell whether the asker is a program."""
    path = request.url.path
    if path.startswith("/api/v1") or path.endswith(".json"):
        return True
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _answer(request: Request, error: ApiError) -> Response:
    request_id = request.state.request_id
    if wants_json(request):
        return JSONResponse(error.body(request_id), status_code=error.status, headers=error.headers)
    return error_page(request, error, request_id)
