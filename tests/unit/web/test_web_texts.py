"""Every text that a page asks for is there, and no text is left that no page asks for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_texts import spoken_texts, words_in_sentences

from catalog.api.description import openapi
from catalog.api.desk import FORM_WORDS, RECORDS, RUN_WORDS
from catalog.compliance.model import Owner
from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import SharingMethod, UpdateCycle
from catalog.derive.catalogue import catalogue_entry
from catalog.derive.codes import DATA_TYPE_NAMES, FORMAT_NAMES, GRADE_NAMES, SHARE_TYPE_NAMES
from catalog.derive.maturity import Maturity
from catalog.sharing import application, verification
from catalog.sharing.limits import LIMITS
from catalog.sharing.machine import WORDS, Role
from catalog.web.templating import in_two_columns, rule_label, score_level, score_text, texts, thousands
from catalog.web.texts import DEFAULT_LANGUAGE, LANGUAGES, held_texts, speak

DIMENSIONS = ["总分", "规范性", "完整性", "准确性", "一致性", "时效性", "可访问性", "唯一性"]
OTHERS = [*DIMENSIONS, "按时", "逾期", "未供", "是", "否"]
SHARING = (application.State, application.Kind, verification.State, verification.Kind, Role)
KEYS = held_texts(DEFAULT_LANGUAGE).keys()
WEB = Path(__file__).parents[3] / "catalog" / "web"
SOURCES = [*WEB.glob("templates/*.html"), *WEB.glob("*.py")]
# Keys that are put together from a value: their groups are complete lists of those values.
DESK = ("提出校核", "使用时限")  # what is said of a matter beside its events
COMPOSED = {
    "menu",
    "facet",
    "entry",
    "issue",
    "links",
    "outcome",
    "operation",
    "rule",
    "check",
    "table",
    "fault",
    "api",
    "list",
    "compliance",
    "desk_list",
    "desk_kind",
    "desk_light",
    "desk_remind",
    "desk_need",
    "desk_move",
    "desk_hint",
    "trouble",
    "place",
    "happened",
}
# Groups within an area that are put together from a value too.
COMPOSED_GROUPS = (
    "cataloguing.light.",
    "cataloguing.step.",
    "cataloguing.note.",
    "cataloguing.hint.",
    "cataloguing.ask.",
)
USED = {
    key for source in SOURCES for key in re.findall(r"""\b(?:t|texts)\(['"]([\w.-]+)['"]""", source.read_text("utf-8"))
}


def test_every_text_asked_for_is_there() -> None:
    whole = {key for key in USED if not key.endswith((".", "_"))}
    assert len(whole) > 150
    assert whole - KEYS == set()


def test_no_text_is_left_over() -> None:
    left = {key for key in KEYS - USED if key.split(".")[0] not in COMPOSED and not key.startswith(COMPOSED_GROUPS)}
    assert left == set()


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {DEFAULT_LANGUAGE}))
def test_another_language_has_the_same_texts_with_the_same_places(language: str) -> None:
    texts_of = {key: text for key, text in held_texts(language).items() if not key.startswith("word.")}
    assert texts_of.keys() == KEYS
    for key, text in texts_of.items():
        assert _places(text) == _places(held_texts(DEFAULT_LANGUAGE)[key]), key


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {DEFAULT_LANGUAGE}))
def test_the_closed_lists_of_the_vocabulary_have_a_word_in_another_language(language: str) -> None:
    contract = next(iter(load_contracts().values()))
    labels = [label for label, _ in catalogue_entry(contract, load_vocabulary()).labelled()]
    lists = [*FORMAT_NAMES.values(), *SHARE_TYPE_NAMES.values(), *DATA_TYPE_NAMES.values(), *GRADE_NAMES.values()]
    closed = [*labels, *lists, *get_args(UpdateCycle), *get_args(SharingMethod), *get_args(Maturity), *Owner, *OTHERS]
    closed += [*application.State, *application.Kind, *verification.State, *verification.Kind, *Role]
    closed += [*WORDS.values(), *FORM_WORDS.values(), *RUN_WORDS.values(), *DESK]
    closed += [label for record in RECORDS.values() for label in record.values()]
    closed += [*(limit.name for limit in LIMITS.values()), *(word for kinds in SHARING for word in kinds), "提出校核"]
    for path, item in openapi(load_contracts(), load_vocabulary())["paths"].items():
        if "{" in path or not path.startswith("/api/v1/data/"):
            closed += [item["get"]["summary"], *item["get"]["tags"]]
    closed += [*spoken_texts(), *words_in_sentences()]
    words = {key.removeprefix("word.") for key in held_texts(language) if key.startswith("word.")}
    assert words == set(map(str, closed))


def test_a_word_without_translation_stays_as_it_is() -> None:
    assert texts.word("无条件共享") == "无条件共享"
    speak("en")
    try:
        assert texts.word("无条件共享") == "Unconditional"
        assert texts.word("市公安局") == "市公安局"
    finally:
        speak(DEFAULT_LANGUAGE)


def _places(text: str) -> set[str]:
    """Return the names in braces that are filled in."""
    return set(re.findall(r"{(\w+)}", text))


def test_a_missing_text_is_an_error_and_never_a_bare_key() -> None:
    with pytest.raises(KeyError):
        texts("no.such.text")


def test_rules_are_said_in_words() -> None:
    contract = load_contracts()["gaj.resident"]
    assert rule_label("resident_id.checksum", contract) == "公民身份号码 · 校验码"
    assert rule_label("key.duplicate", contract) == "主键重复"
    assert rule_label("required") == "必填"
    assert rule_label("made.up") == "made · up"
    assert rule_label(None) == "—"


def test_a_score_is_never_rounded_up_to_perfect() -> None:
    assert (score_text(99.99), score_text(100.0), score_text(None)) == ("99.9", "100", "—")
    assert [score_level(value) for value in (100, 98, 97.9, 89, None)] == ["good", "good", "fair", "poor", "none"]
    assert (thousands(1234567), thousands(0), thousands(None)) == ("1,234,567", "0", "—")


@given(st.lists(st.tuples(st.just("标签"), st.text(alphabet="甲", max_size=80)), max_size=30))
def test_a_form_of_two_columns_leaves_no_place_empty(fields: list[tuple[str, str]]) -> None:
    laid = in_two_columns(fields)
    assert [(label, text) for label, text, _ in laid] == fields
    half_filled = False
    for _, _, is_wide in laid:
        assert not (is_wide and half_filled)
        half_filled = not is_wide and not half_filled
    assert not half_filled
