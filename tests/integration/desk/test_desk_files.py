"""The file of a grant: 文件下载 by a clerk from the application's page, 批量交换 by key; exactly what was granted, or the reason why not."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from desk_doors import City
from english_frame import Frame, chinese_left
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_city import CONTRACTS, DIVISIONS, HOSTILE, PAYMENTS, RESIDENTS, city_tables

import catalog.api.data_file as data_file
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.store import Opening

pytestmark = pytest.mark.integration
OwnCity = Callable[[dict[str, str]], City]
COLUMNS = ["resident_id", "person_name", "sex_code", "birth_date"]
NAMES = [prop.name for prop in CONTRACTS["gaj.resident"].properties]
PURPOSE = "家庭医生签约对象核对"


def granted(
    city: City,
    resource: str = "gaj.resident",
    method: str = "file",
    upto: int = 6,
    dept: str = "wjw",
    **changes: Any,
) -> str:
    """Put an application that went ``upto`` steps into the store, and return its address."""
    form = {"basis": "法定职责", "scenario": PURPOSE, "scope": "基层处", "columns": COLUMNS, "row_filter": {}}
    form |= {"resource": resource, "method": method, "starts_on": "2026-01-01", "ends_on": "2099-12-31", **changes}
    at, provider = datetime.now(UTC), resource.partition(".")[0]
    opening = Opening(Parties(dept, provider, "dsjj"), resource, at, "李申请")
    stands = city.store.apply_for(opening, CONTRACTS[resource].gov.share_type)
    steps: list[tuple[str, Role, str]] = [
        ("保存", Role.APPLICANT, dept),
        ("提交", Role.APPLICANT, dept),
        ("本部门同意", Role.OWN_OFFICE, dept),
        ("受理", Role.BUREAU, "dsjj"),
        ("同意", Role.PROVIDER, provider),
        ("提供", Role.PROVIDER, provider),
    ]
    for seen, (kind, role, side) in enumerate(steps[:upto]):
        data = {"form": form} if kind == "保存" else {}
        stands = city.store.move_application(stands.number, Event(kind, at, "某人", role, side, data), seen=seen)
    return f"/desk/applications/{stands.number}"


def number_of(url: str) -> str:
    return url.rsplit("/", 1)[1]


def download(city: City, url: str, account: str = "li", form: str = "csv") -> Response:
    return city.sign_in(account).get(f"{url}/file.{form}")


def refused(found: Response) -> tuple[int, str]:
    """Return status and reason of a refusal, which holds no data."""
    assert "content-disposition" not in found.headers
    assert "330106" not in found.text
    return found.status_code, found.text


def table(found: Response) -> list[list[str]]:
    assert found.status_code == 200, found.text
    assert found.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(found.content.decode("utf-8-sig"), newline="")))


def parquet(found: Response) -> pa.Table:
    assert found.status_code == 200, found.text
    return pq.read_table(pa.BufferReader(found.content))


def cell(value: Any) -> str:
    """Return a value of the data service as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def served(city: City, **changes: Any) -> list[dict[str, Any]]:
    """Return the rows that the data service gives on a grant of the same columns and rows."""
    url = granted(city, method="service", **changes)
    headers = city.key() | {"X-Application": number_of(url)}
    answer = city.client.get("/api/v1/data/gaj/resident", params={"limit": 1000}, headers=headers)
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def test_a_clerk_chooses_the_method_and_downloads_what_was_granted(city: City) -> None:
    url = city.applied("swj/tax_payment", method="file", columns=["voucher_no", "amount", "paid_on"])
    city.sign_in("wang").press(url, "approve_own")
    city.sign_in("sun").press(url, "accept")
    for kind, seen in (("同意", 4), ("提供", 5)):
        event = Event(kind, datetime.now(UTC), "税务局负责人", Role.PROVIDER, "swj")
        city.store.move_application(number_of(url), event, seen=seen)
    page = city.sign_in("li").get(url).text
    for form in ("csv", "parquet"):
        assert f'href="{url}/file.{form}"' in page
    found = download(city, url)
    rows = table(found)
    assert rows[0] == ["voucher_no", "amount", "paid_on"]
    assert len(rows) == PAYMENTS + 1
    assert rows[2] == ["000001", "1.25", "2026-01-02"]
    assert found.headers["cache-control"] == "no-store"
    assert int(found.headers["content-length"]) == len(found.content)
    assert number_of(url) in found.headers["content-disposition"]
    typed = parquet(download(city, url, form="parquet"))
    assert typed.schema.field("amount").type == pa.decimal128(18, 2)
    assert typed.schema.field("paid_on").type == pa.date32()


