"""A 校核 from the report to the recheck by the system, and the dispute that goes up to the government."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desk_doors import HOSTILE, City
from web_city import CONTRACTS, city_tables, contract_sql, publish_tables

from catalog.api.desk_run import run_tick

pytestmark = pytest.mark.integration
ROW = "330106195001010000"
REPORT = {"key.resident_id": ROW, "column": "sex_code", "believed": "2", "evidence": "户口簿第 3 页"}
TABLES = {
    key: sql
    for key, sql in city_tables().items()
    if key in ("gaj.resident", "ops.ingest_outcome", "ops.quality_result")
}


@pytest.fixture
def live(own_city: Callable[[dict[str, str]], City]) -> City:
    """A city of one's own, to publish corrections into."""
    return own_city(TABLES)


def delivered(city: City, batch: str, sex: str, status: str = "accepted", failed: bool = False) -> None:
    """Publish another delivery of residents, in which everybody's sex code is ``sex``."""
    resident = contract_sql(CONTRACTS["gaj.resident"], 41)
    outcome = f"('gaj.resident', 'T_RK_HJRK', '{batch}', '{status}', 41, 41, 0, 0, null, null)"
    bad = "('gaj.resident', 'expect', 'sex_code', 'critical', '规范性', 'sex_code.code_list', false, 41::bigint, 1::bigint)"
    tables = {
        "gaj.resident": f"select * replace ('{sex}' as sex_code) from ({resident})",
        "ops.ingest_outcome": f"{TABLES['ops.ingest_outcome']} union all select * from (values {outcome})",
        "ops.quality_result": TABLES["ops.quality_result"]
        + (f" union all select * from (values {bad})" if failed else ""),
    }
    publish_tables(city.settings, batch.replace(":", "-").replace(".", "-"), tables)


def reported(city: City, **changes: str) -> str:
    city.in_use()
    found = city.sign_in("li").post("/desk/report/gaj/resident", {**REPORT, **changes})
    assert found.status_code == 303, found.text
    return found.headers["location"]


def test_a_report_takes_what_is_there_from_the_published_data(city: City) -> None:
    url = reported(city)
    facts = city.sign_in("zhao").json(url)
    assert facts["report"]["found"] == "000000"
    assert facts["report"]["snapshot"] == city.client.get("/readyz").json()["snapshot"]
    assert facts["deadline"]["name"] == "校核答复"
    assert (facts["deadline"]["days_left"], facts["state"]) == (10, "待核实")
    assert city.sign_in("zhou").get(url).status_code == 403
    audited = city.access.audit_events()[0]
    assert (audited["dept"], audited["row_count"], audited["reason"]) == ("wjw", 1, "提出校核时查看一行")
    assert audited["application"] == city.store.applications()[0].number
    assert city.sign_in("qian").json(url)["moves"] != []


def test_the_bureau_sees_whose_row_it_is_only_masked(city: City) -> None:
    url = reported(city)
    assert city.sign_in("zhao").json(url)["report"]["key"] == ROW
    assert city.sign_in("li").json(url)["report"]["key"] == ROW
    assert city.sign_in("sun").json(url)["report"]["key"] == "330106********0000"
    assert ROW not in city.sign_in("sun").get(url).text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key.resident_id": ""}, "key.resident_id"),
        ({"key.resident_id": "330106195001019999"}, "key.resident_id"),
        ({"column": "phone"}, "column"),
        ({"column": ""}, "column"),
        ({"evidence": ""}, "evidence"),
        ({"believed": "000000"}, "believed"),
        ({"believed": "22"}, "believed"),
        ({"column": "present"}, "key.resident_id"),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_field(city: City, changes: dict[str, str], field: str) -> None:
    city.in_use()
    found = city.sign_in("li").post("/desk/report/gaj/resident", {**REPORT, **changes})
    assert found.status_code == 422
    assert f'id="fault-{field}"' in found.text
    assert city.store.verifications() == []


def test_who_cannot_read_the_data_cannot_doubt_them(city: City) -> None:
    found = city.sign_in("li").get("/desk/report/gaj/resident")
    assert (found.status_code, "先申请共享" in found.text) == (403, True)
    assert city.sign_in("li").get("/desk/report/sthj/device_reading").status_code == 200
    assert city.sign_in("li").get("/desk/report/wjw/birth").status_code == 403
    assert city.sign_in("wang").get("/desk/report/gaj/resident").status_code == 403


def test_a_report_is_no_way_round_the_rows_of_a_grant(city: City) -> None:
    city.in_use(**{"row.resident_id": ROW})
    other = {**REPORT, "key.resident_id": "330106195001020001"}
    found = city.sign_in("li").post("/desk/report/gaj/resident", other)
    assert (found.status_code, "可以查看的范围内没有这一行" in found.text) == (422, True)
    assert city.sign_in("li").post("/desk/report/gaj/resident", REPORT).status_code == 303


def test_a_row_of_several_keys_is_found(city: City) -> None:
    key = {"key.device_id": "D000", "key.metric_code": "M0", "key.measured_at": "2026-01-01T00:00:00"}
    report = {**key, "column": "absent", "believed": "", "evidence": "设备已拆除"}
    found = city.sign_in("li").post("/desk/report/sthj/device_reading", report)
    assert found.status_code == 303, found.text
    facts = city.sign_in("li").json(found.headers["location"])
    assert facts["report"]["column"] is None
    assert (facts["report"]["found"], facts["report"]["believed"]) == ("有这一行", "不应有这一行")


