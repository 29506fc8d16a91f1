from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from catalog.contract.document import MAX_BYTES, Place, read_document
from catalog.contract.load import CATALOG_ROOT, VOCABULARY_PARTS, contract_paths

FILES = [*contract_paths(), *(CATALOG_ROOT / "vocabulary" / f"{part}.yaml" for part in VOCABULARY_PARTS)]


def _rules(content: bytes) -> list[str]:
    return [fault.rule for fault in read_document(content).faults]


def test_reads_every_file_like_an_independent_yaml_parser() -> None:
    assert len(FILES) > 30
    reference = YAML(typ="safe", pure=True)
    for path in FILES:
        document = read_document(path.read_bytes())
        assert document.faults == []
        assert document.data == reference.load(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("content", "rule", "line"),
    [
        (b"a: 1\nb: 2\na: 3\n", "yaml.duplicate_key", 3),
        (b"a: &x [1]\nb: *x\n", "yaml.alias", 2),
        (b"a: !!python/object:os.system x\n", "yaml.tag", 1),
        (b"a: !mine [1]\n", "yaml.tag", 1),
        (b"a: 1\n---\nb: 2\n", "yaml.documents", 2),
        (b"a:\n  - x\n\t- y\n", "yaml.syntax", 3),
        (b"a: [1\n", "yaml.syntax", 2),
        (b"a: \x00\n", "yaml.syntax", 1),
        (b"x: 1\n01: a\n", "yaml.key", 2),
        (b"a: " + b"9" * 5000, "yaml.number", 1),
        (b"x: 1\ny: \xff\n", "file.encoding", 2),
        (b"\xef\xbb\xbfa: 1\n", "file.bom", 1),
        (b" \n", "file.empty", 1),
        (b"[" * 100_000, "yaml.syntax", 1),
    ],
)
def test_refuses_what_strict_yaml_does_not_have_and_names_the_line(content: bytes, rule: str, line: int) -> None:
    faults = read_document(content).faults
    assert [(fault.rule, fault.place.line) for fault in faults if fault.rule == rule] == [(rule, line)]


def test_names_the_tab_that_indents() -> None:
    (fault,) = read_document(b"a:\n\tb: 1\n").faults
    assert "tab" in fault.message


def test_refuses_an_alias_bomb_without_unfolding_it() -> None:
    bomb = b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 60))
    assert set(_rules(bomb)) == {"yaml.alias"}


def test_refuses_a_huge_file_before_parsing_it() -> None:
    assert _rules(b"a: b\n" * (MAX_BYTES // 5 + 1)) == ["file.too_large"]


def test_keeps_the_first_of_two_equal_keys_and_its_place() -> None:
    document = read_document(b"a:\n  x: 1\na:\n  x: 2\n")
    assert document.data == {"a": {"x": 1}}
    assert document.place(("a", "x")) == Place(2, 3)


def test_falls_back_to_the_nearest_place_for_a_part_that_is_absent() -> None:
    document = read_document(b"a:\n  b:\n    c: 1\n")
    assert document.place(("a", "b", "missing", 3)) == Place(2, 3)


def test_reads_texts_that_older_yaml_took_for_other_types() -> None:
    data = read_document(b"a: no\nb: 2026-01-15\nc: 12:30\nd: 0o7\ne: 1_000\n").data
    assert data == {"a": "no", "b": "2026-01-15", "c": "12:30", "d": "0o7", "e": "1_000"}


@given(st.binary(max_size=400))
def test_never_raises_on_any_bytes(content: bytes) -> None:
    read_document(content)


# YAML folds the other line breaks of Unicode, and the writer does not escape them.
_TEXT = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=12)
_SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | _TEXT
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_reads_back_what_a_yaml_writer_wrote(value: object) -> None:
    stream = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False  # in flow style, libyaml takes a leading "?" of a key for an indicator
    writer.dump({"held": value}, stream)
    document = read_document(stream.getvalue().encode("utf-8", "surrogatepass"))
    if not document.faults:  # the writer uses aliases for equal objects, which are refused
        assert document.data == {"held": value}
