"""The list: words, facets with counts, order and pages; every address can be shared."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.api.reads import Listed
from catalog.api.search import FACETS, PAGE_SIZE, SORTS, Query, matches, search
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.derive.catalogue import catalogue_entry

WORDS = load_vocabulary()
LINES = [
    Listed(catalogue_entry(c, WORDS), c.dept, c.topic, c.topic, c.gov.category[:3], number * 7 % 11, "按时", None, None)
    for number, c in enumerate(load_contracts().values())
]


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
    found = search(LINES, Query(words, {}, "", 1))
    assert key in {line.entry.key for line in found.lines}
    assert found.total < len(LINES)
    assert found.why[key]


def test_all_words_must_match() -> None:
    assert search(LINES, Query("户籍人口 没有这个词", {}, "", 1)).total == 0


def test_one_letter_does_not_match_by_sound() -> None:
    assert not matches("h", "户籍")
    assert matches("hj", "户籍")


def test_counts_tell_what_a_choice_would_leave() -> None:
    before = search(LINES, Query("", {}, "", 1))
    for facet in FACETS:
        assert sum(choice.count for choice in before.facets[facet.name]) == len(LINES)
        for choice in before.facets[facet.name]:
            after = search(LINES, Query("", {facet.name: frozenset({choice.value})}, "", 1))
            assert after.total == choice.count


def test_two_values_of_one_facet_widen_and_two_facets_narrow() -> None:
    one = search(LINES, ask("/catalogue?share=1")).total
    both = search(LINES, ask("/catalogue?share=1&share=2")).total
    narrowed = search(LINES, ask("/catalogue?share=1&share=2&dept=gaj")).total
    assert one < both
    assert narrowed < both


def test_pages_are_disjoint_and_complete() -> None:
    pages = search(LINES, Query("", {}, "", 1)).pages
    keys = [line.entry.key for page in range(1, pages + 1) for line in search(LINES, Query("", {}, "", page)).lines]
    assert sorted(keys) == sorted(line.entry.key for line in LINES)
    assert pages == -(-len(LINES) // PAGE_SIZE)


@pytest.mark.parametrize("sort", SORTS)
def test_sorting_the_other_way_round_reverses(sort: str) -> None:
    up = [SORTS[sort](line) for line in search(LINES, Query("", {}, sort, 1)).lines]
    down = [SORTS[sort](line) for line in search(LINES, Query("", {}, f"-{sort}", 1)).lines]
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
    found = search(LINES, Query.read(params))
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
