"""The catalogue form of 发改高技〔2017〕1272号 and what the regulations add: its fields, where each sits in a contract.

One list serves the wizard and the Excel sheets. Fields are paths into a *folded* contract, in which ``customProperties``
are a mapping ``gov``; a value that a field cannot show without loss stays out of it (see :func:`split`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

from catalog.contract.message import Message
from catalog.contract.model import Secrecy, SharingMethod, UpdateCycle
from catalog.contract.vocabulary import Vocabulary
from catalog.contract.writing import canonical
from catalog.derive.codes import DATA_TYPE_NAMES, FORMAT_NAMES, GRADE_NAMES, SHARE_TYPE_NAMES

FieldKind = Literal["text", "long", "code", "number_code", "flag", "list", "date", "number"]
Step = Literal["basics", "items", "sharing", "assessments", "files"]
MOST_OFFERED = 12  # words that a fault lists
LONGEST_CELL = 32_000  # characters; Excel takes 32,767
_SEPARATORS = re.compile(r"[、，,；;\n]+")
_YES, _NO = "是", "否"
_WORDS = {"是": True, "否": False, "true": True, "false": False, "y": True, "n": False, "1": True, "0": False}
# What XML or a spreadsheet would change on the way: control characters, lone halves, escapes of the file format.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff\r]|_x[0-9A-Fa-f]{4}_")


@dataclass(frozen=True)
class FormField:
    """One field: its name in posts, its heading, its path, and the list of codes that it chooses from."""

    name: str
    heading: str
    path: tuple[str, ...]
    kind: FieldKind = "text"
    choices: str = ""
    step: Step = "basics"
    is_guide: bool = False  # a field of 1272号 itself


class FormFault(ValueError):
    """A text that a field does not take; the message says what it takes."""


Choices = Mapping[str, Mapping[str, str]]


def _gov(name: str, *rest: str) -> tuple[str, ...]:
    return ("gov", name, *rest)


ENTRY_FIELDS: tuple[FormField, ...] = (
    FormField("category", "信息资源分类", _gov("govCategory"), "code", "categories", is_guide=True),
    FormField("title", "信息资源名称", ("name",), is_guide=True),
    FormField("resource_code", "信息资源代码", _gov("govResourceCode"), is_guide=True),
    FormField("dept", "信息资源提供方", ("domain",), "code", "departments", is_guide=True),
    FormField("provider_code", "信息资源提供方代码", _gov("govProviderCode"), is_guide=True),
    FormField("summary", "信息资源摘要", ("description", "purpose"), "long", is_guide=True),
    FormField("format", "信息资源格式", _gov("govFormat"), "code", "formats", is_guide=True),
    FormField("share_type", "共享类型", _gov("govShareType"), "number_code", "share_types", "sharing", True),
    FormField("scope", "共享条件", _gov("govShareCondition", "scope"), "long", "", "sharing", True),
    FormField("share_methods", "共享方式", _gov("govShareMethods"), "list", "share_methods", "sharing", True),
    FormField("open", "是否向社会开放", _gov("govOpen"), "flag", "flags", "sharing", True),
    FormField("open_condition", "开放条件", _gov("govOpenCondition"), "long", "", "sharing", True),
    FormField("update_cycle", "更新周期", _gov("govUpdateCycle"), "code", "update_cycles", is_guide=True),
    FormField("published_on", "发布日期", _gov("govAssessments", "sign_off"), "date", "", "files", True),
    FormField("related", "关联资源代码", _gov("govRelated"), "list", "", "sharing", True),
    FormField("purposes", "使用用途", _gov("govShareCondition", "purposes"), "list", "", "sharing"),
    FormField("usage", "使用条件", ("description", "usage"), "long", "", "sharing"),
    FormField("basis_law", "不予共享依据", _gov("govNoShareBasis", "law"), "text", "", "sharing"),
    FormField("basis_article", "不予共享条款", _gov("govNoShareBasis", "article"), "text", "", "sharing"),
    FormField("basis_reason", "不予共享理由", _gov("govNoShareBasis", "reason"), "long", "", "sharing"),
    FormField("reflow", "是否回流数据", _gov("govReflow"), "flag", "flags", "sharing"),
    FormField("secrecy", "涉密情况", _gov("govSecrecy"), "code", "secrecy", "assessments"),
    FormField("secrecy_on", "保密风险评估日期", _gov("govAssessments", "secrecy"), "date", "", "assessments"),
    FormField(
        "privacy_on",
        "个人信息保护影响评估日期",
        _gov("govAssessments", "personal_information"),
        "date",
        "",
        "assessments",
    ),
    FormField("limitations", "限制说明", ("description", "limitations"), "long"),
    FormField("topic", "所属主题库", ("dataProduct",), "code", "topics"),
    FormField("resource", "资源英文名", ("schema", "name")),
    FormField("version", "版本", ("version",), step="files"),
    FormField("status", "状态", ("status",), step="files"),
    FormField("id", "合同标识", ("id",), step="files"),
)
ITEM_FIELDS: tuple[FormField, ...] = (
    FormField("business_name", "信息项名称", ("businessName",), step="items", is_guide=True),
    FormField("data_type", "数据类型", _gov("govDataType"), "code", "data_types", "items", True),
    FormField("name", "信息项英文名", ("name",), step="items"),
    FormField("physical_name", "源字段名", ("physicalName",), step="items"),
    FormField("physical_type", "存储类型", ("physicalType",), step="items"),
    FormField("required", "必填", ("required",), "flag", "flags", "items"),
    FormField("primary_key", "主键", ("primaryKey",), "flag", "flags", "items"),
    FormField("key_position", "主键次序", ("primaryKeyPosition",), "number", "", "items"),
    FormField("grade", "数据分级", ("classification",), "code", "grades", "items"),
    FormField("item", "信息项字典", _gov("govItem"), "code", "items", "items"),
    FormField("code_list", "代码集", _gov("govCodeList"), "code", "code_lists", "items"),
    FormField("mask", "脱敏方式", _gov("govMask"), step="items"),
    FormField("reference", "引用", _gov("govReference"), step="items"),
    FormField("description", "说明", ("description",), "long", "", "items"),
)


def choices_of(vocabulary: Vocabulary) -> dict[str, dict[str, str]]:
    """Return code -> label of every list that fields choose from."""
    categories = vocabulary.categories
    return {
        "categories": {code: categories.path(code) for code in sorted(categories.entries)},
        "departments": {code: department.name for code, department in vocabulary.departments.items()},
        "formats": FORMAT_NAMES,
        "share_types": {str(code): label for code, label in SHARE_TYPE_NAMES.items()},
        "share_methods": {word: word for word in get_args(SharingMethod)},
        "update_cycles": {word: word for word in get_args(UpdateCycle)},
        "secrecy": {word: word for word in get_args(Secrecy)},
        "flags": {_YES: _YES, _NO: _NO},
        "topics": dict(categories.topics),
        "data_types": DATA_TYPE_NAMES,
        "grades": {str(grade): label for grade, label in GRADE_NAMES.items()},
        "items": {name: item.name for name, item in vocabulary.items.items()},
        "code_lists": {name: codes.name for name, codes in vocabulary.code_lists.items()},
    }


def shown(field: FormField, value: Any, choices: Choices) -> str:
    """Return a value as its field shows it; ``""`` for none. A code is shown with its label."""
    if value is None:
        return ""
    match field.kind:
        case "code" | "number_code":
            label = choices[field.choices].get(str(value), "")
            return str(value) if label in ("", str(value)) else f"{value} {label}"
        case "flag":
            return _YES if value is True else _NO if value is False else str(value)
        case "list":
            return "、".join(map(str, value)) if isinstance(value, list) else str(value)
        case _:
            return str(value)


def read(field: FormField, given: object, choices: Choices) -> Any:
    """Return the value that a text (or a cell of a spreadsheet) gives; None for an empty one.

    Raises:
        FormFault: the field does not take it.
    """
    text = cell_text(given)
    if not text:
        return None
    match field.kind:
        case "code":
            return _code(text, choices[field.choices])
        case "number_code":
            return int(_code(text, choices[field.choices]))
        case "flag":
            if text.lower() not in _WORDS:
                raise FormFault(Message("“{text}”应为“是”或“否”", text=text[:40]))
            return _WORDS[text.lower()]
        case "list":
            return [part for part in (piece.strip() for piece in _SEPARATORS.split(text)) if part] or None
        case "date":
            return _date(text)
        case "number":
            if not re.fullmatch(r"\d{1,4}", text):
                raise FormFault(Message("“{text}”应为整数", text=text[:40]))
            return int(text)
        case _:
            return text


def cell_text(given: object) -> str:
    """Return a cell as text: whole numbers without a fraction, dates as YYYY-MM-DD, line ends as one character."""
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    if isinstance(given, datetime):
        return given.date().isoformat() if given.time().isoformat() == "00:00:00" else given.isoformat(" ")
    if isinstance(given, date):
        return given.isoformat()
    if isinstance(given, bool):
        return _YES if given else _NO
    return "" if given is None else str(given).replace("\r\n", "\n").replace("\r", "\n").strip()


def fold(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contract, or a column, with its ``customProperties`` as a mapping ``gov``, where that loses nothing."""
    folded = deepcopy(dict(content))
    entries = folded.get("customProperties")
    if isinstance(entries, list) and all(_is_pair(entry) for entry in entries):
        pairs = {entry["property"]: entry["value"] for entry in entries}
        if len(pairs) == len(entries) and "gov" not in folded:
            del folded["customProperties"]
            folded["gov"] = pairs
    return folded


