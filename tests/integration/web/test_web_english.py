"""The pages in English: the frame has no Chinese but law terms in brackets; data and names stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient
from web_city import CONTRACTS, HOSTILE

from catalog.contract.load import load_vocabulary
from catalog.derive.catalogue import catalogue_entry
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
FRAME = {
    "h1",
    "h2",
    "h3",
    "th",
    "dt",
    "label",
    "button",
    "summary",
    "legend",
    "caption",
    "figcaption",
    "title",
    "option",
}
SPOKEN = ("aria-label", "placeholder", "title", "alt", "value")
CHINESE = re.compile(r"[㐀-鿿＀-￯、。《》“”]+")
LAW_TERMS = {
    term for text in held_texts("en").values() for term in re.findall(r"\(([㐀-鿿]+)\)", text)
}  # 数据打架, 数源 …: stated once in English with the term of the law beside it
ALLOWED = {"中文"}  # the switch back is written in the language it leads to
BROWSER = {"Accept": "text/html", "Cookie": "language=en"}


class Frame(HTMLParser):
    """Collects the texts of the frame: headings, table headings, labels, buttons, the menu, and what is read aloud."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("input", "meta", "link", "img", "br", "rect", "path"):
            self._open.append("frame" if "menu" in (given.get("class") or "") else tag)
        if tag in ("a", "nav", "button", "input", "section", "div", "table", "svg", "img"):
            self.texts += [
                given[name] or "" for name in SPOKEN if name in given and (name != "value" or tag == "button")
            ]

    def handle_endtag(self, tag: str) -> None:
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and ("frame" in self._open or FRAME & set(self._open)):
            self.texts.append(data.strip())


def names_of_data() -> Iterator[str]:
    vocabulary = load_vocabulary()
    yield from (HOSTILE, vocabulary.city.name)
    yield from (department.name for department in vocabulary.departments.values())
    for names in (vocabulary.categories.classes, vocabulary.categories.groups, vocabulary.categories.entries):
        yield from names.values()
    yield from vocabulary.categories.topics.values()
    for codes in vocabulary.code_lists.values():
        yield codes.name
    for contract in CONTRACTS.values():
        yield catalogue_entry(contract, vocabulary).name
        for prop in contract.properties:
            yield prop.business_name


NAMES = sorted(set(names_of_data()), key=len, reverse=True)


def chinese_left(text: str) -> list[str]:
    """Return what is Chinese in a text of the frame, apart from data, law terms in brackets and the switch."""
    for known in NAMES:
        text = text.replace(known, "")
    for term in LAW_TERMS:
        text = text.replace(f"({term})", "")
    return [found for found in CHINESE.findall(text) if found not in ALLOWED]


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
        assert key.startswith("word.") or not CHINESE.findall(bare.replace("“", "").replace("”", "")), key
