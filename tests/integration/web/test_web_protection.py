"""Every answer carries the security headers and a request id; every error has one shape, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from catalog.web.app import create_app
from catalog.web.rooms import page_secret
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
BROWSER = {"Accept": "text/html"}
FAULTS = [
    ("GET", "/nope", 404),
    ("GET", "/api/v1/nope", 404),
    ("GET", "/catalogue/gaj/nothing", 404),
    ("GET", "/static/nothing.css", 404),
    ("POST", "/catalogue", 405),
    ("DELETE", "/api/v1/data/gaj/resident", 405),
    ("GET", "/api/v1/data/gaj/resident", 401),
    ("GET", f"/catalogue?q={'x' * 5000}", 414),
    ("GET", "/docs/quality/nothing.html", 404),
    ("GET", "/boom", 500),
    ("GET", "/number/x", 422),
]


@pytest.fixture
def faulty(settings: Settings) -> TestClient:
    app: FastAPI = create_app(settings)

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("secret detail")

    @app.get("/number/{value}")
    def number(value: int) -> int:
        return value

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(("method", "url", "status"), FAULTS)
def test_programs_get_every_error_in_one_shape(faulty: TestClient, method: str, url: str, status: int) -> None:
    answer = faulty.request(method, url, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint", "request_id"}
    assert all(isinstance(value, str) and value for value in error.values())
    assert "secret detail" not in answer.text


@pytest.mark.parametrize(("method", "url", "status"), [fault for fault in FAULTS if "/api/v1" not in fault[1]])
def test_people_get_every_error_as_a_page(faulty: TestClient, method: str, url: str, status: int) -> None:
    answer = faulty.request(method, url, headers=BROWSER)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "url", ["/", "/nope", "/api/v1/data/gaj/resident", "/static/app.css", "/openapi.json", "/boom"]
)
def test_every_answer_carries_the_security_headers(faulty: TestClient, url: str) -> None:
    headers = faulty.get(url).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_a_request_id_is_taken_over_only_when_it_is_one(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345678"}).headers["x-request-id"] == "abc-12345678"
    for hostile in ("a", "<script>alert(1)</script>", "x" * 100, "id with spaces"):
        assert client.get("/healthz", headers={"X-Request-ID": hostile}).headers["x-request-id"] != hostile


@pytest.mark.parametrize("host", ["evil.example/<script>", "a b", '"><script>', "x" * 300])
def test_a_host_that_is_none_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/catalogue/gaj/resident", headers={"Host": host, **BROWSER})
    assert answer.status_code == 400
    assert "<script>" not in answer.text.replace("<script src=", "")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/quality/../../app.db",
        "/docs/quality/..%2f..%2fapp.db",
        "/docs/quality/%2e%2e/%2e%2e/app.db",
        "/docs/quality/....//....//app.db",
        "/docs/quality/link.db",
        "/docs/quality//etc/passwd",
        "/static/../app.py",
        "/static/..%2f..%2faccess%2fstore.py",
        "/docs/quality/%00",
    ],
)
def test_files_outside_the_served_folders_are_out_of_reach(client: TestClient, settings: Settings, path: str) -> None:
    folder = settings.docs / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<p>report</p>")
    link = folder / "link.db"
    if not link.is_symlink():
        link.symlink_to(settings.app_db)
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert b"SQLite" not in answer.content
    assert client.get("/docs/quality/").text == "<p>report</p>"


def test_generated_docs_are_served_when_they_come_after_the_start(empty_client: TestClient, tmp_path: Path) -> None:
    assert empty_client.get("/docs/dbt/").status_code == 404
    assert "/docs/dbt" not in empty_client.get("/").text
    folder = tmp_path / "home" / "docs" / "dbt"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<p>models</p>")
    assert empty_client.get("/docs/dbt/").text == "<p>models</p>"
    assert "/docs/dbt/index.html" in empty_client.get("/").text
    assert "'self'" in empty_client.get("/docs/dbt/").headers["content-security-policy"]


def test_static_files_are_cached_for_ever_under_their_mark(client: TestClient) -> None:
    assert "app.css?v=" in client.get("/").text
    assert "immutable" in client.get("/static/app.css").headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-cache"


def test_the_secret_of_page_tokens_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    first = page_secret(path)
    assert len(first) == 32
    assert page_secret(path) == first
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("url", ["/healthz", "/catalogue", "/openapi.json", "/nope"])
def test_head_answers_like_get_without_a_body(faulty: TestClient, url: str) -> None:
    got, head = faulty.get(url, headers=BROWSER), faulty.head(url, headers=BROWSER)
    assert head.status_code == got.status_code
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.content == b""
