"""What Python says to people has English beside it, with the same parts; a page says it in the language of its reader."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from string import Formatter

import pytest
from spoken_texts import CHINESE, spoken_texts, words_in_sentences

from catalog.access.person import Doing, Person, permit
from catalog.contract.message import Message
from catalog.sharing.machine import IllegalMove
from catalog.web.templating import texts
from catalog.web.texts import DEFAULT_LANGUAGE, held_texts, speak


@pytest.fixture(autouse=True)
def _chinese_again() -> Iterator[None]:
    yield
    speak(DEFAULT_LANGUAGE)


def parts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_sentence_has_english_with_the_same_parts() -> None:
    english, said = held_texts("en"), spoken_texts()
    assert len(said) > 200
    assert {text: place for text, place in said.items() if f"word.{text}" not in english} == {}
    unlike = [text for text in (*said, *words_in_sentences()) if parts_of(text) != parts_of(english[f"word.{text}"])]
    assert unlike == []


def test_a_sentence_is_said_in_the_language_of_the_reader_with_its_parts() -> None:
    refusal = permit(Person("a", "甲", "gaj", frozenset()), Doing.SEE_COMPLIANCE).reason
    assert refusal == "“查看履职情况”由编目员、部门负责人办理，您没有这个岗位"
    assert texts.word(refusal) == refusal
    speak("en")
    said = '"see duties" is done by: cataloguer, head of department; you do not hold such a post'
    assert texts.word(refusal) == said
    outer = Message("{name}{reason}", name="户籍人口", reason=Message("不予共享：{reason}", reason="法定"))
    assert texts.word(outer) == "户籍人口: Not shared: 法定"


def test_what_has_no_english_stays_as_it_is() -> None:
    speak("en")
    assert texts.word(Message("没有这句 {x}", x="提交")) == "没有这句 提交"
    assert texts.word("没有这句") == "没有这句"


def test_a_message_stays_one_through_an_exception_and_is_a_text_to_programs() -> None:
    message = Message("没有账号 {account}", account="{x}")
    asked = str(IllegalMove(message))
    assert isinstance(asked, Message)
    assert asked.values == {"account": "{x}"}
    assert json.dumps({"message": message}, ensure_ascii=False) == '{"message": "没有账号 {x}"}'
    for again in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):  # noqa: S301 - our own
        assert (again, again.template) == (message, message.template)


def test_no_english_sentence_has_chinese_but_examples_and_terms_of_the_law() -> None:
    for text in spoken_texts():
        said = held_texts("en")[f"word.{text}"]
        assert not CHINESE.search(said.replace("是 (yes)", "").replace("否 (no)", "").replace("(信息项)", "")), said
