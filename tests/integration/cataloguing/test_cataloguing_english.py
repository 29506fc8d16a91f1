"""What stands in the way of an entry is said in the reader's language: fields, faults of lint, refused steps, bad files."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cataloguing_filling import BASICS, started
from cataloguing_visitors import PEOPLE, Visitor
from english_frame import Frame, chinese_left
from httpx import Response

pytestmark = pytest.mark.integration
TYPED = [*(person.name for person in PEOPLE.values()), *BASICS.values(), "目录.xlsx", "是", "否"]


def chinese_in_what_is_said(answer: Response) -> set[str]:
    """Return what is Chinese in what a page says went wrong, apart from what people typed or are to type."""
    assert '<html lang="en">' in answer.text
    said = Frame(answer.text, only_said=True).texts
    for typed in TYPED:
        said = [text.replace(typed, "") for text in said]
    return {left for text in said for left in chinese_left(text)}


@pytest.fixture
def steward(as_: Callable[[str], Visitor]) -> Visitor:
    found = as_("steward")
    found.client.cookies.set("language", "en")
    return found


def test_faults_of_an_empty_entry_are_said_in_english(steward: Visitor) -> None:
    address = started(steward)
    for step in ("basics", "sharing", "assessments", "items", "check"):
        page = steward.get(f"{address}/edit/{step}")
        assert chinese_in_what_is_said(page) == set()
    assert "not filled in" in page.text or "to be filled in" in page.text


def test_texts_that_no_field_takes_are_told_in_english(steward: Visitor) -> None:
    address = started(steward)
    for step, fields in (
        ("basics", {"update_cycle": "weekly", "category": "x"}),
        ("sharing", {"open": "perhaps", "share_type": "9"}),
        ("assessments", {"secrecy_on": "yesterday"}),
    ):
        answer = steward.post(f"{address}/edit/{step}", fields, page=f"{address}/edit/{step}")
        assert (answer.status_code, chinese_in_what_is_said(answer)) == (422, set())


def test_a_refused_step_and_a_refused_file_are_told_in_english(steward: Visitor) -> None:
    address = started(steward)
    for kind in ("提交签发", "签发", "审核发布"):
        answer = steward.post(f"{address}/act", {"kind": kind}, page=address)
        assert answer.status_code in (403, 409, 422)
        assert chinese_in_what_is_said(answer) == set()
    assert chinese_in_what_is_said(steward.upload(b"no workbook")) == set()
