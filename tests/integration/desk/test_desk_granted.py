"""Who uses a resource, on its entry page: the grants for who may see them, no more than counts for everybody else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from desk_doors import FORM, HOSTILE, City, put
from english_frame import Frame, chinese_left

from catalog.api.granted import SHOWN_GRANTS
from catalog.contract.city_time import city_day

pytestmark = pytest.mark.integration
ENTRY = "/catalogue/gaj/resident"
RECORD = {f"record.{part}": "如申请" for part in ("scene", "process", "effect", "storage", "destruction")}


def grants(city: City, account: str | None) -> Any:
    browser = city.sign_in(account).client if account else city.client
    return browser.get(f"{ENTRY}.json").json()["grants"]


def numbers(found: Any) -> list[str]:
    return [line["number"] for line in found["lines"]]


def test_the_parties_and_the_bureau_see_the_whole_grant_with_its_link(city: City) -> None:
    url = city.in_use()
    city.sign_in("li").press(url, "use", **RECORD)
    city.client.get("/api/v1/data/gaj/resident", headers=city.key())
    for account in ("li", "wang", "zhao", "qian", "sun"):
        found = grants(city, account)
        (line,) = found["lines"]
        assert (line["url"], line["dept"], line["state"], line["in_force"]) == (url, "wjw", "使用中", True)
        assert line["form"]["使用场景"] == FORM["scenario"]
        assert (line["columns"], line["starts_on"], line["ends_on"]) == (
            FORM["columns"],
            FORM["starts_on"],
            FORM["ends_on"],
        )
        assert line["recorded_at"][:10] == city_day(datetime.now(UTC)).isoformat()
        assert line["read_at"]
        assert (found["in_force"], found["ended"], found["hidden"], found["others"]) == (1, 0, 0, [])
        page = city.sign_in(account).get(ENTRY).text
        assert f'href="{url}"' in page
        assert FORM["scenario"] in page


def test_another_department_sees_how_many_and_no_word_of_the_content(city: City) -> None:
    url = city.in_use()
    for account in ("zhou", "wu", "admin"):
        found = grants(city, account)
        assert (found["lines"], found["hidden"]) == ([], 1)
        assert found["others"] == [{"dept": "wjw", "dept_name": "市卫生健康委员会", "in_force": 1, "ended": 0}]
        assert "第二十五条" in found["basis"]
        page = city.sign_in(account).get(ENTRY).text
        for secret in (url, url.rsplit("/", 1)[1], FORM["scenario"], FORM["scope"]):
            assert secret not in page
            assert secret not in city.sign_in(account).get(f"{ENTRY}.json").text
        assert "另有 1 份授权不列内容" in page


def test_a_stranger_sees_the_total_alone_and_is_told_why(city: City) -> None:
    city.in_use()
    found = grants(city, None)
    assert (found["in_force"], found["hidden"], found["lines"], found["others"]) == (1, 1, [], [])
    assert "登录后可见" in city.client.get(ENTRY).text
    assert "/desk/" not in city.client.get(ENTRY).text


def test_what_was_never_provided_is_no_grant(city: City) -> None:
    for upto in range(6):
        put(city, datetime.now(UTC), upto)
    for account in ("li", "sun", "zhou", None):
        found = grants(city, account)
        assert (found["in_force"], found["ended"], found["hidden"], found["lines"]) == (0, 0, 0, [])
    assert "还没有部门获得授权" in city.sign_in("li").get(ENTRY).text


def test_suspended_run_out_and_ended_ones_are_told_apart_from_those_in_force(city: City) -> None:
    suspended, stopped, running = city.in_use(), city.in_use(), city.in_use()
    city.sign_in("zhao").press(suspended, "suspend", reason="用途不符")
    city.sign_in("sun").press(stopped, "suspend", reason="用途不符")
    city.sign_in("sun").press(stopped, "terminate", reason="拒不整改")
    over = put(city, datetime.now(UTC), 6, ends_on=FORM["starts_on"], dept="jyj")
    found = grants(city, "zhao")
    assert (found["in_force"], found["ended"]) == (1, 3)
    states = {line["number"]: (line["state"], line["in_force"]) for line in found["lines"]}
    assert states == {
        suspended.rsplit("/", 1)[1]: ("已暂停", False),
        stopped.rsplit("/", 1)[1]: ("待处置", False),
        running.rsplit("/", 1)[1]: ("使用中", True),
        over: ("使用中", False),
    }
    assert numbers(found)[0] == running.rsplit("/", 1)[1]
    assert "不在使用时限内" in city.sign_in("zhao").get(ENTRY).text
    assert grants(city, "li")["others"] == [{"dept": "jyj", "dept_name": "市教育局", "in_force": 0, "ended": 1}]


def test_hostile_text_stays_text(city: City) -> None:
    city.in_use(scenario=HOSTILE)
    page = city.sign_in("zhao").get(ENTRY).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_readers_of_the_platform_are_named(city: City) -> None:
    page = city.client.get(ENTRY).text
    assert "population.dim_person" in page.partition('id="use"')[2]


def test_the_frame_is_english(city: City) -> None:
    city.in_use()
    for account in ("zhao", "zhou"):
        browser = city.sign_in(account)
        browser.client.cookies.set("language", "en")
        page = browser.get(ENTRY, accept="text/html").text
        assert "Grants" in page
        assert {word for part in Frame(page).texts for word in chinese_left(part)} == set()


def test_many_grants_keep_the_page_short(city: City) -> None:
    departments, count = ("wjw", "jyj"), 2 * SHOWN_GRANTS + 20
    for number in range(count):
        put(
            city,
            datetime.now(UTC),
            6,
            ends_on="2099-12-31" if number % 4 < 2 else "2026-01-02",
            dept=departments[number % 2],
        )
    for account, hidden in (("zhao", 0), ("li", count // 2), ("wu", count)):
        found = grants(city, account)
        assert (len(found["lines"]), found["hidden"]) == (min(SHOWN_GRANTS, count - hidden), hidden)
        assert len(found["lines"]) + found["more"] + found["hidden"] == count
        open_ones = [line["in_force"] for line in found["lines"]]
        assert open_ones == sorted(open_ones, reverse=True)
        page = city.sign_in(account).get(ENTRY).text
        assert page.count('href="/desk/applications/') == len(found["lines"])
