"""A JSON API is ingested page by page, incrementally, whatever the size of its pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from ingest_lakehouse import Lakehouse

pytestmark = pytest.mark.integration
CASE = "cgj.case"


def case(number: int, updated_at: str = "2026-06-20T08:00:00", **changes: Any) -> dict[str, Any]:
    row = {
        "caseNo": f"CG{number:06}",
        "caseKindCode": "04",
        "componentCode": None,
        "divisionCode": "330102001001",
        "longitude": 120.1,
        "latitude": 30.2,
        "stageCode": "5",
        "reportedAt": "2026-01-11T09:52:03",
        "closedAt": "2026-01-14T03:22:53",
        "updatedAt": updated_at,
    }
    return row | changes


class Api(ThreadingHTTPServer):
    """A department's API over a list of cases; ``asked`` keeps the queries."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cases: list[dict[str, Any]] = []
        self.asked: list[dict[str, list[str]]] = []
        self.token = "token"


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        query = parse_qs(urlparse(self.path).query)
        self.server.asked.append(query)
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            self.send_error(401)
            return
        since = query.get("updated_since", [""])[0]
        rows = [row for row in self.server.cases if str(row["updatedAt"]) >= since]
        start, size = int(query.get("cursor", ["0"])[0]), int(query["page_size"][0])
        more = str(start + size) if start + size < len(rows) else None
        body = json.dumps({"items": rows[start : start + size], "next": more}, ensure_ascii=False, indent=1).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def api(lakehouse: Lakehouse) -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    lakehouse.api_url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_all_pages_are_taken_in_and_bad_records_put_aside(lakehouse: Lakehouse, api: Api) -> None:
    api.cases = [case(i) for i in range(2500)] + [case(9001, longitude=0), case(9002, stageCode=None)]
    outcome = lakehouse.ingest_one(CASE)
    assert (outcome.received, outcome.accepted, outcome.quarantined) == (2502, 2500, 2)
    assert lakehouse.quarantine() == [("CG009001", "longitude.in_city"), ("CG009002", "stage_code.required")]
    assert lakehouse.query(f"select closed_at::varchar from {CASE} limit 1") == [("2026-01-14 03:22:53",)]


def test_the_next_read_asks_for_what_is_new(lakehouse: Lakehouse, api: Api) -> None:
    api.cases = [case(1, "2026-01-01T00:00:00"), case(2, "2026-06-20T08:00:00")]
    first = lakehouse.ingest_one(CASE)
    again = lakehouse.ingest_one(CASE)
    assert again.to_json() | {"skipped": False} == first.to_json()
    assert again.skipped
    api.cases += [case(3, "2026-06-21T08:00:00", stageCode="1"), case(1, "2026-06-22T08:00:00", stageCode="2")]
    third = lakehouse.ingest_one(CASE)
    assert api.asked[-1]["updated_since"] == ["2026-06-13T08:00:00"]
    assert (third.received, third.accepted, third.deduplicated) == (3, 2, 1)
    assert lakehouse.query(f"select case_no, stage_code from {CASE} order by 1") == [
        ("CG000001", "2"),
        ("CG000002", "5"),
        ("CG000003", "1"),
    ]


def test_a_wrong_token_is_unauthorised_and_nothing_is_lost(lakehouse: Lakehouse, api: Api) -> None:
    api.cases, api.token = [case(1)], "another"
    refused = lakehouse.ingest_one(CASE)
    assert (refused.status, refused.rule) == ("failed", "source.unauthorised")
    api.token = "token"
    assert lakehouse.ingest_one(CASE).accepted == 1


def test_an_empty_answer_is_an_empty_delivery(lakehouse: Lakehouse, api: Api) -> None:
    assert lakehouse.ingest_one(CASE).status == "empty"


def test_a_new_key_in_one_record_refuses_the_read(lakehouse: Lakehouse, api: Api) -> None:
    api.cases = [case(1), case(2, secret="x")]
    refused = lakehouse.ingest_one(CASE)
    assert (refused.status, refused.rule) == ("failed", "schema.unknown_column")
    assert "secret" in str(refused.reason)
