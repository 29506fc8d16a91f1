"""What of a page is its frame - headings, labels, buttons, menu - and what of that is Chinese in an English page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.web.texts import held_texts

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
    yield vocabulary.city.name
    yield from (department.name for department in vocabulary.departments.values())
    for names in (vocabulary.categories.classes, vocabulary.categories.groups, vocabulary.categories.entries):
        yield from names.values()
    yield from vocabulary.categories.topics.values()
    for codes in vocabulary.code_lists.values():
        yield codes.name
    for contract in load_contracts().values():
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