def test_an_answer_that_is_accepted_closes(city: City) -> None:
    url = reported(city)
    city.sign_in("qian").press(url, "uphold", finding="与户籍档案一致")
    city.sign_in("li").press(url, "accept")
    facts = city.sign_in("li").json(url)
    assert (facts["state"], facts["deadlines"][0]["light"]) == ("已办结", "done")


def test_a_dispute_goes_up_step_by_step_and_the_bureau_records_what_was_decided(city: City) -> None:
    url = reported(city)
    city.sign_in("zhao").press(url, "uphold", finding="与户籍档案一致")
    city.sign_in("li").press(url, "dispute", reason="与本人证件不符")
    assert [move["slug"] for move in city.sign_in("sun").json(url)["moves"]] == ["escalate"]
    for account, state in (("li", "大数据局协调"), ("sun", "共同上级协调"), ("zhao", "报本级政府决定")):
        city.sign_in(account).press(url, "escalate", reason="协商不成")
        assert city.sign_in("li").json(url)["state"] == state
    refused = city.sign_in("zhao").post(f"{url}/decide", {"seen": 5, "decision": "自己决定"})
    assert (refused.status_code, "不能办理" in refused.text) == (409, True)
    city.sign_in("sun").press(url, "decide", decision="以公安登记为准")
    last = city.sign_in("li").json(url)["events"][-1]
    assert (last["role"], last["actor"], last["basis"]) == ("本级政府", "孙审核", "《政务数据共享条例》第二十八条")


def test_both_sides_may_settle(city: City) -> None:
    url = reported(city)
    city.sign_in("zhao").press(url, "uphold", finding="与户籍档案一致")
    city.sign_in("li").press(url, "dispute", reason="与本人证件不符")
    city.sign_in("zhao").press(url, "settle", **{"record.text": "双方到场核对，一致"})
    assert city.sign_in("li").json(url)["state"] == "已办结"


def test_a_correction_names_a_batch_that_was_accepted_after_the_report(live: City) -> None:
    url = reported(live)
    zhao = live.sign_in("zhao")
    zhao.press(url, "confirm", finding="录入有误")
    delivered(live, "gaj.resident:9", "2", status="failed")
    for batch, why in (
        ("gaj.resident:77", "没有批次"),
        ("dsjj.division:1", "没有批次"),
        ("gaj.resident:9", "没有被接收"),
        ("gaj.resident:1", "提出校核之前已经送达"),
        (HOSTILE, "没有批次"),
    ):
        found = zhao.post(f"{url}/correct", {"seen": 1, "reload": batch})
        assert found.status_code == 409, batch
        assert why in found.text
        assert "<script>alert" not in found.text
    assert zhao.json(url)["state"] == "待更正"


def test_the_system_rechecks_the_correction_from_the_published_data(live: City) -> None:
    url = reported(live)
    zhao = live.sign_in("zhao")
    zhao.press(url, "confirm", finding="录入有误")
    delivered(live, "gaj.resident:2", "3")
    zhao.press(url, "correct", reload="gaj.resident:2")
    assert live.sign_in("sun").json(url)["moves"] == []
    done = run_tick(live.settings)
    assert [(row["result"], row["agrees"]) for row in done["rechecked"]] == [("复核未通过", False)]
    assert zhao.json(url)["state"] == "待更正"
    delivered(live, "gaj.resident:3", "2")
    zhao.press(url, "correct", reload="gaj.resident:3")
    found = live.sign_in("li").post(f"{url}/system_recheck", {"seen": 4})
    assert found.status_code == 303
    facts = zhao.json(url)
    last = facts["events"][-1]
    assert (facts["state"], last["kind"], last["role"], last["actor"]) == ("已办结", "复核通过", "系统", "系统")
    assert ["更正批次", "gaj.resident:3"] in last["statements"]
    assert ["数据版本", live.client.get("/readyz").json()["snapshot"]] in last["statements"]
    assert run_tick(live.settings)["rechecked"] == []


def test_a_failed_blocking_check_keeps_it_open(live: City) -> None:
    url = reported(live)
    live.sign_in("zhao").press(url, "confirm", finding="录入有误")
    delivered(live, "gaj.resident:2", "2", failed=True)
    live.sign_in("zhao").press(url, "correct", reload="gaj.resident:2")
    done = run_tick(live.settings)["rechecked"][0]
    assert (done["agrees"], done["failed_checks"], done["result"]) == (True, ["sex_code.code_list"], "复核未通过")


def test_nobody_rechecks_by_hand_or_before_there_is_a_correction(city: City) -> None:
    url = reported(city)
    early = city.sign_in("li").post(f"{url}/system_recheck", {"seen": 0})
    assert (early.status_code, "没有待复核的更正" in early.text) == (409, True)
    by_hand = city.sign_in("sun").post(f"{url}/recheck", {"seen": 0, "quality_run": "通过"})
    assert by_hand.status_code == 409
    assert city.sign_in("zhou").post(f"{url}/system_recheck", {"seen": 0}).status_code == 403


def test_hostile_text_stays_text(city: City) -> None:
    city.in_use(columns=["resident_id", "person_name"])
    report = {**REPORT, "column": "person_name", "evidence": HOSTILE, "believed": HOSTILE}
    url = city.sign_in("li").post("/desk/report/gaj/resident", report).headers["location"]
    city.sign_in("zhao").press(url, "uphold", finding=HOSTILE)
    city.sign_in("li").press(url, "dispute", reason=HOSTILE)
    for account in ("li", "zhao", "sun"):
        text = city.sign_in(account).get(url).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
    wrong = city.sign_in("li").post("/desk/report/gaj/resident", dict.fromkeys(REPORT, HOSTILE))
    assert wrong.status_code == 422
    assert "<script>alert" not in wrong.text
