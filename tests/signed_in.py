"""Sign somebody in through the real door: a real account, the real page, the real cookie."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pyotp
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from catalog.access.accounts import AccountStore, Actor
from catalog.access.person import Person

PASSWORD = "Yunnan-Baiyao-2026"  # a test's, of an account of its own
_SECRET = re.compile(r'<code class="secret">([A-Z2-7]+)</code>')
_RECOVERY = re.compile(r"<li><code>([0-9a-f-]+)</code></li>")
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')

_recovery_codes: dict[tuple[str, str], list[str]] = {}


def sign_in(app: FastAPI, address: str, person: Person) -> TestClient:
    """Return a client that ``person`` signed in with; ``address`` is that of the app database. The account is made if need be."""
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    answer = post(client, "/login", {"account": person.account, "password": own_password(address, person)})
    assert answer.status_code == 303, answer.text
    if answer.headers["location"].startswith("/account/code"):
        _, _recovery_codes[address, person.account] = enrol(client)
    if answer.headers["location"].startswith("/login/code"):
        code = _recovery_codes[address, person.account].pop()
        assert post(client, "/login/code", {"code": code}, "/login/code").status_code == 303
    return client


def enrol(client: TestClient) -> tuple[str, list[str]]:
    """Set up one-time codes as the page says; return the secret and the recovery codes."""
    found = _SECRET.search(client.get("/account/code").text)
    assert found, "no secret is shown"
    answer = post(client, "/account/code", {"code": pyotp.TOTP(found[1]).now()}, "/account/code")
    assert answer.status_code == 200, answer.text
    return found[1], _RECOVERY.findall(answer.text)


def post(client: TestClient, path: str, fields: dict[str, object], page: str = "/login") -> Response:
    """Post a form with the token that a page of this client's session carries."""
    return client.post(path, data={"csrf": csrf(client, page), **fields})


def csrf(client: TestClient, page: str = "/") -> str:
    """Return the token against forged posts, as a page of this session carries it."""
    found = _TOKEN.search(client.get(page).text)
    assert found, f"{page} has no form"
    return found[1]


def own_password(address: str, person: Person) -> str:
    """Return the password of a person's account, which is made if need be; no longer the generated one."""
    store, by = AccountStore(address), Actor(at=datetime.now(UTC))
    try:
        if store.find(person.account) is None:
            first = store.add(person.account, person.name, person.dept, person.posts, by)
            store.change_password(person.account, first, PASSWORD, by)
    finally:
        store.close()
    return PASSWORD
