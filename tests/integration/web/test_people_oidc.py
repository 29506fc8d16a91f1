"""Signing in through a real identity provider on this machine, and through one that cheats."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from signed_in import own_password
from starlette.testclient import TestClient

from catalog.access.accounts import AccountStore, Actor
from catalog.access.oidc import OidcClient, Provider
from catalog.access.person import BUREAU, Person, Post
from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
LISI = Person("lisi", "李四", "gaj", frozenset({Post.CATALOGUER}))
ADMIN = Person("sysadmin", "系统管理员", BUREAU, frozenset({Post.SYSTEM_ADMIN}))
CLIENT, SECRET = "citybrain", "a-secret-of-this-test"
Claims = dict[str, Any]


class IdentityProvider:
    """Signs real tokens; ``cheat`` changes the claims, ``key`` and ``algorithm`` say how it signs, ``forge`` signs otherwise."""

    def __init__(self) -> None:
        self.address = ""
        self.cheat: Callable[[Claims], Claims] = lambda claims: claims
        self.published: RSAKey | ECKey = RSAKey.generate_key(2048, {"kid": "one"})
        self.key: RSAKey | ECKey = self.published
        self.algorithm = "RS256"
        self.forge: Callable[[Claims], str] | None = None
        self.asked: dict[str, dict[str, str]] = {}

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def configuration() -> dict[str, str]:
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return {"issuer": self.address, **{name: f"{self.address}/{path}" for name, path in places.items()}}

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [self.published.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(request: Request) -> RedirectResponse:
            asked, code = dict(request.query_params), f"code-{len(self.asked)}"
            self.asked[code] = asked
            return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", status_code=303)

        @app.post("/token")
        def token(request: Request, code: str = Form(), code_verifier: str = Form()) -> JSONResponse:
            asked = self.asked.pop(code, None)
            given = request.headers.get("authorization", "").removeprefix("Basic ")
            challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
            is_ours = base64.b64decode(given).decode() == f"{CLIENT}:{SECRET}"
            if asked is None or not is_ours or asked["code_challenge"] != challenge:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            return JSONResponse({"id_token": self.signed(asked["nonce"]), "token_type": "Bearer"})

        return app

    def signed(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "sub": "4711", "iat": now, "exp": now + 300, "nonce": nonce}
        told = self.cheat({**claims, "preferred_username": "lisi"})
        if self.forge:
            return self.forge(told)
        return jwt.encode({"alg": self.algorithm, "kid": "one"}, told, self.key, algorithms=[self.algorithm])


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider that listens on this machine."""
    held = IdentityProvider()
    server = uvicorn.Server(uvicorn.Config(held.app(), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    held.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield held
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def settings(tmp_path: Path, provider: IdentityProvider) -> Settings:
    file = tmp_path / "client.secret"
    file.write_text(f"{SECRET}\n", "utf-8")
    return Settings(
        home=tmp_path / "home",
        threads=1,
        oidc_issuer=provider.address,
        oidc_client_id=CLIENT,
        oidc_client_secret_file=file,
    )


@pytest.fixture
def browser(settings: Settings) -> TestClient:
    own_password(app_database(settings), LISI)
    return TestClient(create_app(settings), base_url="http://127.0.0.1", follow_redirects=False)


def there(browser: TestClient, back: str = "/catalogue") -> str:
    """Go to the provider, which knows the person; return the address that it sends the browser back to."""
    away = browser.get(f"/login/oidc?next={back}")
    assert away.status_code == 303
    return str(httpx.get(away.headers["location"]).headers["location"])


def test_whom_the_provider_knows_and_we_have_an_account_for_is_signed_in(browser: TestClient) -> None:
    assert "统一身份认证登录" in browser.get("/login").text
    answer = browser.get(there(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/catalogue")
    assert "李四" in browser.get("/").text


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(browser: TestClient) -> None:
    address = there(browser)
    stranger = TestClient(browser.app, base_url="http://127.0.0.1", follow_redirects=False)
    assert stranger.get(address).status_code == 401
    forged = urlsplit(address)._replace(query=f"code={parse_qs(urlsplit(address).query)['code'][0]}&state=x").geturl()
    assert browser.get(forged).status_code == 401
    assert browser.get(address).status_code == 401, "a refused sign-in begins anew"
    address = there(browser)
    cookie = browser.cookies["citybrain_oidc"]
    assert browser.get(address).status_code == 303
    browser.cookies.set("citybrain_oidc", cookie, path="/login/oidc")
    assert browser.get(address).status_code == 401, "the provider gives a code's token once"


def _without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**changed: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **changed}


@pytest.mark.parametrize(
    "cheat",
    [
        _with(nonce="another"),
        _without("nonce"),
        _with(aud="somebody-else"),
        _with(aud=["citybrain", "somebody-else"]),
        _with(azp="somebody-else"),
        _with(iss="https://another.example"),
        _with(exp=1_700_000_000),
        _without("exp"),
        _without("preferred_username"),
        _with(preferred_username=["lisi"]),
        _with(preferred_username="nobody-here"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(
    browser: TestClient, provider: IdentityProvider, cheat: Callable[[Claims], Claims]
) -> None:
    provider.cheat = cheat
    answer = browser.get(there(browser))
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "李四" not in browser.get("/").text


def test_a_token_that_the_provider_did_not_sign_opens_nothing(browser: TestClient, provider: IdentityProvider) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    assert browser.get(there(browser)).status_code == 401
    assert "李四" not in browser.get("/").text


def _hand_made(head: dict[str, str], claims: Claims, secret: bytes | None) -> str:
    """Return a token made without any library: signed with a shared secret, or not at all."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    signed = b".".join(parts)
    mac = hmac.new(secret, signed, hashlib.sha256).digest() if secret is not None else b""
    return f"{signed.decode()}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS256", "HS256 with kid", "HS256 by the public key"])
def test_a_token_signed_with_what_everybody_knows_opens_nothing(
    browser: TestClient, provider: IdentityProvider, algorithm: str
) -> None:
    """The client's secret is ours to send and the provider's key is public: neither proves who made a token."""
    name, _, how = algorithm.partition(" ")
    secrets = {"by the public key": provider.published.as_pem(private=False)}
    secret = secrets.get(how, SECRET.encode()) if name == "HS256" else None
    head = {"alg": name, "typ": "JWT"} | ({"kid": "one"} if how else {})
    provider.forge = lambda claims: _hand_made(head, claims, secret)
    assert browser.get(there(browser)).status_code == 401
    assert "李四" not in browser.get("/").text


@pytest.mark.parametrize(("algorithm", "status"), [("RS256", 303), ("PS256", 401), ("RS512", 401), ("ES256", 303)])
def test_two_algorithms_are_taken_and_no_other_even_by_the_providers_own_key(
    browser: TestClient, provider: IdentityProvider, algorithm: str, status: int
) -> None:
    if algorithm == "ES256":
        provider.published = ECKey.generate_key("P-256", {"kid": "one"})
    provider.key, provider.algorithm = provider.published, algorithm
    assert browser.get(there(browser)).status_code == status


def test_behind_a_proxy_the_public_address_is_what_the_provider_and_the_cookies_go_by(
    settings: Settings, provider: IdentityProvider
) -> None:
    public = settings.model_copy(update={"public_address": "https://data.example.gov.cn"})
    own_password(app_database(public), LISI)
    inside = TestClient(create_app(public), base_url="http://127.0.0.1", follow_redirects=False)
    away = inside.get("/login/oidc?next=/catalogue")
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://data.example.gov.cn/login/oidc/callback"]
    assert "Secure" in away.headers["set-cookie"]
    code, state = "code-0", asked["state"][0]
    httpx.get(away.headers["location"])  # the provider sends the browser to the public address, the proxy on to us
    cookie = away.headers["set-cookie"].partition(";")[0]
    answer = inside.get(f"/login/oidc/callback?code={code}&state={state}", headers={"cookie": cookie})
    assert answer.status_code == 303
    sessions = [value for value in answer.headers.get_list("set-cookie") if value.startswith("citybrain_session=")]
    assert len(sessions) == 1
    assert "Secure" in sessions[0]
    assert "https://data.example.gov.cn/api/v1/" in inside.get("/api/docs").text


@pytest.mark.parametrize(
    "address", ["data.example.gov.cn", "ftp://x", "https://x/y", "https://", "https://x y", "https://x?"]
)
def test_a_public_address_is_one_or_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="public_address"):
        Settings(public_address=address)


def test_a_disabled_account_stays_closed_and_an_administrator_still_owes_a_code(
    browser: TestClient, provider: IdentityProvider, settings: Settings
) -> None:
    accounts = AccountStore(app_database(settings))
    accounts.disable("lisi", Actor(at=datetime.now(UTC)))
    assert browser.get(there(browser)).status_code == 401
    own_password(app_database(settings), ADMIN)
    accounts.close()
    provider.cheat = _with(preferred_username="sysadmin")
    answer = browser.get(there(browser))
    assert answer.headers["location"].startswith("/account/code?")
    assert browser.get("/accounts").status_code == 303


def test_a_provider_that_is_away_is_told_and_passwords_still_work(settings: Settings, browser: TestClient) -> None:
    gone = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    away = TestClient(create_app(gone), base_url="http://127.0.0.1", follow_redirects=False)
    answer = away.get("/login/oidc")
    assert answer.status_code == 401
    assert "暂时无法访问" in answer.text


def test_without_a_provider_there_is_no_such_door(tmp_path: Path) -> None:
    client = TestClient(create_app(Settings(home=tmp_path / "home", threads=1)), base_url="http://127.0.0.1")
    assert client.get("/login/oidc").status_code == 404
    assert "统一身份认证登录" not in client.get("/login").text


@pytest.mark.parametrize("issuer", ["http://id.example", "ftp://127.0.0.1", "", "https://"])
def test_a_provider_is_reached_by_https_or_on_this_machine(issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        OidcClient(Provider(issuer, CLIENT, SECRET))
