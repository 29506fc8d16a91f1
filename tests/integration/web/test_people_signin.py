"""Signing in through the pages: sessions, forged posts, where one comes from and goes to."""

from __future__ import annotations

from pathlib import Path

import pytest
from english_frame import Frame, chinese_left
from signed_in import PASSWORD, csrf, post, sign_in
from starlette.testclient import TestClient

from catalog.access.person import Person, Post
from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
LISI = Person("lisi", "李四", "gaj", frozenset({Post.CATALOGUER}))


@pytest.fixture
def door(tmp_path: Path) -> TestClient:
    """Somebody signed in, on a home where nothing is published."""
    settings = Settings(home=tmp_path / "home", threads=1)
    return sign_in(create_app(settings), app_database(settings), LISI)


def _stranger(door: TestClient) -> TestClient:
    return TestClient(door.app, base_url="http://127.0.0.1", follow_redirects=False)


def test_the_page_says_who_is_signed_in_until_they_sign_out(door: TestClient) -> None:
    assert "李四" in door.get("/").text
    assert "李四" not in _stranger(door).get("/").text
    token = door.cookies["citybrain_session"]

    assert post(door, "/logout", {}, "/").status_code == 303
    door.cookies.set("citybrain_session", token)
    assert "李四" not in door.get("/").text


def test_the_cookie_is_kept_from_scripts_and_other_sites(door: TestClient) -> None:
    stranger = _stranger(door)
    answer = post(stranger, "/login", {"account": "lisi", "password": PASSWORD})
    (cookie,) = [value for value in answer.headers.get_list("set-cookie") if value.startswith("citybrain_session=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    over_tls = TestClient(door.app, base_url="https://127.0.0.1", follow_redirects=False)
    answer = post(over_tls, "/login", {"account": "lisi", "password": PASSWORD})
    assert all("Secure" in value for value in answer.headers.get_list("set-cookie") if "citybrain_session=" in value)


def test_signing_in_leads_back_and_never_to_another_host(door: TestClient) -> None:
    for asked, went in (
        ("/catalogue?q=户籍", "/catalogue?q=%E6%88%B7%E7%B1%8D"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ):
        answer = post(_stranger(door), "/login", {"account": "lisi", "password": PASSWORD, "next": asked})
        assert answer.headers["location"] in (went, asked if went != "/" else "/")


def test_a_wrong_password_shows_the_form_again_with_what_was_typed(door: TestClient) -> None:
    answer = post(_stranger(door), "/login", {"account": 'li"><script>', "password": "wrong"})
    assert answer.status_code == 401
    assert "不正确" in answer.text
    assert "<script>" not in answer.text
    assert "citybrain_session" not in answer.headers.get("set-cookie", "")


def test_a_post_without_the_token_of_its_page_is_refused(door: TestClient) -> None:
    fields = {"account": "lisi", "password": PASSWORD}
    stranger = _stranger(door)
    assert stranger.post("/login", data=fields).status_code == 403
    stranger.get("/login")
    assert stranger.post("/login", data={**fields, "csrf": "x"}).status_code == 403
    assert stranger.post("/login", data={**fields, "csrf": csrf(door, "/")}).status_code == 403
    assert door.post("/logout", data={"csrf": csrf(stranger, "/login")}).status_code == 403
    assert "李四" in door.get("/").text


def test_a_new_session_takes_the_place_of_the_old(door: TestClient) -> None:
    old = door.cookies["citybrain_session"]
    token = csrf(door, "/")
    answer = door.post("/login", data={"csrf": token, "account": "lisi", "password": PASSWORD})
    assert answer.status_code == 303
    assert door.cookies["citybrain_session"] != old
    assert "李四" in door.get("/").text
    other = _stranger(door)
    other.cookies.set("citybrain_session", old)
    assert "李四" not in other.get("/").text


def test_a_made_up_session_is_nobody(door: TestClient) -> None:
    stranger = _stranger(door)
    stranger.cookies.set("citybrain_session", "x" * 5000)
    assert stranger.get("/").status_code == 200
    assert "李四" not in stranger.get("/").text


def test_in_english_the_door_refuses_in_english(door: TestClient) -> None:
    stranger = _stranger(door)
    stranger.cookies.set("language", "en")
    answers = [post(stranger, "/login", {"account": "lisi", "password": "wrong"}) for _ in range(6)]
    assert "Wrong account or password" in answers[0].text
    assert "Too many tries; try again in 15 minutes" in answers[-1].text
    assert {left for answer in answers for text in Frame(answer.text).texts for left in chinese_left(text)} == set()


@pytest.mark.parametrize("new", ["short", "lowercaseonlyletters", "Lisi-2026-abc", "Password-2026", PASSWORD])
def test_in_english_a_weak_password_is_refused_in_english(door: TestClient, new: str) -> None:
    door.cookies.set("language", "en")
    answer = post(door, "/account/password", {"old": PASSWORD, "new": new, "again": new}, "/account/password")
    assert answer.status_code == 422
    assert {left for text in Frame(answer.text).texts for left in chinese_left(text)} == set()