def test_the_file_has_the_rows_and_masks_of_the_data_service(city: City) -> None:
    url, rows = granted(city), served(city)
    written = table(download(city, url))
    names = [name for name in NAMES if name in COLUMNS]
    assert written[0] == names == list(rows[0])
    assert written[1:] == [[cell(row[name]) for name in names] for row in rows]
    assert len(rows) == RESIDENTS
    assert "王小明" not in download(city, url).text
    typed = parquet(download(city, url, form="parquet"))
    assert typed.schema.metadata[b"citybrain.application"].decode() == number_of(url)
    assert typed.schema.metadata[b"citybrain.purpose"].decode() == PURPOSE
    assert typed["person_name"].to_pylist() == [row["person_name"] for row in rows]
    assert typed["sex_code"].to_pylist() == [row["sex_code"] for row in rows]


def test_every_download_is_audited_with_application_purpose_and_person(city: City) -> None:
    url = granted(city)
    download(city, url)
    event = city.access.audit_events()[0]
    assert (event["action"], event["application"], event["purpose"]) == ("read_file", number_of(url), PURPOSE)
    assert (event["allowed"], event["row_count"], event["dept"]) == (True, RESIDENTS, "wjw")
    assert "李申请（li）" in event["reason"]
    assert "csv" in event["reason"]
    assert city.sign_in("li").get("/catalogue/gaj/resident.json").json()["grants"]["lines"][0]["read_at"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    row=st.none() | st.integers(0, RESIDENTS + 3),
    at_once=st.integers(1, RESIDENTS + 2),
)
def test_what_comes_out_is_exactly_the_grant(city: City, columns: list[str], row: int | None, at_once: int) -> None:
    rows = {} if row is None else {"resident_id": f"330106{19500101 + row:08}{row:04}"}
    url = granted(city, columns=columns, row_filter=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_file, "ROWS_AT_ONCE", at_once)
        written, typed = table(download(city, url)), parquet(download(city, url, form="parquet"))
    assert written[0] == typed.column_names == [name for name in NAMES if name in columns]
    assert len(written) - 1 == len(typed) == (RESIDENTS if row is None else int(row < RESIDENTS))
    expected = served(city, columns=columns, row_filter=rows)
    assert written[1:] == [[cell(row[name]) for name in written[0]] for row in expected]


