"""Contracts that the platform writes: the same bytes for the same content, and read again as what was written."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalog.contract.document import read_document
from catalog.contract.load import contract_paths, read_yaml
from catalog.contract.writing import canonical, contract_text

WORD = st.text(max_size=30) | st.sampled_from(
    ["1e5", "no", "0x1f", "1_000", "null", "~", "", "'", "2026-01-01", "# x", "-"]
)
VALUE = st.recursive(
    WORD | st.integers(-9999, 9999) | st.booleans() | st.none(), lambda v: st.lists(v, max_size=3), max_leaves=4
)


def test_built_in_contracts_keep_their_content_and_mostly_their_bytes() -> None:
    same = 0
    for path in contract_paths():
        data = read_yaml(path)
        text = contract_text(data)
        assert canonical(data) == data
        assert read_document(text.encode()).data == data
        assert contract_text(read_document(text.encode()).data) == text
        same += text == path.read_text("utf-8")
    assert same >= 25


@given(st.dictionaries(st.sampled_from(["name", "version", "domain", "other"]), VALUE))
def test_every_value_is_read_as_it_was_written(content: dict[str, Any]) -> None:
    read = read_document(contract_text(content).encode("utf-8", "surrogatepass"))
    assert read.faults == []
    assert (read.data or {}) == content


def test_the_order_of_keys_does_not_count() -> None:
    data = read_yaml(contract_paths()[0])
    turned = dict(reversed(list(data.items())))
    turned["customProperties"] = list(reversed(data["customProperties"]))
    assert contract_text(turned) == contract_text(data)
