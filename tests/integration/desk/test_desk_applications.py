"""An application from the form to the archive through the pages, and everything that is refused on the way."""

from __future__ import annotations

import pytest
from desk_doors import City

pytestmark = pytest.mark.integration


def test_an_application_goes_its_whole_way(city: City) -> None:
    url = city.in_use()
    facts = city.sign_in("li").json(url)
    assert facts["state"] == "使用中"
    assert facts["grant"]["columns"] == ["resident_id", "sex_code"]
    city.sign_in("li").press(
        url,
        "use",
        **{f"record.{part}": "如申请" for part in ("scene", "process", "effect", "storage", "destruction")},
    )
    city.sign_in("sun").press(url, "suspend", reason="用途不符")
    city.sign_in("sun").press(url, "terminate", reason="拒不整改")
    record = {
        "record.how": "销毁",
        "record.disposed_on": "2026-11-28",
        "record.by": "李申请",
        "record.proof": "销毁单 1 号",
    }
    city.sign_in("li").press(url, "dispose", **record)
    facts = city.sign_in("li").json(url)
    assert facts["state"] == "已归档"
    kinds = [event["kind"] for event in facts["events"]]
    assert kinds == ["保存", "提交", "本部门同意", "受理", "同意", "提供", "登记使用情况", "暂停", "终止", "处置"]
    assert all(event["basis"].startswith("《政务数据共享条例》第") for event in facts["events"])
    page = city.sign_in("li").get(url).text
    for text in ("销毁单 1 号", "拒不整改", "李申请", "孙审核", "按期办结"):
        assert text in page
