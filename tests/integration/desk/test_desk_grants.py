"""What an approved application opens in the data service, and that it closes at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from desk_doors import City
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_city import CONTRACTS, RESIDENTS

from catalog.sharing.form import Form
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.store import Opening

pytestmark = pytest.mark.integration
API = "/api/v1/data/gaj/resident"
NAMES = [prop.name for prop in CONTRACTS["gaj.resident"].properties]


def number_of(url: str) -> str:
    return url.rsplit("/", 1)[1]


def read(city: City, headers: dict[str, str], **query: Any) -> Any:
    return city.client.get(API, params=query, headers=headers)


def test_the_grant_opens_what_was_closed_and_is_named_in_the_audit(city: City) -> None:
    key = city.key()
    assert read(city, key).json()["error"]["code"] == "not_granted"
    url = city.in_use()
    found = read(city, key)
    assert found.status_code == 200
    assert list(found.json()["data"][0]) == ["resident_id", "sex_code"]
    assert found.json()["meta"]["application"] == number_of(url)
    event = city.access.audit_events()[0]
    assert (event["application"], event["purpose"]) == (number_of(url), "家庭医生签约对象核对")
    assert (event["allowed"], event["row_count"]) == (True, RESIDENTS)


def test_masks_stay_on(city: City) -> None:
    city.in_use(columns=["resident_id", "person_name", "phone"])
    found = read(city, city.key()).json()
    assert found["data"][0]["person_name"] == "王**"
    assert set(found["meta"]["masked_fields"]) == {"resident_id", "person_name", "phone"}


def test_a_key_that_may_see_originals_still_sees_a_grant_masked(city: City) -> None:
    city.in_use(columns=["resident_id", "person_name"])
    key = {"X-API-Key": city.access.create_key("wjw", "test", is_unmasked=True)}
    assert read(city, key).json()["data"][0]["person_name"] == "王**"


@pytest.mark.parametrize("query", [{"fields": "phone"}, {"fields": "sex_code,phone"}, {"household_id": "1"}])
def test_other_columns_are_refused_with_the_reason(city: City, query: dict[str, str]) -> None:
    city.in_use()
    found = read(city, city.key(), **query)
    if "fields" in query:
        assert (found.status_code, found.json()["error"]["code"]) == (403, "field_not_granted")
        assert "phone" in found.json()["error"]["message"]
        assert "第二十五条" in found.json()["error"]["hint"]
    else:
        assert found.status_code == 400


def test_a_key_column_outside_the_grant_cannot_be_asked_about(city: City) -> None:
    city.in_use(columns=["sex_code"])
    found = read(city, city.key(), resident_id="330106195001010000")
    assert (found.status_code, found.json()["error"]["code"]) == (403, "field_not_granted")


def test_rows_are_limited_to_what_was_granted(city: City) -> None:
    key = city.key()
    city.in_use(**{"row.resident_id": "330106195001010000"})
    found = read(city, key).json()
    assert found["page"]["count"] == 1
    assert read(city, key, resident_id="330106195001020001").json()["data"] == []


def test_suspension_closes_at_the_next_request_and_rectifying_opens_again(city: City) -> None:
    key, url = city.key(), city.in_use()
    assert read(city, key).status_code == 200
    city.sign_in("zhao").press(url, "suspend", reason="夜间批量调用")
    found = read(city, key)
    assert found.status_code == 403
    assert f"申请 {number_of(url)} 已暂停" in found.json()["error"]["message"]
    city.sign_in("sun").press(url, "rectify", reason="已整改")
    assert read(city, key).status_code == 200
    city.sign_in("sun").press(url, "suspend", reason="再次")
    city.sign_in("sun").press(url, "terminate", reason="拒不整改")
    assert read(city, key).status_code == 403


@pytest.mark.parametrize(
    ("day", "status"), [("2025-12-31", 403), ("2026-01-01", 200), ("2099-12-31", 200), ("2100-01-01", 403)]
)
def test_a_grant_holds_between_its_days(city: City, monkeypatch: pytest.MonkeyPatch, day: str, status: int) -> None:
    key = city.key()
    city.in_use()
    monkeypatch.setattr("catalog.api.routes.today", lambda: date.fromisoformat(day))
    found = read(city, key)
    assert found.status_code == status
    if status == 403:
        assert "2026-01-01 起可用" in found.text or "2099-12-31 到期" in found.text


def test_a_walk_through_pages_ends_with_the_grant(city: City) -> None:
    key, url = city.key(), city.in_use()
    token = read(city, key, limit=5).json()["page"]["next_token"]
    assert read(city, key, limit=5, page_token=token).status_code == 200
    city.sign_in("sun").press(url, "suspend", reason="用途不符")
    assert read(city, key, limit=5, page_token=token).status_code == 403


def test_a_page_token_is_of_one_grant_only(city: City) -> None:
    key, url = city.key(), city.in_use()
    token = read(city, key, limit=5).json()["page"]["next_token"]
    other = city.in_use(**{"row.resident_id": "330106195001010000"})
    moved = read(city, key | {"X-Application": number_of(other)}, limit=5, page_token=token)
    assert moved.json()["error"]["code"] == "foreign_page_token"
    assert read(city, key | {"X-Application": number_of(url)}, limit=5, page_token=token).status_code == 200


def test_among_several_the_named_one_is_relied_on_else_the_oldest_that_covers(city: City) -> None:
    key, first = city.key(), city.in_use(columns=["resident_id"])
    second = city.in_use(columns=["resident_id", "sex_code"])
    assert read(city, key).json()["meta"]["application"] == number_of(first)
    assert read(city, key, fields="sex_code").json()["meta"]["application"] == number_of(second)
    named = read(city, key | {"X-Application": number_of(second)}).json()
    assert named["meta"]["application"] == number_of(second)
    strange = read(city, key | {"X-Application": "SQ2026-000099"})
    assert (strange.status_code, "SQ2026-000099" in strange.json()["error"]["message"]) == (403, True)


def test_another_departments_number_opens_nothing(city: City) -> None:
    url = city.in_use()
    assert read(city, city.key("jyj") | {"X-Application": number_of(url)}).status_code == 403
    assert read(city, city.key("jyj")).status_code == 403


def test_a_grant_of_another_method_opens_no_service(city: City) -> None:
    city.in_use(method="batch")
    assert read(city, city.key()).status_code == 403


def test_what_the_bureau_issued_for_a_key_still_holds(city: City) -> None:
    found = read(city, city.key("wjw", "gaj.resident"))
    assert (found.status_code, found.json()["meta"]["application"]) == (200, None)
    assert list(found.json()["data"][0]) == NAMES


def test_a_key_that_ran_out_opens_no_grant(city: City) -> None:
    city.in_use()
    key = {"X-API-Key": city.access.create_key("wjw", "test", expires_on=date(2026, 1, 2))}
    found = read(city, key)
    assert (found.status_code, found.json()["error"]["code"]) == (403, "expired")


def granted(city: City, dept: str, columns: list[str], rows: dict[str, str]) -> str:
    """Put an application in use into the store, and return its number."""
    form = Form.model_validate(
        {
            "resource": "gaj.resident",
            "basis": "法定职责",
            "scenario": "核对信息",
            "scope": "基层处",
            "method": "service",
            "starts_on": "2026-01-01",
            "ends_on": "2099-12-31",
            "columns": columns,
            "row_filter": rows,
        }
    )
    at = datetime.now(UTC)
    parties = Parties(dept, "gaj", "dsjj")
    stands = city.store.apply_for(Opening(parties, "gaj.resident", at, "某人"), 2)
    steps: list[tuple[str, Role, str]] = [
        ("保存", Role.APPLICANT, dept),
        ("提交", Role.APPLICANT, dept),
        ("本部门同意", Role.OWN_OFFICE, dept),
        ("受理", Role.BUREAU, "dsjj"),
        ("同意", Role.PROVIDER, "gaj"),
        ("提供", Role.PROVIDER, "gaj"),
    ]
    for seen, (kind, role, side) in enumerate(steps):
        data = {"form": form.model_dump(mode="json")} if kind == "保存" else {}
        stands = city.store.move_application(stands.number, Event(kind, at, "某人", role, side, data), seen=seen)
    return stands.number


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    fields=st.none() | st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    row=st.none() | st.integers(0, RESIDENTS + 3),
    asked=st.none() | st.integers(0, RESIDENTS),
    limit=st.integers(1, 50),
)
def test_what_comes_out_is_always_within_the_grant(
    city: City, columns: list[str], fields: list[str] | None, row: int | None, asked: int | None, limit: int
) -> None:
    resident: Callable[[int], str] = lambda i: f"330106{19500101 + i:08}{i:04}"  # noqa: E731
    rows = {} if row is None else {"resident_id": resident(row)}
    number = granted(city, "wjw", columns, rows)
    query: dict[str, Any] = {"limit": limit} | ({"fields": ",".join(fields)} if fields else {})
    query |= {} if asked is None else {"resident_id": resident(asked)}
    found = read(city, city.key() | {"X-Application": number}, **query)
    wanted = set(fields or []) | ({"resident_id"} if asked is not None else set())
    if not wanted <= set(columns):
        assert (found.status_code, found.json()["error"]["code"]) == (403, "field_not_granted")
        return
    answer = found.json()
    assert found.status_code == 200
    assert all(set(line) <= set(columns) for line in answer["data"])
    expected = RESIDENTS if row is None else int(row < RESIDENTS)
    if asked is not None:
        expected = int(asked < RESIDENTS and row in (None, asked))
    assert len(answer["data"]) == min(expected, limit)
