"""Blocks of text become UTF-8 whole; lines in another encoding are found and kept readable."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.sources import encoding
from lakehouse.sources.encoding import to_utf8

HAN = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=4, max_size=12)
ASCII = st.text(alphabet="abc123,", min_size=1, max_size=20)


def test_a_gb18030_block_is_decoded_whole() -> None:
    text = "编号,姓名\n1,张三\n2,𠮷田\n"
    assert to_utf8(text.encode("gb18030"), "gb18030") == encoding.Decoded(text.encode(), [])


@pytest.mark.parametrize("line", ["2,李四\n", "2,阿依努尔·买买提\n", "2,（备注）\n"])
def test_a_pasted_utf8_line_is_found_though_it_decodes(line: str) -> None:
    head, tail = "编号,姓名\n1,张三\n".encode("gb18030"), "3,王五\n".encode("gb18030")
    decoded = to_utf8(head + line.encode() + tail, "gb18030")
    assert decoded.text.decode() == "编号,姓名\n1,张三\n" + line + "3,王五\n"
    assert decoded.foreign_lines == [len(head)]


@pytest.mark.parametrize("text", ["联通\n", "移动,联通\n", "中国,123\n", "abc\n"])
def test_short_gb18030_lines_that_look_like_utf8_are_left_alone(text: str) -> None:
    assert to_utf8(text.encode("gb18030"), "gb18030") == encoding.Decoded(text.encode(), [])


def test_a_gb18030_line_in_a_utf8_file_is_found() -> None:
    head = "编号\n甲\n".encode()
    decoded = to_utf8(head + "乙丙丁\n".encode("gb18030") + "戊\n".encode(), "utf-8")
    assert decoded.text.decode() == "编号\n甲\n乙丙丁\n戊\n"
    assert decoded.foreign_lines == [len(head)]


def test_a_line_in_no_encoding_is_reported_and_its_neighbours_are_whole() -> None:
    decoded = to_utf8("甲\n".encode("gb18030") + b"5,\xff\xff\n" + "乙\n".encode("gb18030"), "gb18030")
    lines = decoded.text.decode().split("\n")
    assert (lines[0], lines[2]) == ("甲", "乙")
    assert lines[1].startswith("5,")
    assert len(decoded.foreign_lines) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(HAN, ASCII, st.booleans()), min_size=1, max_size=30))
def test_exactly_the_foreign_lines_are_reported(lines: list[tuple[str, str, bool]]) -> None:
    data, expected = b"", []
    for han, ascii_text, foreign in lines:
        if foreign:
            expected.append(len(data))
        data += f"{ascii_text},{han}\n".encode("utf-8" if foreign else "gb18030")
    decoded = to_utf8(data, "gb18030")
    assert set(expected) <= set(decoded.foreign_lines)
    wrong = set(decoded.foreign_lines) - set(expected)
    assert not wrong, "a line of GB18030 that is also Chinese in UTF-8 is not made of four characters"
    assert decoded.text.decode() == "".join(f"{ascii_text},{han}\n" for han, ascii_text, _ in lines)


def test_both_converters_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ("张三李四，１２３\n" * 50 + "𠮷\n").encode("gb18030") + b"\x81\n" + "尾\n".encode("gb18030")
    fast = to_utf8(data, "gb18030")
    monkeypatch.setattr(encoding, "_converter", lambda _: encoding._codec_gb18030)
    assert to_utf8(data, "gb18030") == fast
