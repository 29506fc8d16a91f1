"""What the wizard's forms do to a draft: texts become values, what is not shown stays, what follows from others is derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.cataloguing.drafting import Proposer, filled_table, source_of
from catalog.cataloguing.form import (
    ENTRY_FIELDS,
    ITEM_FIELDS,
    Choices,
    FormFault,
    FormField,
    fold_contract,
    place,
    read,
    shown,
    unfold_contract,
    value_at,
)
from catalog.cataloguing.published import Published
from catalog.cataloguing.words import field_label
from catalog.contract.checks.subject import PLACEHOLDER

MOST_ITEMS = 140
_HEADINGS = {field.path: field.heading for field in ENTRY_FIELDS}
_ITEM_HEADINGS = {field.path: field.heading for field in ITEM_FIELDS}
_DERIVED = frozenset({"dept", "provider_code"})
_SHARED = frozenset({"scope", "purposes"})
_BASIS = frozenset({"basis_law", "basis_article", "basis_reason"})


@dataclass(frozen=True)
class WrongText:
    """A text that a field does not take: the field's name in the form, its heading, what it takes."""

    name: str
    heading: str
    message: str


def fields_of(step: str) -> tuple[FormField, ...]:
    """Return the fields that a step of the wizard asks for."""
    return tuple(field for field in ENTRY_FIELDS if field.step == step and field.name not in _DERIVED)


def texts_of(folded: Mapping[str, Any], fields: Sequence[FormField], choices: Choices) -> dict[str, str]:
    """Return the text of each field; what is still to be filled in is shown empty. A code stands without its label."""
    texts = {}
    for field in fields:
        value = value_at(folded, field.path)
        is_code = field.kind in ("code", "number_code") and value is not None
        texts[field.name] = "" if _is_open(value) else str(value) if is_code else shown(field, value, choices)
    return texts


def edited(
    document: Mapping[str, Any],
    step: str,
    texts: Mapping[str, str],
    choices: Choices,
    published: Published,
    *,
    taken_codes: Callable[[], Sequence[str]] = tuple,
) -> tuple[dict[str, Any], list[WrongText]]:
    """Return the draft with one step's texts, and the texts that no field takes.

    ``taken_codes`` gives the codes of proposals under way, of which none is proposed.
    """
    folded, columns = fold_contract(document)
    wrong, before = [], value_at(folded, ("gov", "govFormat"))
    for field in fields_of(step):
        if field.name not in texts:
            continue
        try:
            _put(folded, field, texts[field.name], choices)
        except FormFault as error:
            wrong.append(WrongText(field.name, field.heading, str(error)))
    _follow(folded, step, before, published, taken_codes)
    return filled_table(unfold_contract(folded, columns)), wrong


def edited_items(
    document: Mapping[str, Any], rows: Sequence[Mapping[str, str]], choices: Choices, published: Published
) -> tuple[dict[str, Any], list[WrongText]]:
    """Return the draft with the rows of the grid as its columns; ``origin`` in a row names the column that it was."""
    folded, columns = fold_contract(document)
    held = {str(column.get("name")): column for column in columns}
    proposer, taken, wrong, made = Proposer(published), set[str](), [], []
    for number, row in enumerate(rows):
        if not any(text.strip() for name, text in row.items() if name not in ("origin", "required", "primary_key")):
            continue
        column: dict[str, Any] = dict(held.get(row.get("origin", ""), {}))
        before = {**column, "gov": dict(column.get("gov", {}))}
        for field in ITEM_FIELDS:
            if field.name not in row:
                continue
            try:
                _put(column, field, row[field.name], choices)
            except FormFault as error:
                wrong.append(WrongText(f"items-{number}-{field.name}", field.heading, str(error)))
        made.append(_settled(column, before, proposer, taken))
    _number_keys(made)
    return filled_table(unfold_contract(folded, made or columns)), wrong


