"""The pages in English: the frame has no Chinese but law terms in brackets; data and names stay as they are."""

from __future__ import annotations

import re

import pytest
from english_frame import LAW_TERMS, Frame, chinese_left
from starlette.testclient import TestClient

from catalog.web.texts import held_texts

pytestmark = pytest.mark.integration
PAGES = [
    "/",
    "/catalogue",
    "/catalogue?q=hj&share=2",
    "/quality",
    "/governance",
    "/api/docs",
    "/login",
    "/no-such-page",
]
ENTRIES = ["/catalogue/gaj/resident", "/catalogue/dsjj/division", "/catalogue/yjj/hazard_source"]
BROWSER = {"Accept": "text/html", "Cookie": "language=en"}


@pytest.mark.parametrize("url", [*PAGES, *ENTRIES])
def test_the_frame_of_a_page_is_english(client: TestClient, url: str) -> None:
    text = client.get(url, headers=BROWSER).text
    assert '<html lang="en">' in text
    left = {found for part in Frame(text).texts for found in chinese_left(part)}
    assert left == set()


@pytest.mark.parametrize("url", ["/", "/catalogue", "/catalogue/gaj/resident", "/quality", "/governance"])
def test_the_frame_is_english_before_anything_is_published(empty_client: TestClient, url: str) -> None:
    left = {found for part in Frame(empty_client.get(url, headers=BROWSER).text).texts for found in chinese_left(part)}
    assert left == set()


def test_the_same_look_at_a_chinese_page_finds_chinese(client: TestClient) -> None:
    texts = Frame(client.get("/", headers={"Accept": "text/html"}).text).texts
    assert len({found for part in texts for found in chinese_left(part)}) > 20


def test_the_switch_leads_there_and_back_to_the_page(client: TestClient) -> None:
    answer = client.get("/language/en?next=/quality", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/quality")
    assert answer.cookies["language"] == "en"
    client.cookies.clear()
    away = client.get("/language/en?next=//evil.example/", follow_redirects=False)
    assert away.headers["location"] == "/"
    client.cookies.clear()
    unknown = client.get("/language/xx?next=/", follow_redirects=False)
    assert unknown.cookies["language"] == "zh-CN"
    client.cookies.clear()


def test_law_terms_are_few_and_stand_beside_their_english() -> None:
    assert 0 < len(LAW_TERMS) < 25
    for key, text in held_texts("en").items():
        bare = re.sub(r"\([㐀-鿿、]+\)", "", text)
        is_example = ".hint." in key or "_hint." in key  # what to type stays as it is typed
        assert key.startswith("word.") or is_example or not re.search(r"[㐀-鿿]", bare), key
