"""Any text becomes a name that the other side takes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.exchange.errors import ExchangeError
from catalog.exchange.names import NAME_LENGTH, decoded, encoded

HOSTILE = [
    "",
    "%",
    "a.b",
    "a::b",
    "<#E::table>",
    'say "no"',
    "__reserved__colon__",
    "中文",
    "a\nb",
    "\ud800",
    "%20",
    "a" * 256,
]


@given(st.text(alphabet=st.characters(), max_size=20))
def test_a_name_gives_its_text_back(text: str) -> None:
    assert decoded(encoded(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gives_itself_back(text: str) -> None:
    assert decoded(encoded(text)) == text


@given(st.text(alphabet=st.characters(), max_size=20))
def test_a_name_has_nothing_that_separates_names(text: str) -> None:
    name = encoded(text)
    assert name
    assert not set(name) & set('.:><"\n\r\t ')
    assert "__reserved__" not in name


@given(st.lists(st.text(max_size=10), unique=True))
def test_different_texts_have_different_names(texts: list[str]) -> None:
    assert len({encoded(text) for text in texts}) == len(texts)


def test_plain_names_stay_as_they_are() -> None:
    assert encoded("case_kind-2") == "case_kind-2"
    assert encoded("户籍人口") == "户籍人口"


def test_a_text_that_is_too_long_for_a_name_is_refused() -> None:
    with pytest.raises(ExchangeError, match=f"at most {NAME_LENGTH}"):
        encoded("a" * (NAME_LENGTH + 1))
