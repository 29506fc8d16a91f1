"""How a steward fills in a new entry, step by step."""

from __future__ import annotations

from typing import Any

BASICS = {
    "category": "306001",
    "title": "居住登记信息",
    "summary": "公安机关登记的居住信息，一次一行。",
    "format": "2",
    "update_cycle": "每日",
    "topic": "population",
    "resource": "residence",
}
SHARING = {
    "share_type": "2",
    "scope": "本市各级行政机关",
    "purposes": "核验身份、公共服务",
    "share_methods": ["服务接口", "文件下载"],
    "open": "否",
    "usage": "仅用于核验身份。",
}
ITEMS = [
    {"business_name": "公民身份号码", "primary_key": "是"},
    {"business_name": "姓名"},
    {
        "business_name": "登记日期",
        "name": "registered_on",
        "item": "birth_date",
        "data_type": "D",
        "physical_type": "date",
    },
]
ASSESSMENTS = {"secrecy_on": "2026-01-10", "privacy_on": "2026-01-12"}


def started(steward: Any) -> str:
    """Begin a blank entry; return its address."""
    answer = steward.post("/cataloguing/new", {"start": "blank", "resource": "residence"}, page="/cataloguing/new")
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    assert address.endswith("/edit/basics")
    return address.removesuffix("/edit/basics")


def complete(steward: Any, address: str) -> None:
    """Fill in every step."""
    items = {f"items-{n}-{name}": text for n, row in enumerate(ITEMS) for name, text in row.items()}
    for step, fields in (("basics", BASICS), ("items", items), ("sharing", SHARING), ("assessments", ASSESSMENTS)):
        answer = steward.post(f"{address}/edit/{step}", fields, page=f"{address}/edit/{step}")
        assert answer.status_code == 303, answer.text
