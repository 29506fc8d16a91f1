"""The data interface: who gets which rows, how, and what is said when they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from web_city import CONTRACTS, DIVISIONS, HOSTILE, READINGS, contract_sql, publish_tables

from catalog.access.store import AccessStore, open_store
from catalog.api.limits import RateLimiter
from catalog.web.app import create_app
from lakehouse.branches import forget_publishes
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings
from lakehouse.query import open_reader

pytestmark = pytest.mark.integration
Keys = Callable[..., dict[str, str]]
RESIDENT, DIVISION = "/api/v1/data/gaj/resident", "/api/v1/data/dsjj/division"
READING, PAYMENT, HAZARD = (
    "/api/v1/data/sthj/device_reading",
    "/api/v1/data/swj/tax_payment",
    "/api/v1/data/yjj/hazard_source",
)


def walk(client: TestClient, url: str, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    """Return the rows of all pages."""
    rows: list[dict[str, Any]] = []
    token, pages = None, 0
    while token is not None or not pages:
        answer = client.get(url, headers=headers, params={**query, **({"page_token": token} if token else {})})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["page"]["count"] == len(body["data"])
        rows += body["data"]
        token, pages = body["page"]["next_token"], pages + 1
        assert pages < 2000
    return rows


def refused(client: TestClient, url: str, headers: dict[str, str] | None = None, **query: Any) -> tuple[int, str]:
    answer = client.get(url, headers=headers or {}, params=query)
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint", "request_id"}
    assert error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, error["code"]


def test_an_answer_has_rows_page_and_meta(client: TestClient, key_of: Keys) -> None:
    body = client.get(DIVISION, headers=key_of(), params={"limit": 3}).json()
    assert set(body) == {"data", "page", "meta"}
    assert body["page"]["count"] == 3
    assert body["meta"]["resource_code"] == CONTRACTS["dsjj.division"].gov.resource_code
    assert body["meta"]["masked_fields"] == []
    assert set(body["data"][0]) == {prop.name for prop in CONTRACTS["dsjj.division"].properties}


def test_a_bearer_token_opens_as_the_header_does(client: TestClient, key_of: Keys) -> None:
    key = key_of()["X-API-Key"]
    assert client.get(DIVISION, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert client.get(DIVISION, headers={"Authorization": f"Basic {key}"}).status_code == 401


def test_without_a_key_nothing_is_given(client: TestClient) -> None:
    assert refused(client, DIVISION) == (401, "unauthenticated")
    assert refused(client, DIVISION, {"X-API-Key": "cb_000000000000_" + "A" * 43}) == (401, "unauthenticated")


def test_what_is_not_shared_is_refused_with_its_legal_basis(client: TestClient, key_of: Keys) -> None:
    answer = client.get(HAZARD, headers=key_of("yjj", "yjj.hazard_source"))
    basis = CONTRACTS["yjj.hazard_source"].gov.no_share_basis
    assert basis is not None
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_shared")
    assert basis.reason in answer.json()["error"]["message"]
    assert basis.article in answer.json()["error"]["hint"]


def test_conditional_sharing_needs_a_grant_for_that_resource(client: TestClient, key_of: Keys) -> None:
    assert refused(client, RESIDENT, key_of("jyj", "swj.tax_payment")) == (403, "not_granted")
    assert client.get(RESIDENT, headers=key_of("jyj", "gaj.resident")).status_code == 200


def test_a_revoked_key_is_refused_at_once(client: TestClient, key_of: Keys, store: AccessStore) -> None:
    headers = key_of()
    assert client.get(DIVISION, headers=headers).status_code == 200
    store.revoke(headers["X-API-Key"].split("_")[1])
    assert refused(client, DIVISION, headers) == (401, "unauthenticated")


def test_masked_fields_are_masked_unless_the_grant_says_otherwise(client: TestClient, key_of: Keys) -> None:
    masked = client.get(RESIDENT, headers=key_of("jyj", "gaj.resident"), params={"limit": 1}).json()
    row = masked["data"][0]
    assert row["person_name"] == "王**"
    assert "*" in row["resident_id"]
    assert row["phone"] == "139****1111"
    assert masked["meta"]["masked_fields"] == sorted(p.name for p in CONTRACTS["gaj.resident"].properties if p.gov.mask)
    plain = client.get(RESIDENT, headers=key_of("jyj", "gaj.resident", is_unmasked=True), params={"limit": 1}).json()
    assert plain["data"][0]["person_name"] == "王小明"
    assert plain["meta"]["masked_fields"] == []


def test_a_page_token_does_not_give_away_a_masked_key(client: TestClient, key_of: Keys) -> None:
    import base64

    token = client.get(RESIDENT, headers=key_of("jyj", "gaj.resident"), params={"limit": 1}).json()["page"][
        "next_token"
    ]
    assert b"330106" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_decimals_are_text_and_times_are_iso(client: TestClient, key_of: Keys) -> None:
    row = client.get(PAYMENT, headers=key_of("swj"), params={"limit": 2}).json()["data"][1]
    decimals = [p.name for p in CONTRACTS["swj.tax_payment"].properties if p.base_type == "decimal"]
    assert decimals
    assert all(row[name] == "1.25" for name in decimals)
    reading = client.get(READING, headers=key_of(), params={"limit": 1}).json()["data"][0]
    assert reading["measured_at"].startswith("2026-01-01T00:00:00")


def test_a_key_filter_gives_that_row_and_values_are_only_values(client: TestClient, key_of: Keys) -> None:
    one = client.get(DIVISION, headers=key_of(), params={"division_code": "000007", "fields": "division_code"}).json()
    assert one["data"] == [{"division_code": "000007"}]
    assert one["page"]["next_token"] is None
    injected = client.get(DIVISION, headers=key_of(), params={"division_code": "' or 1=1--"}).json()
    assert injected["data"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"division_name": "区划1"}, "unknown_parameter"),
        ({"limit": "5000"}, "bad_limit"),
        ({"fields": "secret"}, "unknown_field"),
        ({"page_token": "x"}, "bad_page_token"),
        ({"page_token": ""}, "bad_page_token"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(
    client: TestClient, key_of: Keys, query: dict[str, str], code: str
) -> None:
    assert refused(client, DIVISION, key_of(), **query) == (400, code)


def test_unknown_and_unpublished_resources_are_told_apart(client: TestClient, key_of: Keys) -> None:
    assert refused(client, "/api/v1/data/gaj/nothing", key_of()) == (404, "no_such_resource")
    assert refused(client, "/api/v1/data/jyj/school", key_of()) == (404, "not_published")
    assert refused(client, "/api/v1/data/ops/ingest_outcome", key_of()) == (404, "no_such_resource")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(7, 120),
    fields=st.sets(st.sampled_from([p.name for p in CONTRACTS["sthj.device_reading"].properties])),
)
def test_all_pages_together_are_the_table_and_no_row_comes_twice(
    client: TestClient, key_of: Keys, limit: int, fields: set[str]
) -> None:
    keys = CONTRACTS["sthj.device_reading"].primary_key
    wanted = sorted(fields | set(keys))
    rows = walk(client, READING, key_of(), limit=limit, fields=",".join(wanted))
    assert len(rows) == READINGS
    found = [tuple(row[name] for name in keys) for row in rows]
    assert len(set(found)) == READINGS
    assert found == sorted(found)


def test_pages_go_on_reading_the_version_they_began_with(own_settings: Settings) -> None:
    with TestClient(create_app(own_settings)) as client, open_store(app_database(own_settings)) as store:
        headers = {"X-API-Key": store.create_key("jyj", "test")}
        first = client.get(DIVISION, headers=headers, params={"limit": 100}).json()
        newer = publish_tables(own_settings, "more", {"dsjj.division": contract_sql(CONTRACTS["dsjj.division"], 300)})
        rest: list[Any] = []
        token = first["page"]["next_token"]
        while token:
            page = client.get(DIVISION, headers=headers, params={"limit": 100, "page_token": token}).json()
            assert page["page"]["snapshot"] == first["page"]["snapshot"] != newer
            rest, token = rest + page["data"], page["page"]["next_token"]
        assert len(first["data"]) + len(rest) == DIVISIONS
        assert len(walk(client, DIVISION, headers, limit=1000)) == 300
        assert client.get("/catalogue/dsjj/division.json").json()["snapshot"] == newer


def test_a_token_of_a_version_that_is_gone_has_expired(own_settings: Settings) -> None:
    app = create_app(own_settings)
    with TestClient(app) as client, open_store(app_database(own_settings)) as store:
        headers = {"X-API-Key": store.create_key("jyj", "test")}
        token = client.get(DIVISION, headers=headers, params={"limit": 10}).json()["page"]["next_token"]
    publish_tables(own_settings, "more", {"dsjj.division": contract_sql(CONTRACTS["dsjj.division"], 300)})
    forget_publishes(own_settings, keep=1)
    with TestClient(create_app(own_settings)) as client:
        assert refused(client, DIVISION, headers, limit=10, page_token=token) == (400, "expired_page_token")


def test_a_token_cannot_be_carried_to_another_query_or_key(client: TestClient, key_of: Keys) -> None:
    headers = key_of()
    token = client.get(DIVISION, headers=headers, params={"limit": 10}).json()["page"]["next_token"]
    assert client.get(DIVISION, headers=headers, params={"limit": 20, "page_token": token}).status_code == 200
    assert refused(client, READING, headers, page_token=token) == (400, "foreign_page_token")
    assert refused(client, DIVISION, headers, page_token=token, fields="division_name") == (400, "foreign_page_token")
    assert refused(client, DIVISION, key_of(), page_token=token) == (400, "foreign_page_token")
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    assert refused(client, DIVISION, headers, page_token=changed) == (400, "bad_page_token")


def test_every_decision_is_audited_without_values(client: TestClient, key_of: Keys, store: AccessStore) -> None:
    headers = key_of("jyj", "gaj.resident")
    client.get(RESIDENT, headers=headers, params={"resident_id": "330106199001019017"})
    client.get(RESIDENT, headers=headers, params={"limit": "x"})
    client.get(HAZARD, headers=headers)
    client.get(RESIDENT)
    events = store.audit_events(4)[::-1]
    assert [(e["resource"], e["code"], e["row_count"]) for e in events] == [
        ("gaj.resident", "allowed", 0),
        ("gaj.resident", "allowed", 0),
        ("yjj.hazard_source", "not_shared", 0),
        ("gaj.resident", "unauthenticated", 0),
    ]
    assert events[0]["filters"] == ["resident_id"]
    text = str(events)
    assert "330106199001019017" not in text
    assert headers["X-API-Key"].split("_", 2)[2] not in text
    client.get(RESIDENT, headers=headers, params={"limit": 5})
    assert store.audit_events(1)[0]["row_count"] == 5


def test_too_many_requests_are_told_to_wait(own_settings: Settings) -> None:
    app = create_app(own_settings, limiter=RateLimiter(rate=0.1, burst=2))
    with TestClient(app) as client, open_store(app_database(own_settings)) as store:
        one, other = ({"X-API-Key": store.create_key("jyj", name)} for name in "ab")
        assert [client.get(DIVISION, headers=one, params={"limit": 1}).status_code for _ in range(3)] == [200, 200, 429]
        answer = client.get(DIVISION, headers=one)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["error"]["code"] == "too_many_requests"
        assert client.get(DIVISION, headers=other, params={"limit": 1}).status_code == 200


def test_hostile_values_come_back_as_they_are_in_json(client: TestClient, key_of: Keys) -> None:
    answer = client.get(DIVISION, headers=key_of(), params={"division_code": "000000"})
    assert answer.json()["data"][0]["division_name"] == HOSTILE
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_rows_are_those_of_the_lakehouse(client: TestClient, key_of: Keys, settings: Settings) -> None:
    rows = walk(client, PAYMENT, key_of("swj"), limit=11)
    with open_reader(settings) as reader:
        expected = reader.arrow("select voucher_no from swj.tax_payment order by voucher_no").to_pylist()
    assert [row["voucher_no"] for row in rows] == [row["voucher_no"] for row in expected]
