"""Who looks at a page, and what they post: the rest of the pages ask here and nowhere else.

The session layer puts the signed-in person into ``request.state.person`` and the session's token against forged posts
into ``request.state.csrf``.
"""

from __future__ import annotations

import hmac
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import FormData

from catalog.access.model import Decision
from catalog.access.person import Doing, Person, Post, permit
from catalog.api.errors import ApiError
from catalog.contract.message import Message

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
SIGN_IN = "/login"
OWN_PASSWORD = "/account/password"  # noqa: S105 - an address
CODE_PAGE = "/login/code"
ENROL_PAGE = "/account/code"
_OFFICES = {Post.SYSTEM_ADMIN: "accounts", Post.SECURITY_ADMIN: "rights", Post.AUDITOR: "audit"}
LARGEST_FORM = 16 * 1024 * 1024
MOST_FIELDS = 2000
LONGEST_PATH = 2000


def visitor(request: Request) -> Person | None:
    """Return who is signed in; None for a stranger."""
    person: Person | None = getattr(request.state, "person", None)
    return person


def places(person: Person) -> list[str]:
    """Return the names of the administrators' pages that somebody may open; each is at ``/<name>``."""
    return [name for post, name in _OFFICES.items() if post in person.posts]


def local_path(asked: str) -> str:
    """Return where to go on after an errand: a path of this service as asked, or the home page for anything else."""
    is_local = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if is_local and len(asked) <= LONGEST_PATH else "/"


def csrf_token(request: Request) -> str:
    """Return the token that a form of this session must carry; ``""`` without a session."""
    return str(getattr(request.state, "csrf", ""))


def permitted(request: Request, doing: Doing, dept: str = "") -> Person:
    """Return who is signed in, if they may do this for a department; raise :class:`ApiError` with the reason otherwise."""
    person = visitor(request)
    decision = permit(person, doing, dept)
    if person is None or not decision.allowed:
        raise refused(request, decision)
    return person


def signed_in(request: Request) -> Person:
    """Return who is signed in; raise :class:`ApiError` 401, which a browser sees as the way to the sign-in page."""
    person = visitor(request)
    if person is None:
        raise not_signed_in(request)
    return person


def not_signed_in(request: Request) -> ApiError:
    """Return the error that sends a stranger to the sign-in page."""
    return refused(request, permit(None, Doing.CATALOGUE))


def sign_in_address(request: Request) -> str:
    """Return the address of the sign-in page, from which somebody comes back to what was asked for."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = asked if request.method == "GET" and request.headers.get("hx-request") != "true" else "/"
    return f"{SIGN_IN}?next={quote(back, safe='/')}"


def refused(request: Request, decision: Decision) -> ApiError:
    """Return the error of a decision that says no."""
    if decision.code == "not_signed_in":
        return ApiError(
            401, decision.code, decision.reason, Message("在 {address} 登录", address=sign_in_address(request))
        )
    return ApiError(403, decision.code, decision.reason, Message("默认拒绝；依据：{basis}", basis=decision.basis))


async def posted(request: Request) -> FormData:
    """Return the fields of a posted form (a FastAPI dependency); its token must be the session's.

    Raises:
        ApiError: it is too large, has too many fields, or was not sent by a page of this session.
    """
    given = request.headers.get("content-length", "")
    if not given.isdigit() or int(given) > LARGEST_FORM:
        raise ApiError(
            413, "form_too_large", "提交的内容过大", Message("不超过 {most} MiB", most=LARGEST_FORM // 1024 // 1024)
        )
    form = await request.form(max_files=5, max_fields=MOST_FIELDS)
    sent = str(form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER, ""))
    held = csrf_token(request)
    if not held or not hmac.compare_digest(sent.encode(), held.encode()):
        raise ApiError(403, "forged_post", "页面已过期或请求不是从本系统的页面发出", "刷新页面后再提交")
    return form
