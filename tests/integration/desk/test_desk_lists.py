"""What waits for whom, the lists and their filters, the home page, reminders, and a year without a holiday table."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from desk_doors import FORM, City, put

from catalog.api.desk_run import list_matters, run_tick

pytestmark = pytest.mark.integration


LONG_AGO = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def numbers(city: City, account: str, name: str, query: str = "") -> list[str]:
    found = city.sign_in(account).get(f"/desk/list/{name}.json{query}").json()
    return [line["number"] for line in found["lines"]]


def test_each_sees_what_waits_for_them(city: City) -> None:
    draft, own, intake, answer = (put(city, datetime.now(UTC), upto) for upto in (1, 2, 3, 4))
    waits = {
        account: [t["number"] for t in city.sign_in(account).json("/desk")["tasks"]]
        for account in ("li", "wang", "sun", "zhao", "qian", "zhou", "admin")
    }
    assert waits == {
        "li": [draft],
        "wang": [own],
        "sun": [intake],
        "zhao": [answer],
        "qian": [],
        "zhou": [],
        "admin": [],
    }


def test_lists_hold_what_somebody_may_see_and_can_be_filtered(city: City) -> None:
    draft, own, intake, answer = (put(city, datetime.now(UTC), upto) for upto in (1, 2, 3, 4))
    assert sorted(numbers(city, "li", "own")) == [draft, own, intake, answer]
    assert sorted(numbers(city, "sun", "all")) == [intake, answer]
    assert sorted(numbers(city, "zhao", "provided")) == [intake, answer]
    assert numbers(city, "sun", "intake") == [intake]
    assert numbers(city, "zhao", "answer") == [answer]
    assert numbers(city, "zhou", "all") == []
    assert numbers(city, "li", "own", "?state=草稿") == [draft]
    assert numbers(city, "li", "own", "?dept=gaj&state=待提供部门答复") == [answer]
    assert numbers(city, "li", "own", "?dept=jyj") == []
    assert numbers(city, "li", "no_such_list") == numbers(city, "li", "all")
    assert "剩 10 个工作日" in city.sign_in("sun").get("/desk/list/intake").text


def test_what_is_late_comes_first_and_is_red(city: City) -> None:
    fresh, late = put(city, datetime.now(UTC), 4), put(city, LONG_AGO, 4)
    tasks = city.sign_in("zhao").json("/desk")["tasks"]
    assert [task["number"] for task in tasks] == [late, fresh]
    assert [task["light"] for task in tasks] == ["red", "green"]
    assert numbers(city, "zhao", "overdue") == [late]
    assert "逾期" in city.sign_in("zhao").get("/desk/list/overdue").text


def test_the_home_page_begins_with_what_waits_today(city: City) -> None:
    late = put(city, LONG_AGO, 4)
    put(city, datetime.now(UTC), 3)
    text = city.sign_in("zhao").get("/").text
    assert text.index("赵处长，今天待办") < text.index("政务数据目录</h1>")
    assert f"/desk/applications/{late}" in text
    assert city.sign_in("zhao").json("/index")["waiting"]["late"] == 1
    stranger = city.client.get("/")
    assert "今天待办" not in stranger.text
    assert "waiting" not in city.client.get("/index.json").json()


def test_an_entry_leads_to_the_forms_only_for_who_is_signed_in(city: City) -> None:
    assert 'href="/desk/apply/gaj/resident"' in city.sign_in("li").get("/catalogue/gaj/resident").text
    assert "为什么不能申请" in city.sign_in("li").get("/catalogue/yjj/hazard_source").text
    assert "/desk/" not in city.client.get("/catalogue/gaj/resident").text


def test_reminders_are_written_once_and_shown_while_they_hold(city: City) -> None:
    late = put(city, LONG_AGO, 4)
    first, second = run_tick(city.settings), run_tick(city.settings)
    assert [(row["number"], row["light"], row["dept"]) for row in first["reminded"]] == [(late, "red", "gaj")]
    assert second["reminded"] == []
    for account, count in (("zhao", 1), ("sun", 1), ("li", 0), ("zhou", 0)):
        assert len(city.sign_in(account).json("/desk")["reminders"]) == count
    assert "1 条提醒" in city.sign_in("zhao").get("/").text
    city.sign_in("zhao").press(f"/desk/applications/{late}", "refuse", reason="与申请事项无关")
    assert city.sign_in("zhao").json("/desk")["reminders"] == []


def test_a_limit_is_reminded_of_yellow_then_red(city: City) -> None:
    number = put(city, LONG_AGO, 4)  # answered by 16 March 2026
    lights = {
        day: [row["light"] for row in run_tick(city.settings, date.fromisoformat(day))["reminded"]]
        for day in ("2026-03-10", "2026-03-13", "2026-03-16", "2026-03-17", "2026-03-18")
    }
    assert lights == {
        "2026-03-10": [],
        "2026-03-13": ["yellow"],
        "2026-03-16": [],
        "2026-03-17": ["red"],
        "2026-03-18": [],
    }
    assert {row.number for row in city.reminders.of("gaj")} == {number}


def test_expiry_is_recorded_once_and_waits_for_disposal(city: City) -> None:
    number = put(city, LONG_AGO, 6, ends_on="2026-06-30")
    other = put(city, LONG_AGO, 6)
    assert run_tick(city.settings, date(2026, 6, 30))["expired"] == []
    assert run_tick(city.settings, date(2026, 7, 1))["expired"] == [number]
    assert run_tick(city.settings, date(2026, 7, 1))["expired"] == []
    facts = city.sign_in("li").json(f"/desk/applications/{number}")
    assert (facts["state"], facts["events"][-1]["role"]) == ("待处置", "系统")
    assert [move["slug"] for move in facts["moves"]] == ["dispose"]
    assert city.store.application(other).state == "使用中"


def test_the_end_of_a_grant_is_announced(city: City) -> None:
    ends = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    put(city, LONG_AGO, 6, ends_on=ends)
    assert [row["light"] for row in run_tick(city.settings)["reminded"]] == ["ending"]
    assert "授权将到期" in city.sign_in("li").get("/desk").text


def test_a_year_without_a_holiday_table_is_said_aloud_and_no_date_is_guessed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = put(city, datetime(2030, 3, 1, 4, 0, tzinfo=UTC), 4)
    page = city.sign_in("zhao").get(f"/desk/applications/{number}")
    assert page.status_code == 200
    assert "2030 年的放假安排没有录入" in page.text
    assert "到期</p>" not in page.text
    facts = city.sign_in("zhao").json(f"/desk/applications/{number}")
    assert (facts["deadline"], facts["light"]) == (None, "unknown")
    assert facts["moves"] != []
    for address in ("/", "/desk", "/desk/list/overdue"):
        assert "无法计算" in city.sign_in("zhao").get(address).text
    assert run_tick(city.settings)["not_computed"].keys() == {number}
    refused = city.sign_in("sun").post(f"/desk/applications/{number}/extend", {"seen": 4, "days": "3", "reason": "慢"})
    assert (refused.status_code, "放假安排没有录入" in refused.text) == (409, True)


def test_late_in_a_known_year_stays_late_when_the_days_since_cannot_be_counted(city: City) -> None:
    number = put(city, LONG_AGO, 4)
    row = next(row for row in list_matters(city.settings, date(2030, 1, 5)) if row["number"] == number)
    assert (row["light"], str(row["due_on"]), row["days_left"]) == ("red", "2026-03-16", None)
    assert "放假安排没有录入" in row["no_table"]


def test_the_forms_are_json_too(city: City) -> None:
    found = city.sign_in("li").json("/desk/apply/gaj/resident")
    assert found["methods"].keys() == {"service", "batch"}
    assert {item["name"]: item["grade"] for item in found["columns"]}["resident_id"] == 3
    assert "sex_code" in found["row_filters"]
    number = put(city, datetime.now(UTC), 1)
    assert city.sign_in("li").json(f"/desk/applications/{number}/form")["values"]["scope"] == FORM["scope"]
    assert city.sign_in("li").json("/desk/report/sthj/device_reading")["key"] == [
        "device_id",
        "metric_code",
        "measured_at",
    ]
