"""The three administrators' pages, none of which another may use: accounts 系统管理员, rights 安全管理员."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.accounts import Account, AccountError, OvertakenAccount
from catalog.access.person import BUREAU, BUREAU_POSTS, Doing, Post
from catalog.access.store import AccessStore
from catalog.api.errors import ApiError
from catalog.contract.message import Message
from catalog.contract.vocabulary import Vocabulary
from catalog.web.protection import wants_json
from catalog.web.signin import People, actor
from catalog.web.slips import Slips
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import permitted, posted

ACCOUNTS, RIGHTS = "/accounts", "/rights"
Form = Annotated[FormData, Depends(posted)]


@dataclass(frozen=True)
class Office:
    """What the administrators work with."""

    people: People
    keys: AccessStore
    vocabulary: Vocabulary
    slips: Slips

    def listed(self, now: datetime) -> list[dict[str, Any]]:
        """Return every account as the pages show it, by department."""
        order = list(self.vocabulary.departments)
        found = sorted(self.people.accounts.all(), key=lambda a: (_place(order, a.dept), a.account))
        enrolled = self.people.codes.enrolled()
        locked, sessions = self.people.accounts.locked(now), self.people.sessions.counts(now)
        return [
            {
                "account": account.account,
                "name": account.name,
                "dept": account.dept,
                "dept_name": self.department(account.dept),
                "posts": [post.value for post in Post if post in account.posts],
                "is_disabled": account.is_disabled,
                "must_change": account.must_change,
                "locked_until": _iso(locked.get(account.account)),
                "has_code": account.account in enrolled,
                "sessions": sessions.get(account.account, 0),
                "created_at": account.created_at,
                "version": account.version,
            }
            for account in found
        ]

    def department(self, key: str) -> str:
        """Return a department's name; its code where the vocabulary no longer has it."""
        held = self.vocabulary.departments.get(key)
        return held.name if held else key


def account_admin_router(office: Office) -> APIRouter:
    """Return the routes of the system administrator: who has an account, and whether it works."""
    router = APIRouter(include_in_schema=False)
    accounts = office.people.accounts

    @router.get(ACCOUNTS)
    @router.get(f"{ACCOUNTS}.json")
    def list_accounts(request: Request) -> Response:
        permitted(request, Doing.MANAGE_ACCOUNTS)
        if wants_json(request):
            return JSONResponse({"accounts": office.listed(actor(request).at)}, headers=PAGE_HEADERS)
        slip = office.slips.read(request)
        shown = _accounts_page(request, office, slip=slip)
        shown.headers["Cache-Control"] = "no-store"
        if slip is not None:
            office.slips.tear_up(shown, ACCOUNTS)
        return shown

    @router.post(ACCOUNTS)
    def add(request: Request, form: Form) -> Response:
        permitted(request, Doing.MANAGE_ACCOUNTS)
        given = {name: str(form.get(name, "")).strip() for name in ("account", "name", "dept")}
        fault = "" if given["dept"] in office.vocabulary.departments else "没有这个部门"
        if not fault:
            try:
                password = accounts.add(given["account"], given["name"], given["dept"], (), actor(request))
                return _with_slip(request, office, given["account"], password)
            except AccountError as error:
                fault = str(error)
        shown = _accounts_page(request, office, given=given, fault=fault)
        shown.status_code = 422
        return shown

    @router.post(f"{ACCOUNTS}/{{account}}/reset-password")
    def reset_password(request: Request, account: str, _form: Form) -> Response:
        permitted(request, Doing.MANAGE_ACCOUNTS)
        _known(office, account)
        if account == actor(request).account:
            raise ApiError(409, "account_refused", "自己的口令在“我的账号”中修改", "/account")
        return _with_slip(request, office, account, accounts.reset_password(account, actor(request)))

    @router.post(f"{ACCOUNTS}/{{account}}/disable")
    def disable(request: Request, account: str, _form: Form) -> Response:
        permitted(request, Doing.MANAGE_ACCOUNTS)
        return _done(office, account, ACCOUNTS, lambda: accounts.disable(account, actor(request)))

    @router.post(f"{ACCOUNTS}/{{account}}/enable")
    def enable(request: Request, account: str, _form: Form) -> Response:
        permitted(request, Doing.MANAGE_ACCOUNTS)
        return _done(office, account, ACCOUNTS, lambda: accounts.disable(account, actor(request), is_disabled=False))

    return router


