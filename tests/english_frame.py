"""What of a page is its frame - headings, labels, buttons, menu, what went wrong - and what of that is Chinese in an English page."""

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
SAID = {"fault", "field-fault", "told", "wrong", "notice", "lacking"}  # what went wrong, and what to do
SPOKEN = ("aria-label", "placeholder", "title", "alt", "value")
CHINESE = re.compile(r"[㐀-鿿＀-￯、。《》“”]+")
LAW_TERMS = {
    term for text in held_texts("en").values() for term in re.findall(r"\(([㐀-鿿]+)\)", text)
}  # 数据打架, 数源 …: stated once in English with the term of the law beside it
ALLOWED = {"中文"}  # the switch back is written in the language it leads to


class Frame(HTMLParser):
    """Collects the texts of the frame: headings, table headings, labels, buttons, the menu, and what is read aloud.

    ``only_said`` leaves what went wrong and what to do.
    """

    def __init__(self, text: str, *, only_said: bool = False) -> None:
        super().__init__()
        self._only_said = only_said
        self._open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("input", "meta", "link", "img", "br", "rect", "path"):
            is_said = given.get("role") in ("alert", "status") or SAID & set((given.get("class") or "").split())
            is_frame = is_said or (not self._only_said and "menu" in (given.get("class") or ""))
            self._open.append("frame" if is_frame else tag)
        if not self._only_said and tag in ("a", "nav", "button", "input", "section", "div", "table", "svg", "img"):
            self.texts += [
                given[name] or "" for name in SPOKEN if name in given and (name != "value" or tag == "button")
            ]

    def handle_endtag(self, tag: str) -> None:
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        frame = set() if self._only_said else FRAME
        if data.strip() and ("frame" in self._open or frame & set(self._open)):
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
        if basis := contract.gov.no_share_basis:
            yield from (basis.reason, f"《{basis.law}》{basis.article}")


NAMES = sorted(set(names_of_data()), key=len, reverse=True)


def chinese_left(text: str) -> list[str]:
    """Return what is Chinese in a text of the frame, apart from data, law terms in brackets and the switch."""
    for known in NAMES:
        text = text.replace(known, "")
    for term in LAW_TERMS:
        text = text.replace(f"({term})", "")
    return [found for found in CHINESE.findall(text) if found not in ALLOWED]
