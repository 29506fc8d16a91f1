"""Signing in and out: the session of a request, the sign-in page, and the cookie between them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from catalog.access.accounts import AccountStore, Actor, SignInRefused
from catalog.access.sessions import LONGEST, SessionStore
from catalog.api.errors import ApiError
from catalog.web.templating import page
from catalog.web.visitors import OWN_PASSWORD, SIGN_IN, local_path, posted, visitor

SESSION_COOKIE = "citybrain_session"
FORM_COOKIE = "citybrain_form"  # before anybody is signed in, a form's token is compared with this cookie
LONGEST_COOKIE = 100
LONGEST_KEPT_PATH = 200
_WITHOUT_SESSION = ("/static/", "/healthz", "/readyz", "/docs/", "/api/v1/data/", "/openapi.json")


@dataclass(frozen=True)
class People:
    """Accounts and sessions of one installation."""

    accounts: AccountStore
    sessions: SessionStore

    def close(self) -> None:
        """Close every connection."""
        self.accounts.close()
        self.sessions.close()


def recognise(app: FastAPI, people: People) -> None:
    """Let every request know who is signed in: ``request.state.person``, ``.session`` and ``.csrf``.

    Whoever still has to change a generated password has a session and is nobody yet. What somebody signed in is refused
    is kept before the refusal goes out.
    """

    @app.middleware("http")
    async def with_session(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        token = request.cookies.get(SESSION_COOKIE, "")[:LONGEST_COOKIE]
        state = request.state
        state.person, state.session = None, None
        state.csrf = request.cookies.get(FORM_COOKIE, "")[:LONGEST_COOKIE]
        if token and not request.url.path.startswith(_WITHOUT_SESSION):
            found = await run_in_threadpool(people.sessions.find, token, datetime.now(UTC))
            if found is not None:
                state.session, state.csrf = found, found.csrf
                state.person = None if found.must_change else found.person
        response = await call_next(request)
        if response.status_code == HTTPStatus.FORBIDDEN and state.person is not None:
            await run_in_threadpool(_keep_refusal, request, people)
        return response


def _keep_refusal(request: Request, people: People) -> None:
    fault: ApiError | None = getattr(request.state, "fault", None)
    detail = {"method": request.method, "path": request.url.path[:LONGEST_KEPT_PATH]}
    if fault is not None:
        detail |= {"code": fault.code, "reason": fault.message}
    by = actor(request)
    people.accounts.record("refused", by.account, by, detail)


def actor(request: Request) -> Actor:
    """Return who acts in this request, for the log."""
    session = request.state.session
    return Actor(session.person.account if session else "", datetime.now(UTC), client_address(request))


def client_address(request: Request) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else "unknown"


def signin_router(people: People) -> APIRouter:
    """Return the routes of signing in and out."""
    router = APIRouter(include_in_schema=False)

    @router.get(SIGN_IN)
    def sign_in_page(request: Request) -> Response:
        back = local_path(request.query_params.get("next", ""))
        if visitor(request) is not None:
            return RedirectResponse(back, status_code=303)
        if request.state.session is not None:
            return RedirectResponse(_still_owed(back), status_code=303)
        return _form(request, back)

    @router.post(SIGN_IN)
    def sign_in(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        back, account = local_path(str(form.get("next", ""))), str(form.get("account", "")).strip()
        by = Actor("", datetime.now(UTC), client_address(request))
        try:
            held = people.accounts.sign_in(account, str(form.get("password", "")), by)
        except SignInRefused as refusal:
            return _form(request, back, account=account[:40], fault=str(refusal))
        by = Actor(held.account, by.at, by.address)
        return begin_session(request, people, held.account, by, _still_owed(back) if held.must_change else back)

    @router.post("/logout")
    def sign_out(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        if request.state.session is not None:
            people.sessions.end(request.state.session.session_id, actor(request))
        away = RedirectResponse("/", status_code=303)
        away.delete_cookie(SESSION_COOKIE)
        return away

    return router


def begin_session(request: Request, people: People, account: str, by: Actor, back: str) -> Response:
    """Open a session, whatever session there was before, and go on to ``back``."""
    if request.state.session is not None:
        people.sessions.end(request.state.session.session_id, by)
    token = people.sessions.open(account, by, request.headers.get("user-agent", ""))
    answer = RedirectResponse(back, status_code=303)
    _set(request, answer, SESSION_COOKIE, token, int(LONGEST.total_seconds()))
    answer.delete_cookie(FORM_COOKIE)
    return answer


def _still_owed(back: str) -> str:
    """Return the page on which a generated password is changed, which leads on to ``back``."""
    return f"{OWN_PASSWORD}?{urlencode({'next': back})}"


def _form(request: Request, back: str, *, account: str = "", fault: str = "") -> Response:
    fresh = "" if request.state.csrf else secrets.token_urlsafe(32)
    request.state.csrf = request.state.csrf or fresh
    shown = page(request, "login.html", section="", back=back, account=account, fault=fault)
    shown.status_code = 401 if fault else 200
    shown.headers["Cache-Control"] = "no-store"
    if fresh:
        _set(request, shown, FORM_COOKIE, fresh, 3600)
    return shown


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    is_secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_secure, path="/")
