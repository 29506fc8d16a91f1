"""An application from the form to the archive through the pages, and everything that is refused on the way."""

from __future__ import annotations

import re

import pytest
from desk_doors import FORM, HOSTILE, STATED, STEPS, City
from desk_people import PEOPLE

from catalog.sharing.application import Kind
from catalog.sharing.posts import may_see

pytestmark = pytest.mark.integration
RECORD = {f"record.{part}": "如申请" for part in ("scene", "process", "effect", "storage", "destruction")}
DISPOSAL = {
    "record.how": "销毁",
    "record.disposed_on": "2026-11-28",
    "record.by": "李申请",
    "record.proof": "销毁单 1 号",
}


def test_an_application_goes_its_whole_way(city: City) -> None:
    url = city.in_use()
    facts = city.sign_in("li").json(url)
    assert facts["state"] == "使用中"
    assert facts["grant"]["columns"] == ["resident_id", "sex_code"]
    city.sign_in("li").press(url, "use", **RECORD)
    city.sign_in("sun").press(url, "suspend", reason="用途不符")
    city.sign_in("sun").press(url, "terminate", reason="拒不整改")
    city.sign_in("li").press(url, "dispose", **DISPOSAL)
    facts = city.sign_in("li").json(url)
    assert facts["state"] == "已归档"
    kinds = [event["kind"] for event in facts["events"]]
    assert kinds == ["保存", "提交", "本部门同意", "受理", "同意", "提供", "登记使用情况", "暂停", "终止", "处置"]
    assert all(event["basis"].startswith("《政务数据共享条例》第") for event in facts["events"])
    page = city.sign_in("li").get(url).text
    for text in ("销毁单 1 号", "拒不整改", "李申请", "孙审核", "按期办结"):
        assert text in page
    assert facts["moves"] == []


def test_what_is_not_shared_cannot_be_applied_for_and_the_law_is_named(city: City) -> None:
    for found in (
        city.sign_in("li").get("/desk/apply/yjj/hazard_source"),
        city.sign_in("li").post("/desk/apply/yjj/hazard_source", FORM),
    ):
        assert found.status_code == 403
        assert "不予共享" in found.text
        assert "第十五条" in found.text
    assert city.store.applications() == []


def test_a_department_does_not_apply_to_itself(city: City) -> None:
    found = city.sign_in("li").get("/desk/apply/wjw/birth")
    assert (found.status_code, "无需申请" in found.text) == (403, True)


@pytest.mark.parametrize("account", ["wang", "sun", "wu"])
def test_only_who_has_the_post_applies(city: City, account: str) -> None:
    found = city.sign_in(account).get("/desk/apply/gaj/resident")
    assert (found.status_code, "申请经办人" in found.text) == (403, True)


def test_every_fault_of_the_form_is_named_by_its_field_and_nothing_typed_is_lost(city: City) -> None:
    wrong = {
        "basis": "短",
        "scenario": "一二三",
        "scope": "",
        "method": "file",
        "starts_on": "2026-12-31",
        "ends_on": "2026-12-01",
        "columns": ["no_such_column"],
        "row.sex_code": "太长的代码值",
        "then": "submit",
    }
    found = city.sign_in("li").post("/desk/apply/gaj/resident", wrong)
    assert found.status_code == 422
    named = set(re.findall(r'id="fault-([\w.]+)"', found.text))
    assert named == {"basis", "scenario", "scope", "method", "ends_on", "columns", "row.sex_code"}
    assert ">短</textarea>" in found.text
    assert ">一二三</textarea>" in found.text
    as_json = city.sign_in("li").post("/desk/apply/gaj/resident", wrong, accept="application/json")
    assert as_json.status_code == 422
    assert "basis" in as_json.json()["error"]["hint"]
    assert city.store.applications() == []


def test_a_form_that_ends_in_the_past_is_refused(city: City) -> None:
    found = city.sign_in("li").post("/desk/apply/gaj/resident", {**FORM, "ends_on": "2026-01-02", "then": "submit"})
    assert found.status_code == 422
    assert "止日不能早于今天" in found.text


