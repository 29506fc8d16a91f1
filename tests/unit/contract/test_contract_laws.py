from __future__ import annotations

import copy
import io
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contract.diff import diff
from catalog.contract.document import read_document
from catalog.contract.lint import lint_content
from catalog.contract.load import contract_paths, load_contracts, parse_contract

CONTRACTS = load_contracts()
TEXTS = [path.read_bytes() for path in contract_paths()]
TREES = [read_document(text, places=False).data for text in TEXTS]

_ODD = st.sampled_from(
    [None, True, 0, -1, 10**30, 1.5, float("inf"), float("nan"), "", "x", "待填", "国家秘密", "a" * 300, [], {}, [[]],
     [None], {"a": {"b": []}}, {"property": 3}, [{"property": "govItem"}], "1" * 18, "varchar(0)", "decimal(99,99)"]
) | st.text(max_size=20)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))]


def _mutated(tree: Any, data: st.DataObject) -> Any:
    """Return a copy with some parts replaced, removed, renamed or doubled."""
    tree = copy.deepcopy(tree)
    for _ in range(data.draw(st.integers(1, 4))):
        places = [place for place in _places(tree) if place]
        if not places:
            break
        *holder_path, key = data.draw(st.sampled_from(places))
        holder = tree
        for step in holder_path:
            holder = holder[step]
        action = data.draw(st.sampled_from(["replace", "remove", "rename", "double"]))
        if action == "replace":
            holder[key] = copy.deepcopy(data.draw(_ODD))
        elif action == "remove":
            del holder[key]
        elif action == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif action == "rename" and isinstance(holder, dict):
            holder[data.draw(st.text(min_size=1, max_size=10))] = holder.pop(key)
    return tree


def _written(tree: Any) -> bytes:
    stream = io.StringIO()
    yaml.safe_dump(tree, stream, allow_unicode=True, sort_keys=False)
    return stream.getvalue().encode("utf-8", "replace")


def _loads(content: bytes) -> bool:
    try:
        parse_contract(content, "x")
    except ValueError:  # pydantic's and ours
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutated_contract_never_crashes_lint_and_what_does_not_load_has_a_finding(data: st.DataObject) -> None:
    content = _written(_mutated(data.draw(st.sampled_from(TREES)), data))
    findings = lint_content(content, "catalog/contracts/gaj/resident.odcs.yaml")
    assert all(f.line >= 1 and f.column >= 1 and f.message and f.source for f in findings)
    if not _loads(content):
        assert any(finding.severity == "error" for finding in findings)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_bytes_never_crash_lint(data: st.DataObject) -> None:
    text = bytearray(data.draw(st.sampled_from(TEXTS)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8))
    findings = lint_content(bytes(text), "x.odcs.yaml")
    assert _loads(bytes(text)) or any(finding.severity == "error" for finding in findings)


@given(st.sampled_from(sorted(CONTRACTS)))
def test_a_contract_does_not_differ_from_itself(key: str) -> None:
    compared = diff(CONTRACTS[key], CONTRACTS[key])
    assert compared.changes == ()
    assert compared.required_bump == "none"
    assert compared.version_fits


@given(st.sampled_from(sorted(CONTRACTS)), st.sampled_from(sorted(CONTRACTS)))
def test_a_difference_is_seen_from_both_sides(first: str, second: str) -> None:
    there, back = diff(CONTRACTS[first], CONTRACTS[second]), diff(CONTRACTS[second], CONTRACTS[first])
    assert {change.field for change in there.changes} == {change.field for change in back.changes}
