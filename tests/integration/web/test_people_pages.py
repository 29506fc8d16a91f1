"""The pages of people: one's own account, and those of the three administrators, none of whom can do another's part."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from signed_in import PASSWORD, csrf, enrol, post, sign_in

from catalog.access.accounts import AccountStore, Actor
from catalog.access.person import ADMINISTRATORS, BUREAU, Person, Post
from catalog.access.store import AccessStore
from catalog.web.app import create_app
from catalog.web.audit_pages import plain_cell
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
SYSTEM = Person("sysadmin", "系统", BUREAU, frozenset({Post.SYSTEM_ADMIN}))
SECURITY = Person("secadmin", "安全", BUREAU, frozenset({Post.SECURITY_ADMIN}))
AUDITOR = Person("auditor", "审计", BUREAU, frozenset({Post.AUDITOR}))
LISI = Person("lisi", "李四", "gaj", frozenset({Post.CATALOGUER}))
PLACES = {
    "/accounts": Post.SYSTEM_ADMIN,
    "/rights": Post.SECURITY_ADMIN,
    "/audit": Post.AUDITOR,
    "/audit.csv": Post.AUDITOR,
}
POSTS = {
    "/accounts": Post.SYSTEM_ADMIN,
    "/accounts/lisi/disable": Post.SYSTEM_ADMIN,
    "/accounts/lisi/enable": Post.SYSTEM_ADMIN,
    "/accounts/lisi/reset-password": Post.SYSTEM_ADMIN,
    "/rights/lisi": Post.SECURITY_ADMIN,
    "/rights/lisi/unlock": Post.SECURITY_ADMIN,
    "/rights/lisi/end-sessions": Post.SECURITY_ADMIN,
    "/rights/keys/000000000000/revoke": Post.SECURITY_ADMIN,
}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def app(own: Settings) -> FastAPI:
    return create_app(own)


@pytest.fixture
def address(own: Settings) -> str:
    return app_database(own)


@pytest.fixture
def accounts(address: str) -> AccountStore:
    return AccountStore(address)


def stranger(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.mark.parametrize("person", [SYSTEM, SECURITY, AUDITOR, LISI], ids=lambda person: person.account)
def test_none_can_do_anothers_part(app: FastAPI, address: str, person: Person, accounts: AccountStore) -> None:
    client = sign_in(app, address, person)
    for place, needed in PLACES.items():
        answer = client.get(place, headers={"Accept": "application/json"})
        assert answer.status_code == (200 if needed in person.posts else 403), place
        if needed not in person.posts:
            assert answer.json()["error"]["code"] == "not_your_post"
            assert needed in answer.json()["error"]["message"]
    for place, needed in POSTS.items():
        answer = post(client, place, {}, "/account")
        assert (answer.status_code == 403) == (needed not in person.posts), place
    refused = [event for event in _events(accounts) if event["kind"] == "refused"]
    assert len(refused) == sum(needed not in person.posts for needed in [*PLACES.values(), *POSTS.values()])
    assert all(event["actor"] == person.account for event in refused)
    assert all(event["detail"]["code"] == "not_your_post" for event in refused)


def test_a_stranger_is_led_to_sign_in_and_a_program_is_told(app: FastAPI) -> None:
    client = stranger(app)
    for place in (*PLACES, "/account", "/account/password"):
        answer = client.get(place, headers={"Accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/login?next={place}"
        answer = client.get(place, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")
    token = csrf(client, "/login")
    answer = client.post("/accounts", data={"csrf": token}, headers={"HX-Request": "true"})
    assert answer.headers["hx-redirect"].startswith("/login")


def test_an_account_from_nothing_to_its_own_password(app: FastAPI, address: str, accounts: AccountStore) -> None:
    system, security = sign_in(app, address, SYSTEM), sign_in(app, address, SECURITY)
    made = post(system, "/accounts", {"account": "zhao", "name": "赵五", "dept": "gaj"}, "/accounts")
    assert (made.status_code, made.headers["location"]) == (303, "/accounts#slip")
    shown = system.get("/accounts").text
    generated = re.search(r"<code>(\w{5}(?:-\w{5}){3})</code>", shown)
    assert generated
    assert generated[1] not in system.get("/accounts").text  # shown once
    assert "待授岗" in shown

    client = stranger(app)
    answer = post(client, "/login", {"account": "zhao", "password": generated[1], "next": "/account"})
    assert answer.headers["location"] == "/account/password?next=%2Faccount"
    assert client.get("/account", headers={"Accept": "text/html"}).headers["location"] == "/login?next=/account"
    assert client.get("/login?next=/account").headers["location"] == "/account/password?next=%2Faccount"
    form = {"old": generated[1], "new": PASSWORD, "again": PASSWORD, "next": "/account"}
    for change, said in (
        ({"again": "x"}, "不一致"),
        ({"new": "short", "again": "short"}, "12 至"),
        ({"old": "x"}, "原口令"),
    ):
        answer = post(client, "/account/password", form | change, "/account/password")
        assert (answer.status_code, said in answer.text) == (422, True)
    answer = post(client, "/account/password", form, "/account/password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "尚未授予岗位" in client.get("/account").text

    seen = accounts.find("zhao")
    assert seen is not None
    answer = post(security, "/rights/zhao", {"post": ["CATALOGUER", "HEAD"], "version": seen.version}, "/rights/zhao")
    assert answer.status_code == 303
    assert client.get("/account").status_code == 303  # its sessions ended
    post(client, "/login", {"account": "zhao", "password": PASSWORD})
    assert client.get("/account.json").json()["posts"] == ["编目员", "部门负责人"]


def test_a_slip_is_read_by_its_own_session_only(app: FastAPI, address: str) -> None:
    system, other = sign_in(app, address, SYSTEM), sign_in(app, address, SYSTEM)
    made = post(system, "/accounts", {"account": "zhao", "name": "赵五", "dept": "gaj"}, "/accounts")
    assert "HttpOnly" in made.headers["set-cookie"]
    other.cookies.set("citybrain_slip", made.cookies["citybrain_slip"], path="/accounts")
    assert 'id="slip"' not in other.get("/accounts").text
    other.cookies.set("citybrain_slip", "%%%", path="/accounts")
    assert other.get("/accounts").status_code == 200
    assert 'id="slip"' in system.get("/accounts").text


def test_posts_that_do_not_go_together_are_refused_with_the_reason(app: FastAPI, address: str) -> None:
    sign_in(app, address, LISI)
    security = sign_in(app, address, SECURITY)
    for posts, said in ((["REVIEWER"], "大数据局"), ([], "至少需要一个岗位")):
        answer = post(security, "/rights/lisi", {"post": posts, "version": "2"}, "/rights/lisi")
        assert (answer.status_code, said in answer.text) == (422, True)
    for fields in ({"post": ["EMPEROR"], "version": "2"}, {"post": ["HEAD"], "version": "x"}, {"post": ["HEAD"]}):
        answer = post(security, "/rights/lisi", fields, "/rights/lisi")
        assert answer.status_code == 422
    assert post(security, "/rights/secadmin", {"post": ["AUDITOR"], "version": "2"}, "/rights").status_code == 422


def test_the_second_of_two_who_appoint_is_told(app: FastAPI, address: str) -> None:
    sign_in(app, address, LISI)
    security = sign_in(app, address, SECURITY)
    version = re.search(r'name="version" value="(\d+)"', security.get("/rights/lisi").text)
    assert version
    assert post(security, "/rights/lisi", {"post": ["HEAD"], "version": version[1]}, "/rights/lisi").status_code == 303
    answer = post(security, "/rights/lisi", {"post": ["APPLICANT"], "version": version[1]}, "/rights/lisi")
    assert (answer.status_code, "已被他人修改" in answer.text) == (409, True)
    assert re.search(r'value="APPLICANT" checked', answer.text)  # what the second chose is not lost


def test_a_disabled_account_is_out_at_once(app: FastAPI, address: str) -> None:
    client, system = sign_in(app, address, LISI), sign_in(app, address, SYSTEM)
    assert client.get("/account").status_code == 200
    assert post(system, "/accounts/lisi/disable", {}, "/accounts").headers["location"] == "/accounts#lisi"
    assert client.get("/account").status_code == 303
    assert post(system, "/accounts/sysadmin/disable", {}, "/accounts").status_code == 409
    assert post(system, "/accounts/ghost/disable", {}, "/accounts").status_code == 404


def test_unlocking_and_ending_sessions(app: FastAPI, address: str) -> None:
    client, security = sign_in(app, address, LISI), sign_in(app, address, SECURITY)
    wrong = stranger(app)
    for _ in range(5):
        assert post(wrong, "/login", {"account": "lisi", "password": "wrong"}).status_code == 401
    assert "分钟" in post(wrong, "/login", {"account": "lisi", "password": PASSWORD}).text
    assert "已锁定" in security.get("/rights").text
    assert post(security, "/rights/lisi/unlock", {}, "/rights").status_code == 303
    assert post(security, "/rights/lisi/unlock", {}, "/rights").status_code == 409
    assert post(wrong, "/login", {"account": "lisi", "password": PASSWORD}).status_code == 303
    assert post(security, "/rights/lisi/end-sessions", {}, "/rights").status_code == 303
    assert client.get("/account").status_code == 303


def test_a_key_is_revoked(app: FastAPI, address: str) -> None:
    security, keys = sign_in(app, address, SECURITY), AccessStore(address)
    key = keys.create_key("jyj", HOSTILE, expires_on=date(2027, 1, 1))
    shown = security.get("/rights").text
    assert HOSTILE not in shown
    assert security.get("/rights.json").json()["keys"][0]["expires_on"] == "2027-01-01"
    place = f"/rights/keys/{key.split('_')[1]}/revoke"
    assert post(security, place, {}, "/rights").status_code == 303
    assert keys.principal(key) is None
    assert post(security, place, {}, "/rights").status_code == 404


def test_signing_out_elsewhere_leaves_this_session(app: FastAPI, address: str) -> None:
    here, there = sign_in(app, address, LISI), sign_in(app, address, LISI)
    assert len(here.get("/account.json").json()["sessions"]) == 2
    assert post(here, "/account/sign-out-elsewhere", {}, "/account").status_code == 303
    assert there.get("/account").status_code == 303
    assert [session["is_this"] for session in here.get("/account.json").json()["sessions"]] == [True]


def test_hostile_names_stay_text(app: FastAPI, address: str, accounts: AccountStore) -> None:
    accounts.add("evil", HOSTILE, "gaj", (), Actor())
    system, security = sign_in(app, address, SYSTEM), sign_in(app, address, SECURITY)
    answer = post(system, "/accounts", {"account": HOSTILE, "name": HOSTILE, "dept": "gaj"}, "/accounts")
    assert answer.status_code == 422
    for text in (
        answer.text,
        system.get("/accounts").text,
        security.get("/rights").text,
        security.get("/rights/evil").text,
    ):
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


def test_the_auditor_filters_by_person_event_and_day(app: FastAPI, address: str) -> None:
    sign_in(app, address, LISI)
    auditor = sign_in(app, address, AUDITOR)
    found = auditor.get("/audit.json", params={"person": "lisi", "kind": "signed_in"}).json()
    assert (found["total"], found["events"][0]["account"]) == (1, "lisi")
    assert auditor.get("/audit.json", params={"day": "2020-01-01"}).json()["total"] == 0
    assert auditor.get("/audit.json", params={"log": "data"}).json()["total"] == 0
    for params in ({"day": "yesterday"}, {"log": "other"}):
        assert auditor.get("/audit.json", params=params).status_code == 422
    for params in ({}, {"log": "data"}, {"person": HOSTILE}, {"kind": HOSTILE}, {"page": "9999"}):
        shown = auditor.get("/audit", params=params)
        assert shown.status_code == 200
        assert HOSTILE not in shown.text


def test_a_day_is_the_citys(app: FastAPI, address: str, accounts: AccountStore) -> None:
    from datetime import UTC, datetime

    for hour in (15, 16):  # 23:30 of that day, and 00:30 of the next
        accounts.record("signed_in", "night", Actor("night", datetime(2026, 3, 1, hour, 30, tzinfo=UTC), ""))
    auditor = sign_in(app, address, AUDITOR)
    for day, count in (("2026-02-28", 0), ("2026-03-01", 1), ("2026-03-02", 1), ("2026-03-03", 0)):
        assert auditor.get("/audit.json", params={"person": "night", "day": day}).json()["total"] == count


def test_what_is_taken_away_runs_no_formula(app: FastAPI, address: str, accounts: AccountStore) -> None:
    for number in range(2_100):
        accounts.record("refused", "=cmd|'/c calc'!A1", Actor("+1+1", address="-2"), {"path": f"@SUM({number})"})
    auditor = sign_in(app, address, AUDITOR)
    answer = auditor.get("/audit.csv", params={"kind": "refused"})
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content.startswith("\ufeff".encode())
    header, *rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert header[:3] == ["event_id", "at", "kind"]
    assert len(rows) == len({row[0] for row in rows}) == 2_100
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert accounts.engine is not None
    assert any(event["kind"] == "log_exported" for event in _events(accounts))
    assert plain_cell("=1+1") == "'=1+1"
    assert plain_cell("plain") == "plain"


def test_the_log_says_who_did_it_and_holds_no_secret(app: FastAPI, address: str, accounts: AccountStore) -> None:
    sign_in(app, address, LISI)
    system = sign_in(app, address, SYSTEM)
    post(system, "/accounts/lisi/reset-password", {}, "/accounts")
    generated = re.search(r"<code>(\w{5}(?:-\w{5}){3})</code>", system.get("/accounts").text)
    assert generated
    events = _events(accounts)
    assert [(e["account"], e["actor"]) for e in events if e["kind"] == "password_reset"] == [("lisi", "sysadmin")]
    assert generated[1] not in str(events)
    assert PASSWORD not in str(events)


def test_every_administrator_is_led_to_their_page(app: FastAPI, address: str) -> None:
    for person in (SYSTEM, SECURITY, AUDITOR):
        shown = sign_in(app, address, person).get("/").text
        held = {place for place in ("/accounts", "/rights", "/audit") if f'href="{place}"' in shown}
        assert held == {place for place, needed in PLACES.items() if needed in person.posts and place != "/audit.csv"}
    assert len(ADMINISTRATORS) == 3


def _events(accounts: AccountStore) -> list[dict[str, object]]:
    from catalog.access.logs import Logs, Wanted

    return Logs(accounts.engine).lines(Wanted(), limit=10_000)


def test_the_security_administrator_takes_codes_away_and_an_owner_sets_them_up_and_stops(
    app: FastAPI, address: str
) -> None:
    lisi, security = sign_in(app, address, LISI), sign_in(app, address, SECURITY)
    secret, recovery = enrol(lisi)
    assert secret not in lisi.get("/account").text
    assert "已启用" in lisi.get("/account").text
    wrong = post(lisi, "/account/code/remove", {"code": "000000"}, "/account")
    assert (wrong.status_code, "不正确" in wrong.text) == (409, True)
    assert post(lisi, "/account/code/remove", {"code": recovery[0]}, "/account").status_code == 303
    assert "未启用" in lisi.get("/account").text

    enrol(lisi)
    assert post(security, "/rights/lisi/remove-codes", {}, "/rights").status_code == 303
    assert lisi.get("/account").status_code == 303, "its sessions ended"
    refused = post(security, "/rights/secadmin/remove-codes", {}, "/rights")
    assert (refused.status_code, "自己" in refused.text) == (409, True)
    assert post(security, "/account/code/remove", {"code": "000000"}, "/account").status_code == 409


def test_without_the_code_a_session_is_nobodys(app: FastAPI, address: str) -> None:
    _, recovery = enrol(sign_in(app, address, LISI))
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    answer = post(client, "/login", {"account": LISI.account, "password": PASSWORD, "next": "/account"})
    assert answer.headers["location"] == "/login/code?next=%2Faccount"
    for path in ("/account", "/account/password", "/account/code", "/desk"):
        assert client.get(path).status_code == 303, path
    assert post(client, "/login/code", {"code": "123456", "next": "/account"}, "/login/code").status_code == 401
    passed = post(client, "/login/code", {"code": recovery[0], "next": "/account"}, "/login/code")
    assert (passed.status_code, passed.headers["location"]) == (303, "/account")
    assert client.get("/account").status_code == 200