def unfold(folded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract, or the column, that was folded."""
    content = deepcopy(dict(folded))
    pairs = content.pop("gov", None)
    if pairs is not None:
        content["customProperties"] = [{"property": name, "value": value} for name, value in pairs.items()]
    return content


def fold_contract(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a contract folded, its table a mapping at ``schema``, and its columns folded."""
    folded = fold(document)
    table = dict((folded.get("schema") or [{}])[0])
    columns = [fold(column) for column in table.pop("properties", [])]
    return {**folded, "schema": table}, columns


def unfold_contract(folded: Mapping[str, Any], columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the contract's content in the order of its form."""
    table = {**folded.get("schema", {}), "properties": [unfold(column) for column in columns]}
    return canonical(unfold({**folded, "schema": [table]}))


def split(
    folded: Mapping[str, Any], fields: tuple[FormField, ...], choices: Choices
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the text of each field by its name, and the rest: all that no field shows as it is."""
    rest, texts = deepcopy(dict(folded)), {}
    for field in fields:
        value = value_at(rest, field.path)
        text = shown(field, value, choices)
        if text and _is_faithful(field, text, value, choices):
            texts[field.name] = text
            _drop(rest, field.path)
    return texts, rest


def value_at(folded: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return what stands at a path, None when there is nothing."""
    node: Any = folded
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def place(folded: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a value at a path in place; None takes away what stands there."""
    if value is None:
        _drop(folded, path)
        return
    node = folded
    for step in path[:-1]:
        inner = node.get(step)
        node[step] = inner if isinstance(inner, dict) else {}
        node = node[step]
    node[path[-1]] = value


def _drop(folded: dict[str, Any], path: tuple[str, ...]) -> None:
    """Take away what stands at a path, and what is empty around it then."""
    holders: list[tuple[dict[str, Any], str]] = []
    node: Any = folded
    for step in path:
        if not isinstance(node, dict) or step not in node:
            return
        holders.append((node, step))
        node = node[step]
    for position, (holder, step) in enumerate(reversed(holders)):
        if position and holder[step]:
            return
        del holder[step]


def _is_faithful(field: FormField, text: str, value: Any, choices: Choices) -> bool:
    if UNSAFE.search(text) or len(text) > LONGEST_CELL:
        return False
    try:
        again = read(field, text, choices)
    except FormFault:
        return False
    return type(again) is type(value) and again == value


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.keys() == {"property", "value"} and isinstance(entry["property"], str)


def _code(text: str, codes: Mapping[str, str]) -> str:
    """Return the code that is meant: alone, before its label, or by its label."""
    first = text.split(maxsplit=1)[0]
    for word in (text, first):
        if word in codes:
            return word
    named = [code for code, label in codes.items() if label == text]
    if len(named) == 1:
        return named[0]
    if len(codes) > MOST_OFFERED:
        raise FormFault(Message("“{text}”不在列表中", text=text[:40]))
    raise FormFault(Message("“{text}”不在列表中，可填：{few}", text=text[:40], few=list(codes.values())))


def _date(text: str) -> str:
    plain = re.fullmatch(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?", text)
    try:
        if plain is None:
            raise ValueError
        return date(*map(int, plain.groups())).isoformat()
    except ValueError:
        raise FormFault(Message("“{text}”不是日期，写成 YYYY-MM-DD", text=text[:40])) from None
