"""The list: words, facets with counts, order and pages; every address can be shared."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.api.listed import Listed
from catalog.api.search import FACETS, PAGE_SIZE, SORTS, Found, Listing, Query
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.search.entries import EntryIndex
from catalog.search.synonyms import Synonyms

WORDS = load_vocabulary()
LINES = [
    Listed(catalogue_entry(c, WORDS), c.dept, c.topic, c.topic, c.gov.category[:3], number * 7 % 11, "按时", None, None)
    for number, c in enumerate(load_contracts().values())
]
LISTING = Listing(LINES, EntryIndex([line.entry for line in LINES], Synonyms.read()))


def search(query: Query) -> Found:
    return LISTING.search(query)


def ask(address: str) -> Query:
    return Query.read(parse_qsl(urlsplit(address).query))


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("户籍人口", "gaj.resident"),
        ("hjrk", "gaj.resident"),
        ("hujirenkou", "gaj.resident"),
        ("101001", "gaj.resident"),
        ("gaj.resident", "gaj.resident"),
        ("公安局 户籍人口", "gaj.resident"),
        ("RESIDENT_ID", "gaj.resident"),
        ("公民身份号码", "gaj.resident"),
    ],
)
def test_words_find_a_resource_by_name_code_items_pinyin_and_initials(words: str, key: str) -> None:
    found = search(Query(words, {}, "", 1))
    assert key in {line.entry.key for line in found.lines}
    assert found.total < len(LINES)
    assert found.why[key]


@pytest.mark.parametrize(
    ("words", "key", "field", "marked", "way"),
    [
        ("户籍", "gaj.resident", "名称", "户籍", ""),
        ("hjrk", "gaj.resident", "名称", "户籍人口", "首字母"),
        ("hujirenk", "gaj.resident", "名称", "户籍人口", "拼音"),
        ("户藉人口", "gaj.resident", "名称", "户籍人口", "近似"),
        ("户口", "gaj.resident", "名称", "户籍", "同义词"),
        ("公民身份号码", "gaj.resident", "信息项", "公民身份号码", ""),
        ("市公安局", "gaj.resident", "提供单位", "市公安局", ""),
    ],
)
def test_a_result_says_where_and_how_it_matched(words: str, key: str, field: str, marked: str, way: str) -> None:
    reasons = search(Query(words, {}, "", 1)).why[key]
    said = [(r.field, "".join(part for part, is_marked in r.parts if is_marked), r.way) for r in reasons]
    found_marks = [(f, m, w) for f, m, w in said if f == field and w == way]
    assert found_marks
    assert all(set(mark) <= set(marked) for _, mark, _ in found_marks)


def test_the_best_match_comes_first() -> None:
    assert search(Query("户籍人口", {}, "", 1)).lines[0].entry.key == "gaj.resident"


def test_the_third_level_of_the_tree_opens_below_what_is_chosen() -> None:
    shut = {choice.value for choice in search(Query("", {}, "", 1)).facets["group"]}
    opened = search(Query("", {"group": frozenset({"101"})}, "", 1))
    assert {len(value) for value in shut} == {1, 3}
    assert "101001" in {choice.value for choice in opened.facets["group"]}
    below = search(Query("", {"group": frozenset({"101001"})}, "", 1))
    assert 0 < below.total <= opened.total


def test_all_words_must_match() -> None:
    assert search(Query("户籍人口 没有这个词", {}, "", 1)).total == 0


def test_counts_tell_what_a_choice_would_leave() -> None:
    before = search(Query("", {}, "", 1))
    for facet in FACETS:
        assert sum(choice.count for choice in before.facets[facet.name] if choice.depth == 0) == len(LINES)
        for choice in before.facets[facet.name]:
            after = search(Query("", {facet.name: frozenset({choice.value})}, "", 1))
            assert after.total == choice.count


def test_two_values_of_one_facet_widen_and_two_facets_narrow() -> None:
    one = search(ask("/catalogue?share=1")).total
    both = search(ask("/catalogue?share=1&share=2")).total
    narrowed = search(ask("/catalogue?share=1&share=2&dept=gaj")).total
    assert one < both
    assert narrowed < both


def test_pages_are_disjoint_and_complete() -> None:
    pages = search(Query("", {}, "", 1)).pages
    keys = [line.entry.key for page in range(1, pages + 1) for line in search(Query("", {}, "", page)).lines]
    assert sorted(keys) == sorted(line.entry.key for line in LINES)
    assert pages == -(-len(LINES) // PAGE_SIZE)


@pytest.mark.parametrize("sort", SORTS)
def test_sorting_the_other_way_round_reverses(sort: str) -> None:
    up = [SORTS[sort](line) for line in search(Query("", {}, sort, 1)).lines]
    down = [SORTS[sort](line) for line in search(Query("", {}, f"-{sort}", 1)).lines]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)


names = st.sampled_from([facet.name for facet in FACETS])
values = st.text(min_size=1, max_size=12)


@given(st.text(max_size=30), st.dictionaries(names, st.frozensets(values, min_size=1, max_size=2)), st.integers(1, 50))
def test_an_address_says_the_whole_query(words: str, chosen: dict[str, frozenset[str]], page: int) -> None:
    query = Query(words.strip(), chosen, "-rows", page)
    assert ask(query.url()) == query


@given(st.lists(st.tuples(st.one_of(names, st.sampled_from(["q", "page", "sort", "x"])), st.text(max_size=200))))
def test_any_address_opens(params: list[tuple[str, str]]) -> None:
    found = search(Query.read(params))
    assert 1 <= found.page <= found.pages
    assert len(found.lines) <= PAGE_SIZE


def test_a_choice_switches_on_and_off() -> None:
    query = ask("/catalogue?share=2")
    assert ask(query.toggled("share", "1")).chosen == {"share": {"1", "2"}}
    assert ask(query.toggled("share", "2")).chosen == {}
    assert query.cleared() == "/catalogue"


def test_a_column_sorts_one_way_then_the_other_then_not() -> None:
    first = ask("/catalogue").sorted_by("rows")
    second = ask(first).sorted_by("rows")
    assert (ask(first).sort, ask(second).sort, ask(ask(second).sorted_by("rows")).sort) == ("-rows", "rows", "")