def rights_router(office: Office) -> APIRouter:
    """Return the routes of the security administrator: who holds which post, locks, sessions, keys of the interfaces."""
    router = APIRouter(include_in_schema=False)
    accounts = office.people.accounts

    @router.get(RIGHTS)
    @router.get(f"{RIGHTS}.json")
    def rights(request: Request) -> Response:
        permitted(request, Doing.MANAGE_RIGHTS)
        facts = {"accounts": office.listed(actor(request).at), "keys": office.keys.keys()}
        if wants_json(request):
            keys = [{**key, "expires_on": key["expires_on"] and str(key["expires_on"])} for key in facts["keys"]]
            return JSONResponse({**facts, "keys": keys}, headers=PAGE_HEADERS)
        return page(request, "rights.html", section="", facts=facts, department=office.department)

    @router.get(f"{RIGHTS}/{{account}}")
    def posts_form(request: Request, account: str) -> Response:
        permitted(request, Doing.MANAGE_RIGHTS)
        held = _known(office, account)
        return _posts_page(request, office, held, held.posts)

    @router.post(f"{RIGHTS}/{{account}}")
    def appoint(request: Request, account: str, form: Form) -> Response:
        permitted(request, Doing.MANAGE_RIGHTS)
        held, names = _known(office, account), [str(name) for name in form.getlist("post")]
        seen = str(form.get("version", ""))
        if not set(names) <= set(Post.__members__) or not seen.isascii() or not seen.isdigit() or len(seen) > 9:
            raise ApiError(422, "invalid_request", "请求参数的格式有误", "从页面提交")
        posts = frozenset(Post[name] for name in names)
        try:
            accounts.set_posts(account, posts, actor(request), seen=int(seen))
        except OvertakenAccount as overtaken:
            return _posts_page(request, office, _known(office, account), posts, fault=str(overtaken), status=409)
        except AccountError as error:
            return _posts_page(request, office, held, posts, fault=str(error), status=422)
        return RedirectResponse(f"{RIGHTS}#{account}", status_code=303)

    @router.post(f"{RIGHTS}/{{account}}/unlock")
    def unlock(request: Request, account: str, _form: Form) -> Response:
        permitted(request, Doing.MANAGE_RIGHTS)
        return _done(office, account, RIGHTS, lambda: accounts.unlock(account, actor(request)))

    @router.post(f"{RIGHTS}/{{account}}/remove-codes")
    def remove_codes(request: Request, account: str, _form: Form) -> Response:
        permitted(request, Doing.MANAGE_RIGHTS)
        if account == actor(request).account:
            raise ApiError(409, "account_refused", "不能移除自己的动态口令，请由另一位安全管理员办理", RIGHTS)
        return _done(office, account, RIGHTS, lambda: accounts.remove_codes(account, actor(request)))

    @router.post(f"{RIGHTS}/{{account}}/end-sessions")
    def end_sessions(request: Request, account: str, _form: Form) -> Response:
        permitted(request, Doing.MANAGE_RIGHTS)
        keep = request.state.session.session_id
        return _done(office, account, RIGHTS, lambda: office.people.sessions.end_all(account, actor(request), but=keep))

    @router.post(f"{RIGHTS}/keys/{{key_id}}/revoke")
    def revoke(request: Request, key_id: str, _form: Form) -> Response:
        by = permitted(request, Doing.MANAGE_RIGHTS)
        if not office.keys.revoke(key_id):
            raise ApiError(404, "no_such_key", "没有这个生效中的接口密钥", Message("在 {place} 查看", place=RIGHTS))
        accounts.record("key_revoked", by.account, actor(request), {"key_id": key_id})
        return RedirectResponse(f"{RIGHTS}#keys", status_code=303)

    return router


def _accounts_page(
    request: Request,
    office: Office,
    *,
    slip: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    fault: str = "",
) -> Response:
    departments = {key: held.name for key, held in office.vocabulary.departments.items()}
    return page(
        request,
        "accounts.html",
        section="",
        accounts=office.listed(actor(request).at),
        departments=departments,
        slip=slip,
        given=given or {"account": "", "name": "", "dept": ""},
        fault=fault,
    )


def _posts_page(
    request: Request, office: Office, held: Account, chosen: frozenset[Post], *, fault: str = "", status: int = 200
) -> Response:
    open_to = [post for post in Post if held.dept == BUREAU or post not in BUREAU_POSTS]
    shown = page(
        request,
        "posts.html",
        section="",
        held=held,
        dept_name=office.department(held.dept),
        open_to=open_to,
        chosen=chosen,
        fault=fault,
    )
    shown.status_code = status
    return shown


def _with_slip(request: Request, office: Office, account: str, password: str) -> Response:
    away = RedirectResponse(f"{ACCOUNTS}#slip", status_code=303)
    office.slips.hand_over(request, away, ACCOUNTS, {"account": account, "password": password})
    return away


def _done(office: Office, account: str, back: str, change: Callable[[], object]) -> Response:
    _known(office, account)
    try:
        change()
    except AccountError as error:
        raise ApiError(409, "account_refused", str(error), Message("在 {place} 查看账号现状", place=back)) from error
    return RedirectResponse(f"{back}#{account}", status_code=303)


def _known(office: Office, account: str) -> Account:
    held = office.people.accounts.find(account)
    if held is None:
        raise ApiError(404, "no_such_account", "没有这个账号", "检查账号名")
    return held


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _place(order: list[str], dept: str) -> int:
    return order.index(dept) if dept in order else len(order)
