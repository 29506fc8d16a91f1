"""One's own account: who one is here, the password, the sessions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.accounts import AccountError
from catalog.access.model import Decision
from catalog.access.person import Post
from catalog.access.sessions import Session
from catalog.contract.vocabulary import Vocabulary
from catalog.web.protection import wants_json
from catalog.web.signin import People, actor, begin_session
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import OWN_PASSWORD, local_path, posted, refused, signed_in

OWN_ACCOUNT = "/account"


def own_account_router(people: People, vocabulary: Vocabulary) -> APIRouter:
    """Return the routes of one's own account."""
    router = APIRouter(include_in_schema=False)

    @router.get(OWN_ACCOUNT)
    @router.get(f"{OWN_ACCOUNT}.json")
    def own_account(request: Request) -> Response:
        person = signed_in(request)
        mine: Session = request.state.session
        sessions = people.sessions.of(person.account, actor(request).at)
        facts: dict[str, Any] = {
            "account": person.account,
            "name": person.name,
            "dept": person.dept,
            "dept_name": vocabulary.departments[person.dept].name,
            "posts": [post.value for post in Post if post in person.posts],
            "sessions": [
                {
                    "is_this": session.session_id == mine.session_id,
                    "opened_at": session.opened_at,
                    "seen_at": session.seen_at,
                    "address": session.address,
                    "agent": session.agent,
                }
                for session in sessions
            ],
        }
        if wants_json(request):
            return JSONResponse(facts, headers=PAGE_HEADERS)
        return page(request, "account.html", section="", facts=facts, done=request.query_params.get("done", ""))

    @router.get(OWN_PASSWORD)
    def password_form(request: Request) -> Response:
        _session(request)
        return _password_form(request, local_path(request.query_params.get("next", "")))

    @router.post(OWN_PASSWORD)
    def change_password(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        session, by = _session(request), actor(request)
        old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
        if new != again:
            return _password_form(request, str(form.get("next", "")), fault_key="own.differs")
        try:
            people.accounts.change_password(session.person.account, old, new, by)
        except AccountError as error:
            return _password_form(request, str(form.get("next", "")), fault=str(error))
        back = local_path(str(form.get("next", "")))
        return begin_session(request, people, session.person.account, by, back)

    @router.post(f"{OWN_ACCOUNT}/sign-out-elsewhere")
    def sign_out_elsewhere(request: Request, _form: Annotated[FormData, Depends(posted)]) -> Response:
        person = signed_in(request)
        people.sessions.end_all(person.account, actor(request), but=request.state.session.session_id)
        return RedirectResponse(f"{OWN_ACCOUNT}?done=elsewhere#sessions", status_code=303)

    return router


def _session(request: Request) -> Session:
    """Return the session, also of somebody who still has to change the password."""
    session: Session | None = request.state.session
    if session is None:
        raise refused(request, Decision(False, "not_signed_in", "请先登录", "岗位职责"))
    return session


def _password_form(request: Request, back: str, *, fault: str = "", fault_key: str = "") -> Response:
    session = _session(request)
    shown = page(
        request,
        "password.html",
        section="",
        back=local_path(back),
        fault=fault,
        fault_key=fault_key,
        account=session.person.account,
        is_forced=session.must_change,
    )
    shown.status_code = 422 if fault or fault_key else 200
    shown.headers["Cache-Control"] = "no-store"
    return shown