def test_a_draft_is_kept_changed_and_submitted(city: City) -> None:
    url = city.applied(then="save")
    li = city.sign_in("li")
    assert li.json(url)["state"] == "草稿"
    page = li.get(f"{url}/form").text
    assert FORM["scenario"] in page
    assert 'value="sex_code" checked' in page
    found = li.post(f"{url}/form", {**FORM, "scope": "市卫健委信息中心", "seen": 1, "then": "submit"})
    assert found.status_code == 303
    facts = li.json(url)
    assert facts["state"] == "待本部门审批"
    assert ["使用范围", "市卫健委信息中心"] in facts["events"][1]["statements"]
    locked = li.get(f"{url}/form")
    assert (locked.status_code, "不能修改" in locked.text) == (409, True)


def test_what_is_missing_is_told_once_and_completed(city: City) -> None:
    url = city.applied()
    city.sign_in("wang").press(url, "approve_own")
    city.sign_in("sun").press(url, "ask_completion", missing="依据写到条款\n\n  保存期限  ")
    li = city.sign_in("li")
    assert li.json(url)["deadline"]["light"] == "paused"
    page = li.get(f"{url}/form").text
    assert "依据写到条款；保存期限" in page
    assert li.post(f"{url}/form", {**FORM, "seen": 4}).status_code == 303
    facts = city.sign_in("sun").json(url)
    assert facts["state"] == "待大数据局受理"
    assert [move["slug"] for move in facts["moves"]] == ["accept"]
    again = city.sign_in("sun").post(f"{url}/ask_completion", {"seen": 5, "missing": "还缺"})
    assert (again.status_code, "一次性告知" in again.text) == (409, True)


def test_the_clock_is_one_day_for_what_is_shared_without_condition(city: City) -> None:
    url = city.applied("sthj/device_reading", columns=["device_id"])
    assert city.sign_in("li").json(url)["deadline"] is None
    city.sign_in("wang").press(url, "approve_own")
    deadline = city.sign_in("li").json(url)["deadline"]
    assert deadline["name"] == "答复（无条件共享）"
    assert deadline["days_left"] in (0, 1)


def test_the_answer_is_extended_once_within_the_law(city: City) -> None:
    url = city.applied()
    city.sign_in("wang").press(url, "approve_own")
    city.sign_in("sun").press(url, "accept")
    sun = city.sign_in("sun")
    for days, why in (("11", "最多延长 10 个工作日"), ("0", "填写工作日数"), ("x", "填写工作日数")):
        found = sun.post(f"{url}/extend", {"seen": 4, "days": days, "reason": "涉及多个处室"})
        assert found.status_code in (409, 422)
        assert why in found.text
        assert "涉及多个处室</textarea>" in found.text
    assert len(sun.json(url)["events"]) == 4
    before = sun.json(url)["deadline"]["days_left"]
    sun.press(url, "extend", days="5", reason="涉及多个处室")
    assert sun.json(url)["deadline"]["days_left"] == before + 5
    assert "extend" not in [move["slug"] for move in sun.json(url)["moves"]]


def test_a_refusal_gives_its_reason(city: City) -> None:
    url = city.applied()
    city.sign_in("wang").press(url, "approve_own")
    city.sign_in("sun").press(url, "accept")
    empty = city.sign_in("zhao").post(f"{url}/refuse", {"seen": 4, "reason": "  "})
    assert (empty.status_code, 'id="fault-reason"' in empty.text) == (422, True)
    city.sign_in("zhao").press(url, "refuse", reason="与申请事项无关")
    facts = city.sign_in("li").json(url)
    assert facts["state"] == "不予提供"
    assert facts["events"][-1]["statements"] == [["理由", "与申请事项无关"]]


