"""A department's own API keys: made, replaced and revoked by its people; a key is shown once, to the browser that made it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from catalog.access.person import Doing
from catalog.access.store import KEY_SHAPE
from catalog.api.desk import Desk
from catalog.api.desk_form import text_of
from catalog.api.desk_lists import lists_of
from catalog.api.errors import ApiError
from catalog.api.values import plain
from catalog.contract.message import Message
from catalog.web.address import is_secure
from catalog.web.desk_matters import Form
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import permitted, signed_in

PLACE = "/desk/keys"
ONCE = "desk_new_key"  # carries the new key over the redirect, to this page only
ONCE_SECONDS = 120
LONGEST_NAME = 100


def key_router(desk: Desk) -> APIRouter:
    """Return the routes of the keys."""
    router = APIRouter(include_in_schema=False)

    @router.get(PLACE)
    @router.get(f"{PLACE}.json")
    def keys(request: Request) -> Response:
        person = permitted(request, Doing.APPLY)
        mine = desk.access.keys(person.dept)
        if wants_json(request):
            return JSONResponse(plain({"keys": mine}), headers=PAGE_HEADERS)
        made = request.cookies.get(ONCE, "")
        shown = _page(request, mine, made if KEY_SHAPE.match(made) else "", {})
        if made:
            shown.delete_cookie(ONCE, path=PLACE)
            shown.headers["Cache-Control"] = "no-store"
        return shown

    @router.post(PLACE)
    def make(request: Request, form: Form) -> Response:
        person = permitted(request, Doing.APPLY)
        name = text_of(form.get("name"))
        if not 2 <= len(name) <= LONGEST_NAME:
            faults: dict[str, str] = {"name": Message("写明用途，2 到 {longest} 个字", longest=LONGEST_NAME)}
            if wants_json(request):
                raise ApiError(422, "bad_form", faults["name"], "name")
            mine = desk.access.keys(person.dept)
            shown = _page(request, mine, "", faults, name)
            shown.status_code = 422
            return shown
        return _once(request, desk.access.create_key(person.dept, name))

    @router.post(PLACE + "/{key_id}/rotate")
    def rotate(request: Request, key_id: str, form: Form) -> Response:
        """Make a key in the place of another, which ends at once; what the bureau gave the old one stays with it."""
        person = permitted(request, Doing.APPLY)
        found = [row for row in desk.access.keys(person.dept) if row["key_id"] == key_id]
        if not found or not desk.access.revoke(key_id, person.dept):
            raise _no_such_key()
        old = found[0]
        made = desk.access.create_key(
            person.dept,
            old["name"],
            old["resources"],
            is_unmasked=old["is_unmasked"],
            expires_on=old["expires_on"],
        )
        return _once(request, made)

    @router.post(PLACE + "/{key_id}/revoke")
    def revoke(request: Request, key_id: str, form: Form) -> Response:
        person = permitted(request, Doing.APPLY)
        if not desk.access.revoke(key_id, person.dept):
            raise _no_such_key()
        return RedirectResponse(PLACE, status_code=303)

    return router


def _no_such_key() -> ApiError:
    return ApiError(404, "no_such_key", "本部门没有这个使用中的 API key", PLACE)


def _once(request: Request, key: str) -> Response:
    back = RedirectResponse(PLACE, status_code=303)
    back.set_cookie(
        ONCE, key, max_age=ONCE_SECONDS, path=PLACE, httponly=True, samesite="strict", secure=is_secure(request)
    )
    return back


def _page(request: Request, keys: list[dict[str, Any]], made: str, faults: dict[str, str], name: str = "") -> Response:
    shown = {"keys": keys, "made": made, "faults": faults, "name": name, "lists": lists_of(signed_in(request))}
    return page(request, "desk_keys.html", section="desk", **shown)
