"""A department's own API keys on the page: made, shown once, replaced, revoked; others' keys are out of reach."""

from __future__ import annotations

import re

import pytest
from desk_doors import City

pytestmark = pytest.mark.integration
SHAPE = re.compile(r"cb_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")


def made(city: City, account: str = "li", name: str = "签约核对") -> str:
    """Make a key on the page and return it as the page shows it."""
    assert city.sign_in(account).post("/desk/keys", {"name": name}).status_code == 303
    found = SHAPE.search(city.sign_in(account).get("/desk/keys").text)
    assert found
    return found[0]


def test_a_key_is_shown_once_and_works(city: City) -> None:
    key = made(city)
    assert key not in city.sign_in("li").get("/desk/keys").text
    assert city.access.principal(key).dept == "wjw"  # type: ignore[union-attr]
    listed = city.sign_in("li").json("/desk/keys")["keys"]
    assert [row["name"] for row in listed] == ["签约核对"]
    assert key.split("_", 2)[2] not in str(listed)


def test_the_answer_that_carries_the_key_is_kept_nowhere(city: City) -> None:
    answer = city.sign_in("li").post("/desk/keys", {"name": "签约核对"})
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Path=/desk/keys", "SameSite=strict"} <= set(cookie.split("; "))
    shown = city.sign_in("li").get("/desk/keys")
    assert shown.headers["cache-control"] == "no-store"


def test_a_forged_cookie_shows_nothing(city: City) -> None:
    browser = city.sign_in("li")
    browser.client.cookies.set("desk_new_key", "<script>alert(1)</script>", path="/desk/keys")
    page = browser.get("/desk/keys")
    assert "新的 API key" not in page.text
    assert "<script>alert" not in page.text


def test_replacing_ends_the_old_key_at_once(city: City) -> None:
    old = made(city)
    answer = city.sign_in("li").post(f"/desk/keys/{old.split('_')[1]}/rotate")
    assert answer.status_code == 303
    new = SHAPE.search(city.sign_in("li").get("/desk/keys").text)
    assert new
    assert city.access.principal(old) is None
    assert city.access.principal(new[0]) is not None


def test_replacing_keeps_what_the_bureau_gave(city: City) -> None:
    old = city.access.create_key("wjw", "旧", ["gaj.resident"])
    city.sign_in("li").post(f"/desk/keys/{old.split('_')[1]}/rotate")
    newest = [row for row in city.access.keys("wjw") if not row["revoked_at"]]
    assert [row["resources"] for row in newest] == [["gaj.resident"]]


def test_a_key_is_revoked(city: City) -> None:
    key = made(city)
    assert city.sign_in("li").post(f"/desk/keys/{key.split('_')[1]}/revoke").status_code == 303
    assert city.access.principal(key) is None
    assert "已停用" in city.sign_in("li").get("/desk/keys").text


@pytest.mark.parametrize("move", ["rotate", "revoke"])
def test_another_departments_key_is_out_of_reach(city: City, move: str) -> None:
    key = made(city)
    found = city.sign_in("zhou").post(f"/desk/keys/{key.split('_')[1]}/{move}")
    assert (found.status_code, "本部门没有" in found.text) == (404, True)
    assert city.access.principal(key) is not None


def test_only_who_applies_has_keys(city: City) -> None:
    for account in ("wang", "sun", "admin"):
        assert city.sign_in(account).get("/desk/keys").status_code == 403
    assert 'href="/desk/keys"' not in city.sign_in("sun").get("/desk").text
    assert 'href="/desk/keys"' in city.sign_in("li").get("/desk").text


def test_a_key_says_what_it_is_for(city: City) -> None:
    found = city.sign_in("li").post("/desk/keys", {"name": " x "})
    assert (found.status_code, 'id="fault-name"' in found.text) == (422, True)
    assert city.access.keys() == []
