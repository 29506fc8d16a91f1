"""Drafts: whatever was typed is kept, what is missing is told on submission and all at once, nobody but the clerks reads one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from desk_doors import FORM, HOSTILE, City

from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.store import Opening

pytestmark = pytest.mark.integration
EVERYTHING = {"basis", "scenario", "scope", "method", "starts_on", "ends_on", "columns"}


def named(page: str) -> set[str]:
    """Return the fields of a page that have a fault."""
    return set(re.findall(r'id="fault-([\w.]+)"', page))


def begun(city: City, **typed: Any) -> str:
    """Save a draft that holds no more than this, and return its address."""
    found = city.sign_in("li").post("/desk/apply/gaj/resident", {"then": "save", **typed})
    assert found.status_code == 303, found.text
    return found.headers["location"]


def test_a_draft_keeps_whatever_was_typed(city: City) -> None:
    url = begun(city, basis="短", ends_on="2020-01-01", columns=["sex_code"], **{"row.sex_code": "太长的代码值"})
    li = city.sign_in("li")
    facts = li.json(url)
    assert facts["state"] == "草稿"
    assert ["使用依据", "短"] in facts["form"]
    assert ["使用场景", ""] in facts["form"]
    assert facts["method"] is None
    page = li.get(f"{url}/form")
    assert page.status_code == 200
    assert named(page.text) == set()
    for kept in (">短</textarea>", 'value="2020-01-01"', 'value="sex_code" checked'):
        assert kept in page.text
    assert li.json(f"{url}/form")["values"]["row_filter"] == {"sex_code": "太长的代码值"}
    assert "None" not in page.text
    assert li.get(url).status_code == 200


def test_an_empty_draft_is_kept_and_filled_in_bit_by_bit(city: City) -> None:
    url, li = begun(city), city.sign_in("li")
    for seen, part in enumerate(({"basis": "法定职责"}, {"basis": "法定职责", "scope": "基层处"}, FORM), 1):
        assert li.post(f"{url}/form", {**part, "seen": seen, "then": "save"}).status_code == 303
    li.press(url, "submit")
    facts = li.json(url)
    assert (facts["state"], ["使用依据", FORM["basis"]] in facts["form"]) == ("待本部门审批", True)
    assert [event["kind"] for event in facts["events"]] == ["保存"] * 4 + ["提交"]


@pytest.mark.parametrize("door", ["submit", "form"])
def test_what_is_missing_is_told_on_submission_and_all_at_once(city: City, door: str) -> None:
    url, li = begun(city), city.sign_in("li")
    posted = {"seen": 1, "then": "submit"}
    found = li.post(f"{url}/{door}", posted)
    assert found.status_code == 422
    assert named(found.text) == EVERYTHING
    assert "有 7 处需要修改" in found.text
    as_json = li.post(f"{url}/{door}", posted, accept="application/json")
    assert as_json.status_code == 422
    assert all(field in as_json.json()["error"]["hint"] for field in EVERYTHING)
    assert len(li.json(url)["events"]) == 1
    assert li.json(url)["state"] == "草稿"


def test_what_the_resource_does_not_have_is_told_with_the_rest(city: City) -> None:
    url = begun(
        city, method="file", scope="基层处", ends_on="2020-01-01", columns=["sex_code"], **{"row.sex_code": "很长的值"}
    )
    found = city.sign_in("li").post(f"{url}/submit", {"seen": 1})
    assert named(found.text) == {"basis", "scenario", "method", "starts_on", "ends_on", "row.sex_code"}
    assert "本资源提供：服务接口、批量交换" in found.text
    assert "止日不能早于今天" in found.text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"basis": "依" * 501}, "basis"),
        ({"starts_on": "明天"}, "starts_on"),
        ({"method": "邮件"}, "method"),
        ({"columns": ["no_such_column"]}, "columns"),
        ({"row.sex_code": "1" * 1001}, "row.sex_code"),
    ],
)
def test_what_no_draft_can_hold_is_refused_and_shown_again(city: City, typed: dict[str, Any], field: str) -> None:
    url, li = begun(city), city.sign_in("li")
    for address, seen in (("/desk/apply/gaj/resident", {}), (f"{url}/form", {"seen": 1})):
        found = li.post(address, {**typed, **seen, "scope": "写了很久", "then": "save"})
        assert found.status_code == 422
        assert named(found.text) == {field}
        assert ">写了很久</textarea>" in found.text
    assert len(city.store.applications()) == 1
    assert len(li.json(url)["events"]) == 1


def test_nobody_but_the_clerks_sees_a_draft(city: City) -> None:
    url = begun(city, scenario="还没有想好的场景")
    for account in ("wang", "zhao", "qian", "sun", "zhou", "admin"):
        browser = city.sign_in(account)
        for found in (browser.get(url), browser.get(f"{url}.json"), browser.post(f"{url}/approve_own", {"seen": 1})):
            assert found.status_code == 403
            assert "还没有提交" in found.text
        assert browser.get(f"{url}/form").status_code == 403
        assert browser.post(f"{url}/form", {**FORM, "seen": 1}).status_code == 403
        assert browser.post(f"{url}/submit", {"seen": 1}).status_code == 403
        for page in ("/desk", "/desk/list/all", "/desk/list/own", "/catalogue/gaj/resident"):
            assert url not in browser.get(page).text
    assert len(city.sign_in("li").json(url)["events"]) == 1
    city.sign_in("li").press(url, "withdraw")
    assert city.sign_in("wang").get(url).status_code == 403


def test_an_approval_reads_what_was_submitted_and_not_what_is_being_typed(city: City) -> None:
    url = begun(city, scope="第一稿的范围")
    li, wang = city.sign_in("li"), city.sign_in("wang")
    li.post(f"{url}/form", {**FORM, "seen": 1, "then": "submit"})
    assert "第一稿的范围" not in wang.get(url).text
    wang.press(url, "return_own", reason="依据写到条款")
    assert li.post(f"{url}/form", {**FORM, "scope": "", "basis": "半句", "seen": 4, "then": "save"}).status_code == 303
    assert ["使用依据", "半句"] in li.json(url)["form"]
    for text in (wang.get(url).text, wang.get(f"{url}.json").text):
        assert "半句" not in text
        assert FORM["scope"] in text
    assert li.post(f"{url}/form", {**FORM, "scope": "改过的范围", "seen": 5, "then": "submit"}).status_code == 303
    facts = wang.json(url)
    assert ["使用范围", "改过的范围"] in facts["form"]
    assert facts["events"][-1]["statements"] == [["使用范围", "改过的范围"]]
    assert "半句" not in wang.get(url).text
    assert ["使用依据", "半句"] in li.json(url)["events"][4]["statements"]


def test_two_who_save_and_submit_at_once_lose_nothing(city: City) -> None:
    url, li = begun(city, scope="先写的"), city.sign_in("li")
    assert li.post(f"{url}/form", {"scope": "先到的修改", "seen": 1, "then": "save"}).status_code == 303
    late = li.post(f"{url}/form", {"scope": "后到的修改", "seen": 1, "then": "save"})
    assert late.status_code == 409
    assert "后到的修改</textarea>" in late.text
    overtaken = li.post(f"{url}/submit", {"seen": 1}, accept="application/json")
    assert (overtaken.status_code, overtaken.json()["error"]["code"]) == (409, "overtaken")
    assert ["使用范围", "先到的修改"] in li.json(url)["form"]
    assert len(li.json(url)["events"]) == 2


def test_hostile_text_stays_text(city: City) -> None:
    url = begun(city, basis=HOSTILE, scope=HOSTILE, **{"row.resident_id": "<b>'\"" + "x" * 300})
    li = city.sign_in("li")
    pages = [li.get(url), li.get(f"{url}/form"), li.post(f"{url}/submit", {"seen": 1})]
    pages.append(li.post(f"{url}/form", {"basis": HOSTILE, "starts_on": HOSTILE, "seen": 1, "then": "save"}))
    assert [page.status_code for page in pages] == [200, 200, 422, 422]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<b>'" not in page.text


def test_a_draft_that_was_saved_when_only_whole_forms_were_is_still_submitted(city: City) -> None:
    at = datetime.now(UTC)
    stands = city.store.apply_for(Opening(Parties("wjw", "gaj", "dsjj"), "gaj.resident", at, "李申请"), 2)
    old = {**FORM, "resource": "gaj.resident", "row_filter": {}}
    city.store.move_application(
        stands.number, Event("保存", at, "李申请", Role.APPLICANT, "wjw", {"form": old}), seen=0
    )
    url = f"/desk/applications/{stands.number}"
    assert city.sign_in("li").get(f"{url}/form").status_code == 200
    city.sign_in("li").press(url, "submit")
    assert ["使用场景", FORM["scenario"]] in city.sign_in("wang").json(url)["form"]
