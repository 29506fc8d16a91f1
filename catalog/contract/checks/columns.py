"""The columns of a contract: types, keys, bounds, and whether they agree with the information items 信息项."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.contract.checks.subject import Column, Context, Subject, mapping, meant, text
from catalog.contract.finding import GRADING, GUIDE, HOUSE, ODCS, Finding, law
from catalog.contract.model import LOGICAL_OF, TYPE_PATTERN
from catalog.contract.vocabulary import Item

FITTING_TYPES: Mapping[str, tuple[str, ...]] = {
    "C": ("varchar",),
    "M": ("varchar",),
    "G": ("varchar",),
    "N": ("decimal", "integer", "bigint"),
    "Y": ("decimal",),
    "D": ("date",),
    "T": ("timestamp",),
    "L": ("boolean",),
    "B": ("double",),
    "F": ("double",),
    "I": ("integer", "bigint"),
}


def column_faults(subject: Subject, context: Context) -> Iterator[Finding]:
    """Yield faults of single columns and of the columns together."""
    yield from _keys(subject)
    yield from _twice(subject)
    for column in subject.columns:
        yield from _types(subject, column)
        yield from _bounds(subject, column)
        yield from _order(subject, column)
        if context.vocabulary is not None:
            yield from _item(subject, column, context.vocabulary.items)
            yield from _code_list(subject, column, context)


def _keys(subject: Subject) -> Iterator[Finding]:
    keys = [column for column in subject.columns if column.raw.get("primaryKey") is True]
    if subject.columns and not keys:
        message = "no column is primaryKey: true; without a key no row can be corrected or found"
        yield subject.fault(("schema", 0, "properties"), "key.missing", message, ODCS)
    positions = [column.raw.get("primaryKeyPosition") for column in keys]
    numbers = [p for p in positions if isinstance(p, int)]
    if len(keys) > 1 and sorted(numbers) != list(range(1, len(keys) + 1)):
        message = f"primaryKeyPosition must number the {len(keys)} key columns 1 to {len(keys)}, here: {positions}"
        yield subject.fault(keys[0].at("primaryKeyPosition"), "key.position", message, ODCS)
    for column in keys:
        if column.raw.get("required") is not True:
            message = f"key column {column.name!r} may be empty; write required: true"
            yield subject.fault(column.at("primaryKey"), "key.required", message, ODCS)


def _twice(subject: Subject) -> Iterator[Finding]:
    for key, what, severe in (
        ("name", "column", True),
        ("physicalName", "header", True),
        ("businessName", "名称", False),
    ):
        counted = Counter(text(column.raw.get(key)) for column in subject.columns)
        seen: set[str] = set()
        for column in subject.columns:
            word = text(column.raw.get(key))
            if word and counted[word] > 1 and word in seen:
                message = f"{what} {word!r} stands {counted[word]} times; give each its own"
                place = column.at(key)
                yield subject.fault(place, f"column.twice_{key}", message, ODCS, "error" if severe else "warning")
            seen.add(word)


def _types(subject: Subject, column: Column) -> Iterator[Finding]:
    physical, logical = text(column.raw.get("physicalType")), text(column.raw.get("logicalType"))
    if not TYPE_PATTERN.match(physical):
        return  # the model says what is wrong with it
    expected = LOGICAL_OF[column.base_type]
    if logical and logical != expected:
        message = f"logicalType {logical} does not fit physicalType {physical}; write {expected}"
        yield subject.fault(column.at("logicalType"), "type.logical", message, ODCS)
    code = text(column.gov.get("govDataType"))
    if code in FITTING_TYPES and column.base_type not in FITTING_TYPES[code]:
        fitting = " or ".join(c for c, types in FITTING_TYPES.items() if column.base_type in types)
        message = f"data type {code} does not fit physicalType {physical}; write {fitting}"
        yield subject.fault(column.at("govDataType"), "type.data_type", message, GUIDE)


def _bounds(subject: Subject, column: Column) -> Iterator[Finding]:
    options = mapping(column.raw.get("logicalTypeOptions"))
    place = (*column.path, "logicalTypeOptions")
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
        if _is_number(options.get(low)) and _is_number(options.get(high)) and options[low] > options[high]:
            message = f"{low} {options[low]} is larger than {high} {options[high]}: no value could pass"
            yield subject.fault((*place, low), "bounds.order", message, ODCS)
    is_text = column.base_type == "varchar"
    for key in options:
        wrong = is_text if key in ("minimum", "maximum") else not is_text
        if column.base_type in LOGICAL_OF and wrong:
            message = f"{key} does nothing on a {column.base_type}; take it away"
            yield subject.fault((*place, key), "bounds.surplus", message, ODCS)
    yield from _length(subject, column, options.get("maxLength"))
    pattern = options.get("pattern")
    if isinstance(pattern, str) and not _compiles(pattern):
        message = f"pattern {pattern!r} is not a regular expression"
        yield subject.fault((*place, "pattern"), "bounds.pattern", message, ODCS)


def _length(subject: Subject, column: Column, stated: Any) -> Iterator[Finding]:
    match = TYPE_PATTERN.match(text(column.raw.get("physicalType")))
    if not match or not match["length"]:
        return
    length = int(match["length"])
    place = (*column.path, "logicalTypeOptions", "maxLength")
    if stated is None:
        message = (
            f"varchar({length}) without logicalTypeOptions.maxLength; write maxLength: {length}, or it is not checked"
        )
        yield subject.fault(place, "length.missing", message, HOUSE)
    elif isinstance(stated, int) and stated > length:
        message = f"maxLength {stated} is more than varchar({length}) holds"
        yield subject.fault(place, "length.too_long", message, ODCS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _order(subject: Subject, column: Column) -> Iterator[Finding]:
    earlier_name = column.gov.get("govNotBefore")
    if not isinstance(earlier_name, str):
        return
    earlier, place = subject.by_name.get(earlier_name), column.at("govNotBefore")
    if earlier is None:
        message = (
            f"govNotBefore {earlier_name!r} is not a column of this contract{meant(earlier_name, subject.by_name)}"
        )
        yield subject.fault(place, "order.unknown", message, HOUSE)
    elif column.base_type != earlier.base_type or column.base_type not in ("date", "timestamp"):
        message = f"{column.name} ({column.base_type}) and {earlier_name} ({earlier.base_type}) must be two dates or timestamps"
        yield subject.fault(place, "order.type", message, HOUSE)


def _item(subject: Subject, column: Column, items: Mapping[str, Item]) -> Iterator[Finding]:
    name = column.gov.get("govItem")
    if not isinstance(name, str):
        return
    item = items.get(name)
    if item is None:
        message = f"item {name!r} is not in vocabulary/items.yaml{meant(name, items)}"
        yield subject.fault(column.at("govItem"), "item.unknown", message, law(13))
        return
    code = column.gov.get("govDataType")
    if isinstance(code, str) and code != item.data_type:
        message = f"data type {code} differs from item {name} ({item.data_type}); the same quantity has one type"
        yield subject.fault(column.at("govDataType"), "item.data_type", message, GUIDE)
    grade = text(column.raw.get("classification"))
    if grade.isdigit() and int(grade) < item.grade:
        message = f"grade {grade} is lower than item {name}'s ({item.grade}); write '{item.grade}' or higher (就高从严)"
        yield subject.fault(column.at("classification"), "item.grade", message, GRADING)
    if item.mask and not column.gov.get("govMask"):
        message = f"item {name} is shown masked ({item.mask}), the column names no govMask and will be hidden"
        yield subject.fault(column.at("govMask"), "item.mask", message, GRADING, "warning")


def _code_list(subject: Subject, column: Column, context: Context) -> Iterator[Finding]:
    name = column.gov.get("govCodeList")
    if not isinstance(name, str) or context.vocabulary is None:
        return
    place, lists = column.at("govCodeList"), context.vocabulary.code_lists
    if name not in lists:
        message = f"code list {name!r} is not in vocabulary/code_lists.yaml{meant(name, lists)}"
        yield subject.fault(place, "code_list.unknown", message, law(13))
        return
    match = TYPE_PATTERN.match(text(column.raw.get("physicalType")))
    if match is None:
        return
    longest = max(lists[name].values, key=len, default="")
    if not match["length"]:
        message = f"codes of {name!r} are texts, the column is {column.base_type}; make it varchar({len(longest)})"
        yield subject.fault(place, "code_list.type", message, lists[name].standard)
    elif int(match["length"]) < len(longest):
        message = f"code {longest!r} of {name!r} does not fit into {match[0]}"
        yield subject.fault(column.at("physicalType"), "code_list.length", message, lists[name].standard)
