"""One's own account: who one is here, the password, the sessions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.accounts import AccountError, SignInRefused
from catalog.access.one_time_codes import qr_svg
from catalog.access.person import Post
from catalog.access.sessions import Session
from catalog.api.errors import ApiError
from catalog.contract.vocabulary import Vocabulary
from catalog.web.protection import wants_json
from catalog.web.signin import People, actor, begin_session
from catalog.web.templating import PAGE_HEADERS, page, private_page
from catalog.web.visitors import CODE_PAGE, ENROL_PAGE, OWN_PASSWORD, local_path, not_signed_in, posted, signed_in

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
            "has_code": mine.has_code,
            "must_have_code": people.is_obliged(person),
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
        _session(request, people)
        return _password_form(request, local_path(request.query_params.get("next", "")))

    @router.post(OWN_PASSWORD)
    def change_password(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        session, by = _session(request, people), actor(request)
        old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
        if new != again:
            return _password_form(request, str(form.get("next", "")), fault_key="own.differs")
        try:
            people.accounts.change_password(session.person.account, old, new, by)
        except (AccountError, SignInRefused) as error:
            return _password_form(request, str(form.get("next", "")), fault=str(error))
        back = local_path(str(form.get("next", "")))
        return begin_session(request, people, session.person.account, by, back, has_passed=session.has_passed)

    @router.post(f"{OWN_ACCOUNT}/sign-out-elsewhere")
    def sign_out_elsewhere(request: Request, _form: Annotated[FormData, Depends(posted)]) -> Response:
        person = signed_in(request)
        people.sessions.end_all(person.account, actor(request), but=request.state.session.session_id)
        return RedirectResponse(f"{OWN_ACCOUNT}?done=elsewhere#sessions", status_code=303)

    @router.get(ENROL_PAGE)
    def enrol_form(request: Request) -> Response:
        session = _session(request, people)
        if session.has_code:
            return RedirectResponse(f"{OWN_ACCOUNT}#code", status_code=303)
        return _enrol_form(request, people, local_path(request.query_params.get("next", "")))

    @router.get(f"{ENROL_PAGE}.svg")
    def enrol_picture(request: Request) -> Response:
        account = _session(request, people).person.account
        try:
            picture = qr_svg(account, people.codes.begin(account))
        except AccountError as error:
            raise ApiError(409, "account_refused", str(error), OWN_ACCOUNT) from error
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    @router.post(ENROL_PAGE)
    def enrol(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        session, by, back = _session(request, people), actor(request), local_path(str(form.get("next", "")))
        account = session.person.account
        try:
            recovery = people.codes.confirm(account, str(form.get("code", "")).strip(), by)
        except AccountError as error:
            return _enrol_form(request, people, back, fault=str(error))
        people.sessions.pass_code(session.session_id)
        return private_page(request, "recovery_codes.html", codes=recovery, back=back)

    @router.post(f"{ENROL_PAGE}/remove")
    def remove_code(request: Request, form: Annotated[FormData, Depends(posted)]) -> Response:
        person, by = signed_in(request), actor(request)
        try:
            if people.is_obliged(person):
                raise AccountError("您的岗位必须使用动态口令，不能停用")
            code = str(form.get("code", ""))
            people.accounts.second_step(person.account, lambda: people.codes.is_right(person.account, code, by), by)
            people.accounts.remove_codes(person.account, by)
        except (AccountError, SignInRefused) as error:
            raise ApiError(409, "account_refused", str(error), OWN_ACCOUNT) from error
        return begin_session(request, people, person.account, by, f"{OWN_ACCOUNT}#code")

    return router


def _enrol_form(request: Request, people: People, back: str, *, fault: str = "") -> Response:
    session: Session = request.state.session
    try:
        secret = people.codes.begin(session.person.account)
    except AccountError as error:
        raise ApiError(409, "account_refused", str(error), OWN_ACCOUNT) from error
    return private_page(
        request,
        "enrol_code.html",
        422 if fault else 200,
        secret=secret,
        back=back,
        fault=fault,
        is_obliged=people.is_obliged(session.person),
    )


def _session(request: Request, people: People) -> Session:
    """Return the session, also of somebody who still has to change the password or to set up one-time codes."""
    session: Session | None = request.state.session
    if session is None or people.owed(session) == CODE_PAGE:
        raise not_signed_in(request)
    return session


def _password_form(request: Request, back: str, *, fault: str = "", fault_key: str = "") -> Response:
    session: Session = request.state.session
    return private_page(
        request,
        "password.html",
        422 if fault or fault_key else 200,
        back=local_path(back),
        fault=fault,
        fault_key=fault_key,
        account=session.person.account,
        is_forced=session.must_change,
    )
