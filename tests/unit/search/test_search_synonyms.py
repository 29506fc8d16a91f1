"""Synonyms, and the marks that show why something was found."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.search.marking import pieces, spans
from catalog.search.synonyms import BadSynonyms, Synonyms
from catalog.search.texts import How


def test_the_vocabulary_says_what_people_say() -> None:
    words = Synonyms.read()
    assert "社会保险" in words.of("社保")
    assert "户籍" in words.of("户口")
    assert "企业" in words.of("公司")
    assert "社会保险缴费" in words.of("社保缴费")
    assert words.of("没有这个词") == []


@pytest.mark.parametrize("text", ["a: b", "- [一个]", "- 词", "- [词, 3]"])
def test_a_file_that_is_not_groups_of_words_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "synonyms.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadSynonyms):
        Synonyms.read(file)


@pytest.mark.parametrize(
    ("text", "word", "how", "marked"),
    [
        ("户籍人口信息", "人口", How.INSIDE, ["人口"]),
        ("户籍人口信息", "renkou", How.PINYIN_INSIDE, ["人口"]),
        ("户籍人口信息", "renk", How.PINYIN_INSIDE, ["人口"]),
        ("户籍人口信息", "rkxx", How.INITIALS_INSIDE, ["人口信息"]),
        ("重庆市", "chongq", How.PINYIN_BEGINNING, ["重庆"]),
        ("户籍人口", "户藉人口", How.MISTAKEN, ["户", "人口"]),
        ("ＧＤＰ 总量", "gdp", How.BEGINNING, ["ＧＤＰ"]),
    ],
)
def test_the_part_that_matched_is_marked(text: str, word: str, how: How, marked: list[str]) -> None:
    assert [text[start:end] for start, end in spans(text, word, how)] == marked


@given(st.text(max_size=20), st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), max_size=4))
def test_cut_pieces_are_the_text(text: str, marks: list[tuple[int, int]]) -> None:
    cut = pieces(text, [(min(mark), max(mark)) for mark in marks])
    assert "".join(part for part, _ in cut) == text
    assert all(one[1] != other[1] for one, other in itertools.pairwise(cut))
