"""Signing in and out: the session of a request, the sign-in page, and the cookie between them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from catalog.access.accounts import AccountError, AccountStore, Actor, SignInRefused
from catalog.access.one_time_codes import CodeStore
from catalog.access.person import ADMINISTRATORS, Person
from catalog.access.sessions import LONGEST, Session, SessionStore
from catalog.api.errors import ApiError
from catalog.api.limits import client_address
from catalog.web.address import is_secure
from catalog.web.templating import private_page
from catalog.web.visitors import (
    CODE_PAGE,
    ENROL_PAGE,
    OWN_PASSWORD,
    SIGN_IN,
    local_path,
    not_signed_in,
    posted,
    visitor,
)

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
    codes: CodeStore
    must_have_codes: Literal["administrators", "all", "none"] = "administrators"

    def owed(self, session: Session) -> str:
        """Return the page on which a session has something left to do before it is anybody's; ``""`` when it has not."""
        if session.has_code and not session.has_passed:
            return CODE_PAGE
        if session.must_change and not session.is_from_provider:
            return OWN_PASSWORD
        return ENROL_PAGE if self.is_obliged(session.person) and not session.has_code else ""

    def is_obliged(self, person: Person) -> bool:
        """Tell whether somebody must have a second factor."""
        return self.must_have_codes == "all" or (
            self.must_have_codes == "administrators" and bool(person.posts & ADMINISTRATORS)
        )

    def close(self) -> None:
        """Close every connection."""
        self.accounts.close()
        self.sessions.close()
        self.codes.close()


def recognise(app: FastAPI, people: People) -> None:
    """Let every request know who is signed in: ``request.state.person``, ``.session`` and ``.csrf``.

    Whoever still has to change a generated password or to show a one-time code has a session and is nobody yet. What somebody signed in is refused
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
                state.person = None if people.owed(found) else found.person
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


def signin_router(people: People) -> APIRouter:
    """Return the routes of signing in and out."""
    router = APIRouter(include_in_schema=False)

    @router.get(SIGN_IN)
    def sign_in_page(request: Request) -> Response:
        back = local_path(request.query_params.get("next", ""))
        if visitor(request) is not None:
            return RedirectResponse(back, status_code=303)
        if request.state.session is not None:
            return RedirectResponse(_leading_on(people.owed(request.state.session), back), status_code=303)
        return sign_in_form(request, back)

    @router.post(SIGN_IN)
    def sign_in(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        back, account = local_path(str(form.get("next", ""))), str(form.get("account", "")).strip()
        by = Actor("", datetime.now(UTC), client_address(request))
        try:
            held = people.accounts.sign_in(account, str(form.get("password", "")), by)
        except SignInRefused as refusal:
            return sign_in_form(request, back, account=account[:40], fault=str(refusal))
        return begin_session(request, people, held.account, Actor(held.account, by.at, by.address), back)

    @router.get(CODE_PAGE)
    def code_page(request: Request) -> Response:
        _owing(request, people, CODE_PAGE)
        return _code_form(request, local_path(request.query_params.get("next", "")))

    @router.post(CODE_PAGE)
    def check_code(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        session, by, back = _owing(request, people, CODE_PAGE), actor(request), local_path(str(form.get("next", "")))
        account, code = session.person.account, str(form.get("code", ""))[:LONGEST_COOKIE]
        try:
            people.accounts.second_step(account, lambda: people.codes.is_right(account, code, by), by)
        except (SignInRefused, AccountError) as refusal:
            return _code_form(request, back, fault=str(refusal))
        came = session.is_from_provider
        return begin_session(request, people, account, by, back, has_passed=True, is_from_provider=came)

    @router.post("/logout")
    def sign_out(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        if request.state.session is not None:
            people.sessions.end(request.state.session.session_id, actor(request))
        away = RedirectResponse("/", status_code=303)
        away.delete_cookie(SESSION_COOKIE)
        return away

    return router


def begin_session(
    request: Request,
    people: People,
    account: str,
    by: Actor,
    back: str,
    *,
    has_passed: bool = False,
    is_from_provider: bool = False,
) -> Response:
    """Open a session, whatever session there was before, and go on to ``back``, or first to what is still owed."""
    if request.state.session is not None:
        people.sessions.end(request.state.session.session_id, by)
    agent = request.headers.get("user-agent", "")
    token = people.sessions.open(account, by, agent, has_passed=has_passed, is_from_provider=is_from_provider)
    session = people.sessions.find(token, by.at)
    owed = people.owed(session) if session else ""
    answer = RedirectResponse(_leading_on(owed, back) if owed else back, status_code=303)
    _set(request, answer, SESSION_COOKIE, token, int(LONGEST.total_seconds()))
    answer.delete_cookie(FORM_COOKIE)
    return answer


def _leading_on(owed: str, back: str) -> str:
    """Return the page on which something is left to do, which leads on to ``back``."""
    return f"{owed}?{urlencode({'next': back})}"


def _owing(request: Request, people: People, page_owed: str) -> Session:
    """Return the session of somebody who owes just this; raise :class:`ApiError` otherwise."""
    session: Session | None = request.state.session
    if session is None or people.owed(session) != page_owed:
        raise not_signed_in(request)
    return session


def _code_form(request: Request, back: str, *, fault: str = "") -> Response:
    return private_page(request, "login_code.html", 401 if fault else 200, back=back, fault=fault)


def sign_in_form(request: Request, back: str, *, account: str = "", fault: str = "") -> Response:
    """Show the sign-in page, perhaps with what was wrong."""
    fresh = "" if request.state.csrf else secrets.token_urlsafe(32)
    request.state.csrf = request.state.csrf or fresh
    shown = private_page(request, "login.html", 401 if fault else 200, back=back, account=account, fault=fault)
    if fresh:
        _set(request, shown, FORM_COOKIE, fresh, 3600)
    return shown


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_secure(request), path="/"
    )