@pytest.mark.parametrize("after", range(len(STEPS) + 1))
def test_in_every_state_each_person_may_press_what_is_shown_and_nothing_else(city: City, after: int) -> None:
    url = city.applied()
    for account, slug, data in STEPS[:after]:
        city.sign_in(account).press(url, slug, **data)
    number = url.rsplit("/", 1)[1]
    stands = city.store.application(number)
    tried = 0
    for account, person in PEOPLE.items():
        browser = city.sign_in(account)
        is_party = may_see(person, stands).allowed
        shown = {move["slug"] for move in browser.json(url)["moves"]} if is_party else set()
        for slug in {kind.name.lower() for kind in Kind} - shown - {"save", "complete"}:
            found = browser.post(f"{url}/{slug}", {"seen": len(stands.events), **STATED})
            assert found.status_code == (409 if is_party else 403), (account, slug, found.text[:200])
            tried += 1
    assert tried > 100
    assert city.store.application(number) == stands


def test_a_refused_move_is_answered_in_the_machines_own_words(city: City) -> None:
    url = city.applied()
    found = city.sign_in("li").post(f"{url}/approve_own", {"seen": 2}, accept="application/json")
    assert found.status_code == 409
    assert found.json()["error"]["code"] == "illegal_move"
    assert "须由需求部门负责人办理" in found.json()["error"]["message"]
    found = city.sign_in("wang").post(f"{url}/agree", {"seen": 2})
    assert "处于“待本部门审批”，不能同意" in found.text


def test_others_do_not_see_a_matter_and_are_told_why(city: City) -> None:
    url = city.applied()
    for account in ("zhou", "admin", "wu"):
        for found in (city.sign_in(account).get(url), city.sign_in(account).get(f"{url}.json")):
            assert found.status_code == 403
            assert "尚未报出" in found.text
    city.sign_in("wang").press(url, "approve_own")
    found = city.sign_in("zhou").get(url)
    assert (found.status_code, "只对需求部门、提供部门和大数据局可见" in found.text) == (403, True)
    assert city.sign_in("zhao").get(url).status_code == 200
    assert city.sign_in("zhou").get(f"{url}/form").status_code == 403
    assert city.sign_in("zhou").post(f"{url}/form", {**FORM, "seen": 2}).status_code == 403
    assert city.sign_in("li").get("/desk/applications/SQ2026-999999").status_code == 404
    assert city.sign_in("li").post("/desk/applications/SQ2026-999999/accept", {"seen": 0}).status_code == 404
    assert city.sign_in("li").post(f"{url}/no_such_move", {"seen": 0}).status_code == 404
    assert city.sign_in("li").post("/desk/strange/1/accept", {"seen": 0}).status_code == 404


def test_a_stranger_is_asked_to_sign_in(city: City) -> None:
    url = city.applied()
    for path in (url, "/desk", "/desk/list/all", "/desk/keys", "/desk/apply/gaj/resident"):
        asked = city.client.get(path, follow_redirects=False)
        assert (asked.status_code, asked.headers["location"].startswith("/login?next=/desk")) == (303, True)
        assert city.client.get(path, headers={"accept": "application/json"}).status_code == 401
    assert city.client.post(f"{url}/approve_own", data={"seen": 2}).status_code == 403


@pytest.mark.parametrize("token", ["", "another-token"])
def test_a_forged_post_changes_nothing(city: City, token: str) -> None:
    url = city.applied()
    found = city.sign_in("wang").post(f"{url}/approve_own", {"seen": 2}, csrf=token)
    assert (found.status_code, len(city.sign_in("li").json(url)["events"])) == (403, 2)
    assert city.sign_in("li").post("/desk/apply/gaj/resident", FORM, csrf=token).status_code == 403
    assert city.sign_in("li").post("/desk/keys", {"name": "测试"}, csrf=token).status_code == 403
    assert (len(city.store.applications()), city.access.keys()) == (1, [])