def rows_of(document: Mapping[str, Any], choices: Choices) -> list[dict[str, str]]:
    """Return the rows of the grid."""
    _, columns = fold_contract(document)
    return [{**texts_of(column, ITEM_FIELDS, choices), "origin": str(column.get("name", ""))} for column in columns]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (field, before, after) of everything that differs between two contents, in the words of the form."""
    old, new = _leaves(before), _leaves(after)
    return [
        (label, old.get(label, ""), new.get(label, ""))
        for label in dict.fromkeys([*old, *new])
        if old.get(label, "") != new.get(label, "")
    ]


def _is_open(value: Any) -> bool:
    """Tell whether a value is still to be filled in."""
    return value == PLACEHOLDER or (isinstance(value, list) and PLACEHOLDER in value)


def _put(folded: dict[str, Any], field: FormField, text: str, choices: Choices) -> None:
    value = read(field, text, choices)
    if value is None and _is_open(value_at(folded, field.path)):
        return
    if field.kind == "flag" and value is False and field.path[0] != "gov":
        value = None  # a column that is not required says nothing of it
    place(folded, field.path, value)


def _follow(
    folded: dict[str, Any],
    step: str,
    before: Any,
    published: Published,
    taken_codes: Callable[[], Sequence[str]],
) -> None:
    """Derive what follows from the step's answers: provider, source, a free code, what a sharing type excludes."""
    dept, gov = str(folded.get("domain", "")), folded.setdefault("gov", {})
    if step == "basics":
        department = published.vocabulary.departments.get(dept)
        if department is not None:
            gov["govProviderCode"] = department.credit_code
        code = gov.get("govFormat")
        held = gov.get("govSource") if isinstance(gov.get("govSource"), dict) else {}
        usual = source_of(str(code), dept, str(folded.get("schema", {}).get("name", "")))
        if code != before and held.get("kind") != usual["kind"]:
            gov["govSource"] = usual
        category, own = gov.get("govCategory"), str(gov.get("govResourceCode", ""))
        if category and category != PLACEHOLDER and (not own or own == PLACEHOLDER):
            gov["govResourceCode"] = published.next_code(str(category), taken_codes())
    if step == "sharing":
        share_type = gov.get("govShareType")
        excluded = {1: (_SHARED | _BASIS), 2: _BASIS, 3: (_SHARED | {"share_methods"})}.get(share_type, frozenset())
        for field in ENTRY_FIELDS:
            if field.name in excluded:
                place(folded, field.path, None)


def _settled(column: dict[str, Any], before: Mapping[str, Any], proposer: Proposer, taken: set[str]) -> dict[str, Any]:
    """Propose what a new row leaves out; let a changed type, length or item take along what follows from it."""
    named = column.get("name"), column.get("physicalType"), column.get("classification")
    is_same = (
        all(named)
        and column.get("physicalType") == before.get("physicalType")
        and column.get("gov", {}).get("govItem") == before.get("gov", {}).get("govItem")
        and column.get("gov", {}).get("govDataType")
    )
    is_renamed = column.get("businessName") != before.get("businessName")
    if is_renamed and before.get("gov", {}).get("govItem") == PLACEHOLDER:
        column, is_same = _without_guesses(column, before), False
    settled = column if is_same else proposer.column(column, taken)
    taken.add(str(settled.get("name", "")))
    if settled.get("primaryKey"):
        settled["required"] = True
    return settled


def _without_guesses(column: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return a column without what was guessed from the name that it had and was left as guessed."""
    guessed = ("name", "physicalName", "physicalType", "classification")
    kept = {key: value for key, value in column.items() if key not in guessed or value != before.get(key)}
    gov = {name: value for name, value in column.get("gov", {}).items() if value != PLACEHOLDER}
    return {**kept, "gov": gov}


def _number_keys(columns: list[dict[str, Any]]) -> None:
    """Number the key columns from 1 in the order that they have, new ones last."""
    keys = [column for column in columns if column.get("primaryKey")]
    keys.sort(key=lambda column: column.get("primaryKeyPosition") or len(columns))
    for position, column in enumerate(keys, start=1):
        column["primaryKeyPosition"] = position
    for column in columns:
        if not column.get("primaryKey"):
            column.pop("primaryKey", None)
            column.pop("primaryKeyPosition", None)


def _leaves(document: Mapping[str, Any]) -> dict[str, str]:
    folded, columns = fold_contract(document)
    found: dict[str, str] = {}
    _walk(folded, (), found, "", _HEADINGS)
    for column in columns:
        name = str(column.get("businessName") or column.get("name"))
        _walk(column, (), found, f"{name} · ", _ITEM_HEADINGS)
    return found


def _walk(
    node: Any, path: tuple[str, ...], found: dict[str, str], prefix: str, headings: Mapping[tuple[str, ...], str]
) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _walk(value, (*path, key), found, prefix, headings)
        return
    plain = ".".join(step for step in path if step != "gov")
    label = f"{prefix}{headings.get(path) or field_label(plain)}"
    text = _said(node)
    while label in found:
        label += " "
    found[label] = text


def _said(value: Any) -> str:
    if isinstance(value, list):
        return "、".join(_said(part) for part in value)
    if isinstance(value, dict):
        return " ".join(_said(part) for part in value.values())
    return {True: "是", False: "否"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def form_of(document: Mapping[str, Any], choices: Choices) -> list[tuple[str, str]]:
    """Return (heading, text) of every field of the form that is filled in."""
    folded, _ = fold_contract(document)
    texts = [(field.heading, shown(field, value_at(folded, field.path), choices)) for field in ENTRY_FIELDS]
    return [(heading, text) for heading, text in texts if text]


def items_of(document: Mapping[str, Any], choices: Choices) -> list[dict[str, str]]:
    """Return the columns with every field as the form shows it, by the field's name."""
    _, columns = fold_contract(document)
    return [
        {field.name: shown(field, value_at(column, field.path), choices) for field in ITEM_FIELDS} for column in columns
    ]
