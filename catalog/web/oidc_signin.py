"""Signing in through the city's identity provider: there and back again."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from catalog.access.accounts import Actor
from catalog.access.oidc import OidcClient, OidcRefused, Started
from catalog.api.limits import client_address
from catalog.web.address import is_secure, own_address
from catalog.web.signin import People, begin_session, sign_in_form
from catalog.web.visitors import local_path

OIDC = "/login/oidc"
CALLBACK = f"{OIDC}/callback"
COOKIE = "citybrain_oidc"
SECONDS = 600


def oidc_router(people: People, client: OidcClient) -> APIRouter:
    """Return the routes of signing in through the provider."""
    router = APIRouter(include_in_schema=False)

    @router.get(OIDC)
    def go(request: Request) -> Response:
        back = local_path(request.query_params.get("next", ""))
        try:
            address, started = client.begin(f"{own_address(request)}{CALLBACK}", back)
        except OidcRefused as refusal:
            return sign_in_form(request, back, fault=str(refusal))
        away = RedirectResponse(address, status_code=303)
        kept = base64.urlsafe_b64encode(json.dumps(asdict(started)).encode()).decode()
        away.set_cookie(
            COOKIE, kept, max_age=SECONDS, path=OIDC, httponly=True, samesite="lax", secure=is_secure(request)
        )
        return away

    @router.get(CALLBACK)
    def come_back(request: Request) -> Response:
        answer = _finished(request, people, client)
        answer.delete_cookie(COOKIE, path=OIDC)
        return answer

    return router


def _finished(request: Request, people: People, client: OidcClient) -> Response:
    given, by = request.query_params, Actor("", datetime.now(UTC), client_address(request))
    started = _started(request)
    if started is None:
        return sign_in_form(request, "/", fault="登录已过期或不是从本系统的页面发起，请重新登录")
    if given.get("error"):
        return sign_in_form(request, started.back, fault="统一身份认证没有同意本次登录")
    try:
        redirect_uri = f"{own_address(request)}{CALLBACK}"
        name = client.finish(started, given.get("state", ""), given.get("code", ""), redirect_uri, by.at)
    except OidcRefused as refusal:
        people.accounts.record("provider_refused", "", by, {"reason": str(refusal)})
        return sign_in_form(request, started.back, fault=str(refusal))
    held = people.accounts.find(name)
    if held is None or held.is_disabled:
        people.accounts.record("provider_refused", held.account if held else "", by, {"reason": "没有可用的账号"})
        return sign_in_form(
            request, started.back, fault="您已通过统一身份认证，但本系统没有您的账号，请向系统管理员申请"
        )
    by = Actor(held.account, by.at, by.address)
    people.accounts.record("signed_in", held.account, by, {"by": "oidc"})
    return begin_session(request, people, held.account, by, local_path(started.back), is_from_provider=True)


def _started(request: Request) -> Started | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(request.cookies.get(COOKIE, "")))
        return Started(**{name: str(found[name]) for name in ("state", "nonce", "verifier", "back")})
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
