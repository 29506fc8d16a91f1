"""From a draft to the published file, by three people; what is refused on the way, and that nothing is lost."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cataloguing_filling import SHARING, complete, started
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from catalog.contract.load import CATALOG_ROOT, load_contracts
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration


def test_the_way_of_a_new_entry(as_: Callable, desk_settings: Settings) -> None:
    steward, head, reviewer = as_("steward"), as_("head"), as_("reviewer")
    address = started(steward)
    number = address.rsplit("/", 1)[1]
    complete(steward, address)
    assert steward.json(f"{address}.json")["is_ready"], steward.json(f"{address}.json")["faults"]
    assert steward.post(f"{address}/act", {"kind": "提交签发"}, page=address).status_code == 303
    assert number in str(head.json("/cataloguing.json")["waiting"])
    assert head.post(f"{address}/act", {"kind": "签发"}, page=address).status_code == 303
    waiting = reviewer.json("/cataloguing.json")["waiting"]
    assert waiting[0]["clocks"][0]["days_left"] == 2
    assert reviewer.get("/catalogue/gaj/residence").status_code == 404
    assert reviewer.post(f"{address}/act", {"kind": "审核发布"}, page=address).status_code == 303

    shown = reviewer.get("/catalogue/gaj/residence")
    assert shown.status_code == 200
    assert "居住登记信息" in shown.text
    assert "居住登记信息" in reviewer.get("/catalogue?q=居住登记").text
    contract = load_contracts(approved=desk_settings.contracts)["gaj.residence"]
    assert (contract.status, contract.version) == ("active", "1.0.0")
    assert contract.gov.assessments.sign_off is not None
    log = subprocess.run(
        ["git", "log", "--format=%an|%s"], cwd=desk_settings.contracts, capture_output=True, text=True, check=True
    )
    assert log.stdout.strip() == f"王编目（gaj）|{number}"


def published_change(as_: Callable, purpose: str = "change") -> str:
    steward, head, reviewer = as_("steward"), as_("head"), as_("reviewer")
    begun = steward.post("/cataloguing/new", {"start": purpose, "key": "gaj.resident"}, page="/cataloguing/new")
    assert begun.status_code == 303, begun.text
    address = "/".join(begun.headers["location"].split("/")[:3])
    if purpose == "change":
        assert (
            steward.post(
                f"{address}/edit/sharing", {"usage": "仅用于演示。"}, page=f"{address}/edit/sharing"
            ).status_code
            == 303
        )
    for who, kind in ((steward, "提交签发"), (head, "签发"), (reviewer, "审核发布")):
        answer = who.post(f"{address}/act", {"kind": kind}, page=address)
        assert answer.status_code == 303, re.findall(r'role="alert">(.*?)</p>', answer.text)
    return address


def test_a_change_is_a_patch_that_git_applies(as_: Callable, desk_settings: Settings, tmp_path: Path) -> None:
    steward = as_("steward")
    address = published_change(as_)
    detail = steward.json(f"{address}.json")
    assert ("使用条件", "仅用于演示。") in [(row["field"], row["after"]) for row in detail["changes"]]
    contract = load_contracts(approved=desk_settings.contracts)["gaj.resident"]
    assert (contract.description.usage, contract.version) == ("仅用于演示。", "1.0.1")

    tree = tmp_path / "tree"
    source = CATALOG_ROOT / "contracts" / "gaj" / "resident.odcs.yaml"
    place = tree / "catalog" / "contracts" / "gaj" / "resident.odcs.yaml"
    place.parent.mkdir(parents=True)
    place.write_bytes(source.read_bytes())
    patch = steward.get(f"{address}.patch")
    assert patch.headers["content-type"].startswith("text/x-diff")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "apply", "-"], cwd=tree, input=patch.content, check=True)
    assert place.read_bytes() == (desk_settings.contracts / "gaj" / "resident.odcs.yaml").read_bytes()


def test_the_description_of_the_interface_follows_an_approval_without_a_restart(as_: Callable) -> None:
    steward = as_("steward")
    before = steward.json("/openapi.json")
    assert "仅用于演示。" not in str(before)
    published_change(as_)
    assert "/api/v1/data/gaj/resident" in steward.json("/openapi.json")["paths"]
    assert "gaj/resident" in steward.get("/api/docs?resource=gaj.resident").text
    published_change(as_, "withdrawal")
    after = steward.json("/openapi.json")
    assert set(before["paths"]) - set(after["paths"]) == {"/api/v1/data/gaj/resident"}
    assert "gaj/resident" not in steward.get("/api/docs").text


def test_an_approval_is_in_the_history_of_the_entry_before_the_next_publish(as_: Callable, desk_app: FastAPI) -> None:
    steward = as_("steward")

    def versions() -> list[str]:
        return [row["version"] for row in steward.get("/catalogue/gaj/resident.json").json()["contract_versions"]]

    with TestClient(desk_app):  # what keeps the history runs while the doors are open
        assert _in_time(versions, ["1.0.0"])
        published_change(as_)
        assert _in_time(versions, ["1.0.1", "1.0.0"])


def _in_time(ask: Callable[[], list[str]], wanted: list[str], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while ask() != wanted and time.monotonic() < until:
        time.sleep(0.1)
    return ask() == wanted


def test_a_withdrawn_entry_leaves_the_catalogue(as_: Callable, desk_settings: Settings) -> None:
    published_change(as_, "withdrawal")
    assert "gaj.resident" not in load_contracts(approved=desk_settings.contracts)
    assert "gaj.resident" in load_contracts()
    assert as_("steward").get("/catalogue/gaj/resident").status_code == 404


def test_submission_is_blocked_until_the_law_is_met(as_: Callable) -> None:
    steward = as_("steward")
    address = started(steward)
    refused = steward.post(f"{address}/act", {"kind": "提交签发"}, page=address)
    assert refused.status_code == 409
    assert "处不符合要求" in refused.text
    assert "第十三条" in refused.text
    assert steward.json(f"{address}.json")["state"] == "编制中"


def test_the_second_of_two_editors_is_told_and_keeps_the_text(as_: Callable) -> None:
    steward = as_("steward")
    address = started(steward)
    form = f"{address}/edit/basics"
    before = steward.json(f"{address}.json")["seen"]
    assert steward.post(form, {"summary": "第一个人写的"}, page=form).status_code == 303
    second = steward.post(form, {"summary": "第二个人写的"}, page=form, seen=str(before))
    assert second.status_code == 409
    assert "第一个人写的" in second.text
    assert "第二个人写的</textarea>" in second.text
    again = steward.post(form, {"summary": "第二个人写的"}, page=form)
    assert again.status_code == 303
    assert "第二个人写的" in steward.get(form).text


def test_the_last_change_can_be_undone(as_: Callable) -> None:
    steward = as_("steward")
    address = started(steward)
    form = f"{address}/edit/basics"
    steward.post(form, {"title": "甲"}, page=form)
    steward.post(form, {"title": "乙"}, page=form)
    assert steward.post(f"{address}/undo", {}, page=form).status_code == 303
    assert steward.json(f"{address}.json")["title"] == "甲"


def test_a_head_and_a_reviewer_return_with_a_reason(as_: Callable) -> None:
    steward, head, reviewer = as_("steward"), as_("head"), as_("reviewer")
    address = started(steward)
    complete(steward, address)
    steward.post(f"{address}/act", {"kind": "提交签发"}, page=address)
    assert head.post(f"{address}/act", {"kind": "不予签发"}, page=address).status_code == 409
    assert head.post(f"{address}/act", {"kind": "不予签发", "reason": "摘要不准"}, page=address).status_code == 303
    assert "摘要不准" in steward.get("/cataloguing").text
    for who, kind in ((steward, "提交签发"), (head, "签发")):
        assert who.post(f"{address}/act", {"kind": kind}, page=address).status_code == 303
    assert reviewer.post(f"{address}/act", {"kind": "审核退回", "reason": "分级偏低"}, page=address).status_code == 303
    assert steward.json(f"{address}.json")["state"] == "退回"


def test_a_change_of_duty_starts_the_ten_days(as_: Callable) -> None:
    steward = as_("steward")
    address = started(steward)
    fields = {"kind": "登记职责或依据变化", "changed_on": "2026-01-05", "basis": "机构改革方案"}
    assert steward.post(f"{address}/act", fields, page=address).status_code == 303
    (clock,) = steward.json(f"{address}.json")["clocks"]
    assert (clock["name"], clock["due_on"]) == ("目录更新", "2026-01-19")


def refused(answer: Response, status: int, said: str) -> None:
    assert answer.status_code == status, answer.text
    assert said in answer.text


def test_nobody_does_what_is_anothers(as_: Callable) -> None:
    steward, head, stranger, reviewer = (as_(name) for name in ("steward", "head", "stranger", "reviewer"))
    address = started(steward)
    refused(stranger.get(address), 403, "别的部门")
    refused(stranger.get(f"{address}.patch"), 403, "别的部门")
    refused(stranger.get(f"{address}/edit/basics"), 403, "别的部门")
    refused(stranger.post(f"{address}/act", {"kind": "作废"}), 403, "别的部门")
    refused(head.get(f"{address}/edit/basics"), 403, "编目员")
    refused(head.post(f"{address}/act", {"kind": "作废"}, page=address), 403, "编目员")
    refused(reviewer.get("/cataloguing/new"), 403, "编目员")
    refused(steward.get("/cataloguing/ML2026-999999"), 404, "没有编号")
    assert stranger.json("/cataloguing.json")["drafts"] == []
    forged = steward.client.post(f"{address}/act", data={"kind": "作废", "csrf": "x"})
    refused(forged, 403, "不是从本系统的页面发出")
    assert steward.json(f"{address}.json")["state"] == "编制中"


def test_strangers_are_led_to_the_sign_in(as_: Callable) -> None:
    client = as_("steward").client
    client.cookies.clear()
    for path in ("/cataloguing", "/cataloguing/new", "/catalogue/import"):
        assert client.get(path).headers["location"].startswith("/login?next=/catalogu")


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "{{ 7 * 7 }}", '"><img src=x onerror=alert(1)>', "=cmd|' /C calc'!A0"]
)
def test_hostile_text_stays_text(as_: Callable, text: str) -> None:
    steward = as_("steward")
    address = started(steward)
    form = f"{address}/edit/basics"
    assert steward.post(form, {"title": text, "summary": text}, page=form).status_code == 303
    for path in ("/cataloguing", address, form, f"{address}/edit/check"):
        page = steward.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "49" not in re.findall(r"<h1>(.*?)</h1>", page.text)[0]
    assert steward.json(f"{address}.json")["title"] == text


def test_wrong_texts_are_named_by_field_and_nothing_is_saved(as_: Callable) -> None:
    steward = as_("steward")
    address = started(steward)
    before = steward.json(f"{address}.json")["seen"]
    wrong = steward.post(f"{address}/edit/assessments", {"secrecy_on": "昨天"}, page=f"{address}/edit/assessments")
    refused(wrong, 422, "不是日期")
    wrong = steward.post(
        f"{address}/edit/items", {"items-0-business_name": "甲", "items-0-data_type": "Q"}, page=f"{address}/edit/items"
    )
    refused(wrong, 422, "不在列表中")
    refused(
        steward.post("/cataloguing/new", {"start": "blank", "resource": "../x"}, page="/cataloguing/new"),
        422,
        "资源英文名",
    )
    refused(
        steward.post("/cataloguing/new", {"start": "blank", "resource": "resident"}, page="/cataloguing/new"),
        422,
        "已有资源",
    )
    refused(
        steward.post("/cataloguing/new", {"start": "change", "key": "mzj.marriage"}, page="/cataloguing/new"),
        422,
        "本部门",
    )
    assert steward.json(f"{address}.json")["seen"] == before
    assert SHARING["share_type"] == "2"


def test_a_publication_that_was_cut_off_is_finished_with_the_next_start(
    as_: Callable, desk_app: object, desk_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.cataloguing.archive import Archive
    from catalog.web.app import create_app

    def killed(*_: object) -> list[str]:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(Archive, "publish", killed)
        with pytest.raises(AssertionError):
            published_change(as_)
    assert load_contracts(approved=desk_settings.contracts)["gaj.resident"].version == "1.0.0"
    create_app(desk_settings)
    assert load_contracts(approved=desk_settings.contracts)["gaj.resident"].version == "1.0.1"
