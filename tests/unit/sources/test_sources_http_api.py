"""A JSON API is read page by page; every way it can fail has its rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lakehouse.sources import Limits, SourceError, SourceSystem, http_api

LIMITS = Limits(http_attempts=3, http_timeout_seconds=2)
SOURCE = SourceSystem(Path(), "http://api.test", "secret-token")
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    real = httpx.Client
    monkeypatch.setattr(http_api, "wait_exponential_jitter", lambda **_: lambda _state: 0)

    def answer(handler: Handler) -> None:
        transport = httpx.MockTransport(handler)
        monkeypatch.setattr(http_api.httpx, "Client", lambda **options: real(transport=transport, **options))

    return answer


def fetch(folder: Path, source: SourceSystem = SOURCE, since: str | None = None, limits: Limits = LIMITS) -> list[dict]:
    http_api.fetch_pages(source, "/cgj/case", 2, since, folder, limits)
    return [json.loads(page.read_bytes()) for page in sorted(folder.glob("page_*.json"))]


def page(items: list[int], cursor: str | None) -> httpx.Response:
    return httpx.Response(200, json={"items": items, "next": cursor})


def test_pages_are_followed_with_token_size_and_since(tmp_path: Path, answered: Callable[[Handler], None]) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return page([1, 2], "c2") if "cursor" not in request.url.params else page([3], None)

    answered(handler)
    assert [p["items"] for p in fetch(tmp_path, since="2026-01-01T00:00:00")] == [[1, 2], [3]]
    assert all(request.headers["Authorization"] == "Bearer secret-token" for request in seen)
    assert all(request.url.params["updated_since"] == "2026-01-01T00:00:00" for request in seen)
    assert [request.url.params.get("cursor") for request in seen] == [None, "c2"]


def test_server_errors_are_retried_and_then_unreachable(tmp_path: Path, answered: Callable[[Handler], None]) -> None:
    answers = [httpx.Response(503), httpx.Response(500), page([1], None)]
    answered(lambda _: answers.pop(0))
    assert [p["items"] for p in fetch(tmp_path)] == [[1]]
    answered(lambda _: httpx.Response(502))
    with pytest.raises(SourceError) as refused:
        fetch(tmp_path)
    assert refused.value.rule == "source.unreachable"


def test_a_refused_connection_is_unreachable(tmp_path: Path, answered: Callable[[Handler], None]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    answered(handler)
    with pytest.raises(SourceError, match=r"source\.unreachable"):
        fetch(tmp_path)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (httpx.Response(401), "source.unauthorised"),
        (httpx.Response(403), "source.unauthorised"),
        (httpx.Response(404), "delivery.missing"),
        (httpx.Response(200, text="<html>"), "delivery.incomplete"),
        (httpx.Response(200, json={"items": 5, "next": None}), "delivery.incomplete"),
        (httpx.Response(200, json={"items": [], "next": "same"}), "delivery.incomplete"),
    ],
)
def test_answers_that_cannot_be_used_have_a_rule(
    tmp_path: Path, answered: Callable[[Handler], None], answer: httpx.Response, rule: str
) -> None:
    answered(lambda _: answer)
    with pytest.raises(SourceError) as refused:
        fetch(tmp_path)
    assert refused.value.rule == rule
    assert "secret-token" not in str(refused.value)


def test_an_endless_answer_is_too_large(tmp_path: Path, answered: Callable[[Handler], None]) -> None:
    counter = iter(range(10_000))
    answered(lambda _: page([1], f"c{next(counter)}"))
    with pytest.raises(SourceError, match=r"delivery\.too_large"):
        fetch(tmp_path, limits=LIMITS.model_copy(update={"http_max_pages": 20}))
    with pytest.raises(SourceError, match=r"delivery\.too_large"):
        fetch(tmp_path, limits=LIMITS.model_copy(update={"max_delivery_bytes": 200}))


def test_without_an_address_the_api_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source\.unreachable"):
        fetch(tmp_path, SourceSystem(Path()))


def test_the_token_is_not_shown() -> None:
    assert "secret-token" not in repr(SOURCE)