@pytest.mark.parametrize(
    ("account", "why"),
    [
        ("wang", "您没有这个岗位"),
        ("zhao", "您没有这个岗位"),
        ("sun", "您没有这个岗位"),
        ("zhou", "只对需求部门"),
        ("wu", "只对需求部门"),
        ("admin", "只对需求部门"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_only_a_clerk_of_the_applicant_downloads(city: City, account: str, why: str, form: str) -> None:
    url = granted(city)
    status, text = refused(download(city, url, account, form))
    assert status == 403
    assert why in text
    if account in ("wang", "zhao", "sun"):
        assert "/file.csv" not in city.sign_in(account).get(url).text
        assert city.sign_in(account).json(url)["files"] == {}
    assert city.access.audit_events() == []


def test_another_departments_clerk_gets_nothing_by_a_grant_of_their_own(city: City) -> None:
    url, theirs = granted(city), granted(city, dept="jyj")
    assert table(download(city, theirs, "zhou"))[0] == [name for name in NAMES if name in COLUMNS]
    assert refused(download(city, url, "zhou"))[0] == 403
    assert refused(download(city, theirs, "li"))[0] == 403


def test_a_stranger_is_asked_to_sign_in(city: City) -> None:
    url = granted(city)
    asked = city.client.get(f"{url}/file.csv", follow_redirects=False)
    assert (asked.status_code, asked.headers["location"].startswith("/login")) == (303, True)


@pytest.mark.parametrize(("method", "name"), [("service", "服务接口"), ("batch", "批量交换")])
def test_another_method_gives_no_download_and_says_so(city: City, method: str, name: str) -> None:
    url = granted(city, method=method)
    status, text = refused(download(city, url))
    assert (status, f"的共享方式是{name}，不是文件下载" in text) == (403, True)
    assert city.sign_in("li").json(url)["files"] == {}
    event = city.access.audit_events()[0]
    assert (event["action"], event["allowed"], event["row_count"]) == ("read_file", False, 0)


def test_a_download_grant_opens_no_interface_and_says_so(city: City) -> None:
    granted(city)
    found = city.client.get("/api/v1/data/gaj/resident", headers=city.key())
    assert found.status_code == 403
    assert "的共享方式是文件下载，不是服务接口" in found.json()["error"]["message"]


@pytest.mark.parametrize("upto", range(6))
def test_nothing_is_given_before_it_is_provided(city: City, upto: int) -> None:
    assert refused(download(city, granted(city, upto=upto)))[0] == 403


def test_suspension_closes_with_the_reason_and_rectifying_opens_again(city: City) -> None:
    url = granted(city)
    assert download(city, url).status_code == 200
    city.sign_in("zhao").press(url, "suspend", reason="夜间批量下载")
    status, text = refused(download(city, url))
    assert (status, "已暂停，暂停：夜间批量下载" in text) == (403, True)
    assert "/file.csv" not in city.sign_in("li").get(url).text
    city.sign_in("sun").press(url, "rectify", reason="已整改")
    assert download(city, url).status_code == 200
    city.sign_in("sun").press(url, "suspend", reason="再次")
    city.sign_in("sun").press(url, "terminate", reason="拒不整改")
    status, text = refused(download(city, url))
    assert (status, "终止：拒不整改" in text) == (403, True)


@pytest.mark.parametrize(
    ("day", "why"),
    [("2025-12-31", "2026-01-01 起可用"), ("2026-01-01", ""), ("2099-12-31", ""), ("2100-01-01", "2099-12-31 到期")],
)
def test_a_file_is_given_between_the_days_of_the_grant(
    city: City, monkeypatch: pytest.MonkeyPatch, day: str, why: str
) -> None:
    url = granted(city)
    monkeypatch.setattr("catalog.web.desk_files.today", lambda: date.fromisoformat(day))
    found = download(city, url)
    assert found.status_code == (403 if why else 200)
    assert why in found.text


def test_a_grant_that_is_closed_while_its_file_is_written_gives_none(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, shown = granted(city), data_file.shown

    def closing(*args: Any) -> pa.Table:
        city.sign_in("zhao").press(url, "suspend", reason="用途不符")
        return shown(*args)

    monkeypatch.setattr(data_file, "shown", closing)
    status, text = refused(download(city, url))
    assert (status, "用途不符" in text) == (403, True)
    event = city.access.audit_events()[0]
    assert (event["allowed"], event["row_count"], event["application"]) == (False, 0, number_of(url))


def test_what_is_too_much_for_one_file_is_refused_whole(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    url = granted(city)
    monkeypatch.setattr(data_file, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(data_file, "MOST_ROWS", RESIDENTS)
    assert len(table(download(city, url))) == RESIDENTS + 1
    monkeypatch.setattr(data_file, "MOST_ROWS", RESIDENTS - 1)
    status, text = refused(download(city, url))
    assert (status, "不能作为一个文件取走" in text) == (409, True)
    assert city.access.audit_events()[0]["row_count"] == 0


def test_only_so_many_files_are_written_at_once(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    url, shown, waiting = granted(city), data_file.shown, []

    def asking_again(*args: Any) -> pa.Table:
        waiting.append(download(city, url))
        return shown(*args)

    monkeypatch.setattr(data_file, "shown", asking_again)
    assert download(city, url).status_code == 200
    assert [found.status_code for found in waiting] == [429, 200]
    assert waiting[0].headers["retry-after"] == "10"
    monkeypatch.undo()
    assert download(city, url).status_code == 200


def test_a_text_is_no_formula_and_hostile_names_stay_text(own_city: OwnCity) -> None:
    sql = city_tables()["dsjj.division"]
    hostile = "case when level_no = 1 then '=cmd|'' /C calc''!A0' when level_no = 2 then '-2+3' else division_name end"
    sql = f"select * replace ({hostile} as division_name) from ({sql})"
    city = own_city({"dsjj.division": sql})
    url = granted(city, "dsjj.division", columns=["division_code", "division_name", "level_no"])
    rows = table(download(city, url))
    assert len(rows) == DIVISIONS + 1
    assert rows[1][1] == HOSTILE
    assert [row[1] for row in rows[2:4]] == ["'=cmd|' /C calc'!A0", "'-2+3"]
    names = parquet(download(city, url, form="parquet"))["division_name"].to_pylist()
    assert names[1:3] == ["=cmd|' /C calc'!A0", "-2+3"]


def test_what_is_not_published_and_what_is_no_format_are_named(own_city: OwnCity) -> None:
    city = own_city({"dsjj.division": city_tables()["dsjj.division"]})
    assert download(city, granted(city)).status_code == 404
    url = granted(city, "dsjj.division", columns=["division_code"])
    assert refused(download(city, url, form="xlsx"))[0] == 400
    assert download(city, "/desk/applications/SQ2026-999999").status_code == 404


def test_the_pages_of_every_method_are_english_too(city: City) -> None:
    pages = [granted(city, method=method) for method in ("service", "batch", "file")]
    draft = city.applied(then="save", basis="", method="")
    browser = city.sign_in("li")
    browser.client.cookies.set("language", "en")
    for url in (*pages, draft, "/catalogue/gaj/resident"):
        found = browser.get(url, accept="text/html")
        assert '<html lang="en">' in found.text
        assert {word for part in Frame(found.text).texts for word in chinese_left(part)} == set(), url


# ---- 批量交换 -------------------------------------------------------------------------------------------------------
BATCH = "/api/v1/data/gaj/resident/file"


def taken(city: City, headers: dict[str, str], url: str = BATCH, **query: Any) -> Response:
    return city.client.get(url, params=query, headers=headers)


def test_a_system_takes_the_same_file_by_key(city: City) -> None:
    url = granted(city, method="batch")
    found = taken(city, city.key())
    assert table(found)[1:] == [[cell(value) for value in row.values()] for row in served(city)]
    assert len(parquet(taken(city, city.key(), format="parquet"))) == RESIDENTS
    event = next(e for e in city.access.audit_events() if e["action"] == "read_file")
    assert (event["application"], event["purpose"], event["row_count"]) == (number_of(url), PURPOSE, RESIDENTS)
    assert event["key_id"]
    page = city.sign_in("li").get(url).text
    assert f"{BATCH}?format=csv" in page


def test_without_a_grant_of_the_method_a_key_takes_no_file(city: City) -> None:
    assert refused(taken(city, {}))[0] == 401
    for headers in (city.key(), city.key("wjw", "gaj.resident"), city.key("gaj"), city.key("jyj")):
        assert refused(taken(city, headers))[0] == 403
    assert refused(taken(city, city.key(), "/api/v1/data/dsjj/division/file"))[0] == 403
    assert refused(taken(city, city.key(), "/api/v1/data/yjj/hazard_source/file"))[0] == 403
    for method in ("service", "file"):
        granted(city, method=method)
        assert "不是批量交换" in refused(taken(city, city.key()))[1]
    other = granted(city, method="batch", dept="jyj")
    assert refused(taken(city, city.key() | {"X-Application": number_of(other)}))[0] == 403
    assert table(taken(city, city.key("jyj")))


def test_suspension_and_the_last_day_close_the_exchange(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    url = granted(city, method="batch")
    city.sign_in("zhao").press(url, "suspend", reason="用途不符")
    for headers in (city.key(), city.key() | {"X-Application": number_of(url)}):
        assert "用途不符" in refused(taken(city, headers))[1]
    city.sign_in("sun").press(url, "rectify", reason="已整改")
    assert taken(city, city.key()).status_code == 200
    monkeypatch.setattr("catalog.api.routes.today", lambda: date(2100, 1, 1))
    assert "2099-12-31 到期" in refused(taken(city, city.key()))[1]


@pytest.mark.parametrize("query", [{"format": "xlsx"}, {"fields": "phone"}, {"resident_id": "1"}, {"format": ""}])
def test_what_the_exchange_does_not_have_is_refused(city: City, query: dict[str, str]) -> None:
    granted(city, method="batch")
    assert refused(taken(city, city.key(), **query))[0] == 400
    assert city.client.get(f"{BATCH}?format=csv&format=csv", headers=city.key()).status_code == 400
