"""The sample city's JSON API: paging, filters, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_city_reading import contracts
from typer.testing import CliRunner

from infra.cli.output import UserError
from infra.cli.sample_city import app_commands
from lakehouse.sample_city.api_server import LARGEST_PAGE, department_api, read_token
from lakehouse.sample_city.city import generate_city

CASES = "/cgj/case"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "city"
    generate_city(path, seed=11, people=150)
    return path


@pytest.fixture(scope="module")
def client(town: Path) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {read_token(town)}"}
    with department_api(town) as url, httpx.Client(base_url=url, headers=headers) as session:
        yield session


def lines(town: Path, path: str) -> list[dict[str, object]]:
    text = (town / "api" / f"{path.lstrip('/')}.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def walk(client: httpx.Client, path: str, **query: str | int) -> list[list[dict[str, object]]]:
    pages, cursor = [], None
    while True:
        answer = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200
        pages.append(answer.json()["items"])
        cursor = answer.json()["next"]
        if cursor is None:
            return pages


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 400))
def test_pages_of_any_size_add_up_to_everything_in_order(town: Path, client: httpx.Client, size: int) -> None:
    pages = walk(client, CASES, page_size=size)
    assert [row for page in pages for row in page] == lines(town, CASES)
    assert all(len(page) == size for page in pages[:-1])
    assert pages[-1]


def test_every_http_resource_of_the_contracts_is_served(client: httpx.Client) -> None:
    for contract in contracts().values():
        if contract.gov.source.kind == "http_api":
            items = client.get(contract.gov.source.path).json()["items"]
            assert items
            assert set(items[0]) == {p.physical_name for p in contract.properties}


@pytest.mark.parametrize("size", [7, 1000])
def test_updated_since_keeps_what_changed_then_or_later(town: Path, client: httpx.Client, size: int) -> None:
    everything = lines(town, CASES)
    since = sorted(str(row["updatedAt"]) for row in everything)[len(everything) // 2]
    expected = [row for row in everything if str(row["updatedAt"]) >= since]
    for written in (since, since.replace("T", " "), since + ".000000"):
        pages = walk(client, CASES, page_size=size, updated_since=written)
        assert [row for page in pages for row in page] == expected
    assert walk(client, CASES, updated_since="2030-01-01") == [[]]


def test_a_page_is_never_larger_than_the_cap(client: httpx.Client) -> None:
    assert LARGEST_PAGE == 10_000
    assert client.get(CASES, params={"page_size": 1_000_000}).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic abc", "bearer x"])
def test_a_missing_or_wrong_token_is_refused_with_a_json_error(client: httpx.Client, header: str | None) -> None:
    with httpx.Client(base_url=client.base_url) as stranger:
        answer = stranger.get(CASES, headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorised"
    assert "items" not in answer.text


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/cgj/unknown", {}, 404),
        ("/gaj/resident", {}, 404),
        (CASES, {"page_size": "0"}, 400),
        (CASES, {"page_size": "many"}, 400),
        (CASES, {"cursor": "nonsense!"}, 400),
        (CASES, {"cursor": "WyJhIiwxXQ"}, 400),
        (CASES, {"updated_since": "yesterday"}, 400),
        (CASES, {"sort": "asc"}, 400),
    ],
)
def test_a_request_that_makes_no_sense_gets_a_json_error(
    client: httpx.Client, path: str, query: dict[str, str], status: int
) -> None:
    answer = client.get(path, params=query)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}


def test_a_cursor_of_another_filter_is_refused(client: httpx.Client) -> None:
    cursor = client.get(CASES, params={"page_size": 5}).json()["next"]
    answer = client.get(CASES, params={"cursor": cursor, "updated_since": "2026-06-01"})
    assert answer.status_code == 400


def test_another_token_can_be_required(town: Path) -> None:
    with department_api(town, token="t0ken") as url:
        assert httpx.get(url + CASES, headers={"Authorization": f"Bearer {read_token(town)}"}).status_code == 401
        assert httpx.get(url + CASES, headers={"Authorization": "Bearer t0ken"}).status_code == 200


def cli() -> object:
    import typer

    app = typer.Typer()
    app_commands(app)
    return app


def test_the_command_reports_as_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli(), ["sample-city", "--seed", "3", "--people", "120", "--out", str(tmp_path / "c"), "--json"]
    )
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["seed"], report["people"]) == (3, 120)
    assert report["resources"]["gaj.resident"] >= 120
    assert report["defects"]["bad_checksum"] >= 1


def test_the_command_tells_people_that_all_persons_are_synthetic(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli(), ["sample-city", "--people", "100", "--out", str(tmp_path / "c")])
    assert result.exit_code == 0
    assert "all persons are synthetic" in result.stdout


def test_wrong_input_of_the_commands_is_a_message_and_no_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli(), ["sample-city", "--people", "5", "--out", str(tmp_path / "c")])
    assert isinstance(result.exception, UserError)
    assert "100" in str(result.exception)
    result = CliRunner().invoke(cli(), ["sample-api", str(tmp_path)])
    assert isinstance(result.exception, UserError)
    assert "credentials.json" in str(result.exception)
