"""Names are found as they stand, by pinyin, by initials and with one mistake; whatever is typed is answered quickly."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin

from catalog.search.arrays import BadIndex, save
from catalog.search.divisions import Change, Division, division_things, read_changes, write_changes
from catalog.search.names import Match, Named, NameIndex, build_names
from catalog.search.texts import How

DIVISIONS = [
    Division("33", "浙江省", 1),
    Division("3301", "杭州市", 2),
    Division("330102", "上城区", 3),
    Division("330106", "西湖区", 3),
    Division("330106001", "北山街道", 4),
    Division("330106013", "文新街道", 4),
    Division("330106013001", "骆家庄社区", 5),
    Division("330106013002", "星洲社区", 5),
    Division("330106013003", "Ａ区3号村", 5),
    Division("330110", "余杭区", 3),
    Division("330113", "临平区", 3),
    Division("3302", "宁波市", 2),
    Division("330225", "象山县", 3),
    Division("330225001", "文新街道", 4),
    Division("50", "重庆市", 1),
    Division("500117", "合川区", 3),
    Division("341500", "六安市", 2),
    Division("130225", "乐亭县", 3),
]
CHANGES = [
    Change(1994, "撤县设市", "330125", "余杭县", "浙江省/杭州市", "330184", "余杭市", "浙江省/杭州市"),
    Change(2001, "撤市设区", "330184", "余杭市", "浙江省/杭州市", "330110", "余杭区", "浙江省/杭州市"),
    Change(2021, "撤县设区", "330110", "余杭区", "浙江省/杭州市", "330113", "临平区", "浙江省/杭州市"),
]
THINGS = division_things(DIVISIONS, CHANGES)
INDEX = NameIndex.load(build_names(THINGS))
NAMES = st.sampled_from([division for division in DIVISIONS if len(division.name) > 2])


def found(query: str, limit: int = 10) -> list[str]:
    return [match.ref for match in INDEX.search(query, limit)]


def hows(matches: list[Match], ref: str) -> list[How]:
    return [how for match in matches if match.ref == ref for _, how in match.words]


@given(NAMES, st.data())
def test_every_piece_of_a_name_finds_it(division: Division, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(division.name) - 1))
    end = data.draw(st.integers(start + 1, len(division.name)))
    assert division.code in found(division.name[start:end], 50)


@given(NAMES, st.data())
def test_pinyin_of_every_beginning_of_a_name_finds_it(division: Division, data: st.DataObject) -> None:
    whole = "".join(lazy_pinyin(division.name.replace("Ａ", "A")))
    typed = whole[: data.draw(st.integers(2, len(whole)))]
    assert division.code in found(typed, 50)


@given(NAMES)
def test_initials_of_a_name_find_it(division: Division) -> None:
    initials = "".join(lazy_pinyin(division.name.replace("Ａ", "A"), style=Style.FIRST_LETTER))
    assert division.code in found(initials, 50)


@given(NAMES, st.data())
def test_one_mistake_in_characters_or_pinyin_is_forgiven(division: Division, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([division.name, "".join(lazy_pinyin(division.name.replace("Ａ", "A")))]))
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("码xq"))
    made = data.draw(
        st.sampled_from(
            [
                text[:at] + text[at + 1 :],
                text[:at] + other + text[at:],
                text[:at] + other + text[at + 1 :],
                text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
            ]
        )
    )
    if other == "码" and made.isascii() != text.isascii():
        return  # a character among letters is no typing mistake
    assert division.code in found(made, 50)


def test_two_mistakes_are_not_forgiven() -> None:
    assert found("骆码码社区") == []


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("西湖区 文新", "330106013"),
        ("象山 文新街道", "330225001"),
        ("西湖区文新街道", "330106013"),
        ("xihuqu wenxin", "330106013"),
        ("xsx wxjd", "330225001"),
        ("chongqing", "50"),
        ("luan", "341500"),
        ("laoting", "130225"),
        ("西胡区", "330106"),
        ("Ａ区３号村", "330106013003"),
        ("a区3", "330106013003"),
    ],
)
def test_the_best_comes_first(query: str, first: str) -> None:
    assert found(query)[0] == first


def test_a_word_in_a_name_above_does_not_find_by_itself() -> None:
    assert found("西湖区") == ["330106"]
    assert "330106013001" not in found("西湖区 文新街道")


def test_an_old_name_comes_with_what_it_is_now() -> None:
    became = INDEX.search("余杭县")[0].more["became"]
    assert [(line["year"], line["name"], line["code"]) for line in became] == [(1994, "余杭区", "330110")]


def test_what_is_a_name_of_today_is_no_old_name() -> None:
    assert [match.level for match in INDEX.search("余杭区") if match.name == "余杭区"] == [3]


def test_an_index_says_how_it_found() -> None:
    assert hows(INDEX.search("西湖区"), "330106") == [How.WHOLE]
    assert hows(INDEX.search("xihu"), "330106") == [How.PINYIN_BEGINNING]
    assert hows(INDEX.search("xhq"), "330106") == [How.INITIALS]
    assert hows(INDEX.search("溪湖区"), "330106") == [How.SAME_SOUND]


HOSTILE = [
    "",
    " \t\u3000",
    "x" * 100_000,
    "村" * 100_000,
    "a b " * 50_000,
    "\x00\x1b[31m\u202e西湖区",
    "%' or 1=1; drop table division; --",
    "(.*)+$^[",
    "😀" * 50,
    "\ud800西湖\udfff",
    "ｘｉｈｕｑｕ",
    "\\u0000",
    "xianxianxianxianxianxianxianxianxianxianxianxianxianxianxianxianxianxianxianxianxian",
]


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_queries_are_answered_quickly(query: str) -> None:
    started = time.process_time()
    INDEX.search(query)
    assert time.process_time() - started < 0.5


@given(st.text())
def test_any_text_is_answered(query: str) -> None:
    assert len(INDEX.search(query)) <= 10


def test_control_characters_separate_words() -> None:
    assert found("\x00\x1b西湖区\x00")[0] == "330106"


def test_fullwidth_letters_are_letters() -> None:
    assert found("ｘｉｈｕｑｕ")[0] == "330106"


def test_a_file_gives_the_same_as_memory_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    content = build_names(THINGS)
    save(tmp_path / "index", content)
    assert [match.ref for match in NameIndex.open(tmp_path / "index").search("文新")] == found("文新")
    for damage in (b"", b"something else", content[: len(content) // 2]):
        (tmp_path / "index").write_bytes(damage)
        with pytest.raises((BadIndex, ValueError)):
            NameIndex.open(tmp_path / "index")


def test_things_out_of_their_tree_are_refused() -> None:
    with pytest.raises(ValueError, match="apart"):
        build_names([Named("a", "甲", 1), Named("b", "乙", 1), Named("c", "丙", 2, 0)])
    with pytest.raises(ValueError, match="before"):
        build_names([Named("a", "甲", 1, 1), Named("b", "乙", 1)])


def test_changes_survive_a_file() -> None:
    assert read_changes(write_changes(CHANGES)) == CHANGES
    with pytest.raises(ValueError, match="columns"):
        read_changes("a,b\n1,2\n")


@given(st.lists(st.text("西湖文新区街道村abx1（", min_size=1, max_size=6), min_size=1, max_size=20, unique=True))
def test_any_list_of_names_can_be_indexed_and_every_name_finds_itself(names: list[str]) -> None:
    index = NameIndex.load(build_names([Named(str(place), name, 1) for place, name in enumerate(names)]))
    for place, name in enumerate(names):
        assert str(place) in [match.ref for match in index.search(name, 50)]
    pairs = itertools.islice(itertools.permutations(names, 2), 5)
    for one, other in pairs:
        index.search(f"{one} {other}")