def test_the_second_of_two_is_told_who_did_what_and_keeps_what_was_typed(city: City) -> None:
    url = city.applied()
    city.sign_in("wang").press(url, "approve_own")
    city.sign_in("sun").press(url, "accept")
    city.sign_in("zhao").press(url, "agree")
    late = city.sign_in("zhao").post(f"{url}/refuse", {"seen": 4, "reason": "我写了很久的理由"})
    assert late.status_code == 409
    assert "别人已经办理" in late.text
    assert "赵处长" in late.text
    assert "我写了很久的理由</pre>" in late.text
    late = city.sign_in("sun").post(f"{url}/extend", {"seen": 3, "days": "5", "reason": "另一个理由"})
    assert (late.status_code, "办理“受理”" in late.text) == (409, True)
    assert len(city.sign_in("sun").json(url)["events"]) == 5
    code = city.sign_in("sun").post(f"{url}/extend", {"seen": 3, "days": "5", "reason": "r"}, accept="application/json")
    assert code.json()["error"]["code"] == "overtaken"


def test_typed_text_is_shown_again_where_the_move_is_still_open(city: City) -> None:
    url = city.in_use()
    city.sign_in("li").press(url, "use", **RECORD)
    late = city.sign_in("zhao").post(f"{url}/suspend", {"seen": 6, "reason": "我写了很久的理由"})
    assert late.status_code == 409
    assert "李申请" in late.text
    assert "我写了很久的理由</textarea>" in late.text


def test_two_who_edit_a_draft_lose_nothing(city: City) -> None:
    url = city.applied(then="save")
    li = city.sign_in("li")
    assert li.post(f"{url}/form", {**FORM, "scope": "先到的修改", "seen": 1}).status_code == 303
    late = li.post(f"{url}/form", {**FORM, "scope": "后到的修改", "seen": 1})
    assert late.status_code == 409
    assert "后到的修改</textarea>" in late.text
    assert ["使用范围", "先到的修改"] in li.json(url)["form"]
    assert 'name="seen" value="2"' in late.text


@pytest.mark.parametrize("seen", ["", "-1", "x", "１", "99999999"])
def test_a_form_that_does_not_say_what_was_seen_is_refused(city: City, seen: str) -> None:
    url = city.applied()
    assert city.sign_in("wang").post(f"{url}/approve_own", {"seen": seen}).status_code == 400


def test_hostile_text_stays_text_in_every_field(city: City) -> None:
    url = city.applied(basis=HOSTILE, scenario=HOSTILE, scope=HOSTILE, **{"row.resident_id": "<b>'\""})
    city.sign_in("wang").press(url, "approve_own")
    city.sign_in("sun").press(url, "ask_completion", missing=HOSTILE)
    pages = [city.sign_in("li").get(f"{url}/form"), city.sign_in("li").get(url)]
    pages.append(city.sign_in("li").post(f"{url}/form", {**FORM, "basis": HOSTILE, "starts_on": HOSTILE, "seen": 4}))
    city.sign_in("li").post(f"{url}/form", {**FORM, "basis": HOSTILE, "seen": 4})
    pages.append(city.sign_in("sun").post(f"{url}/accept", {"seen": 5}))
    city.sign_in("sun").press(url, "extend", days="2", reason=HOSTILE)
    city.sign_in("zhao").press(url, "agree")
    city.sign_in("zhao").press(url, "provide")
    city.sign_in("li").press(url, "use", **dict.fromkeys(RECORD, HOSTILE))
    city.sign_in("li").post("/desk/keys", {"name": HOSTILE})
    pages += [city.sign_in("li").get(page) for page in (url, "/desk/keys", "/desk", "/desk/list/all?state=" + HOSTILE)]
    for found in pages:
        assert "<script>alert" not in found.text
        assert "<b>'" not in found.text
    assert "&lt;script&gt;" in pages[1].text


def test_control_characters_are_left_out(city: City) -> None:
    url = city.applied(scope="处室\x00一\x1b二")
    assert ["使用范围", "处室一二"] in city.sign_in("li").json(url)["form"]
