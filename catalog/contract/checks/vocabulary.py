"""The vocabulary itself: departments, items, code lists, categories, facts, city."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from stdnum.cn import uscc

from catalog.contract.checks.subject import Context, Subject, mapping, meant, sequence, text
from catalog.contract.finding import GUIDE, HOUSE, Finding, law
from catalog.contract.model import MASK_PATTERN
from catalog.contract.vocabulary import Categories, City, CodeList, Department, Fact, Item, Vocabulary

MODELS: Mapping[str, TypeAdapter[Any]] = {
    "city": TypeAdapter(City),
    "departments": TypeAdapter(dict[str, Department]),
    "items": TypeAdapter(dict[str, Item]),
    "code_lists": TypeAdapter(dict[str, CodeList]),
    "categories": TypeAdapter(Categories),
    "facts": TypeAdapter(dict[str, Fact]),
}
CODE_NAME = re.compile(r"[a-z][a-z0-9_]*")
DEPARTMENT_CODE = re.compile(r"[a-z]+")
DIGITS_OF = {"classes": 1, "groups": 3, "entries": 6}


def part_shape_faults(part: str, subject: Subject) -> Iterator[Finding]:
    """Yield what the models find in one vocabulary file."""
    try:
        MODELS[part].validate_python(subject.document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = tuple(p for p in detail["loc"] if isinstance(p, str | int) and p != "[key]")
            message = f"{detail['msg'].removeprefix('Value error, ')} (here: {str(detail['input'])[:60]!r})"
            if detail["type"] == "extra_forbidden":
                message = f"unknown key {path[-1]!r}"
            yield subject.fault(path, "vocabulary.shape", message, HOUSE)


def vocabulary_of(parts: Mapping[str, Subject]) -> Vocabulary | None:
    """Return the vocabulary, or None when any part of it is missing or wrong."""
    try:
        return Vocabulary.model_validate({part: subject.document.data for part, subject in parts.items()})
    except ValidationError:
        return None


def vocabulary_faults(parts: Mapping[str, Subject], context: Context) -> Iterator[Finding]:
    """Yield faults between the entries of the vocabulary, and between it and the contracts."""
    for part, check in _CHECKS.items():
        if part in parts:
            yield from check(parts[part], context)
    if context.vocabulary is not None:
        yield from _unused(parts, context)


def _city(subject: Subject, _context: Context) -> Iterator[Finding]:
    bounds = mapping(subject.data.get("bounds"))
    for low, high in (("west", "east"), ("south", "north")):
        a, b = bounds.get(low), bounds.get(high)
        if isinstance(a, int | float) and isinstance(b, int | float) and a >= b:
            message = f"{low} {a} is not less than {high} {b}: no place lies inside the city"
            yield subject.fault(("bounds", low), "city.bounds", message, HOUSE)
    code = text(subject.data.get("code"))
    if code and not re.fullmatch(r"[1-9]\d{5}", code):
        message = f"{code!r} is not a 6-digit division code"
        yield subject.fault(("code",), "city.code", message, "GB/T 2260")


def _departments(subject: Subject, _context: Context) -> Iterator[Finding]:
    holders: dict[str, str] = {}
    for dept, raw in subject.data.items():
        if not DEPARTMENT_CODE.fullmatch(dept):
            yield subject.fault((dept,), "dept.code", f"{dept!r} must be lower-case letters only", HOUSE)
        code = text(mapping(raw).get("credit_code"))
        if len(code) == 18 and not uscc.is_valid(code):
            message = f"{code!r} has a wrong check digit"
            yield subject.fault((dept, "credit_code"), "provider.checksum", message, "GB 32100-2015")
        holder = holders.setdefault(code, dept)
        if code and holder != dept:
            message = f"{code!r} is already the code of {holder!r}"
            yield subject.fault((dept, "credit_code"), "dept.twice", message, GUIDE)


def _items(subject: Subject, _context: Context) -> Iterator[Finding]:
    for name, raw in subject.data.items():
        item = mapping(raw)
        if not CODE_NAME.fullmatch(name):
            yield subject.fault((name,), "item.name", f"{name!r} must be snake_case", HOUSE)
        low, high = text(item.get("min")), text(item.get("max"))
        if low and high and low > high:
            yield subject.fault((name, "min"), "item.bounds", f"min {low} is later than max {high}", HOUSE)
        mask = text(item.get("mask"))
        if mask and not re.search(MASK_PATTERN, mask):
            message = f"unknown mask {mask!r}; write keep_<first>_<last>, year or hidden"
            yield subject.fault((name, "mask"), "item.mask", message, HOUSE)
        if text(item.get("description")).strip("。. ") == text(item.get("name")):
            message = "the description only repeats the name; say what is counted, how it is made, who assigns it"
            yield subject.fault((name, "description"), "item.description", message, law(13), "warning")


def _code_lists(subject: Subject, _context: Context) -> Iterator[Finding]:
    for name, raw in subject.data.items():
        values = mapping(mapping(raw).get("values"))
        if isinstance(raw, dict) and "values" in raw and not values:
            yield subject.fault((name, "values"), "code_list.empty", "the list holds no code", HOUSE)
        labels: dict[str, str] = {}
        for code, label in values.items():
            holder = labels.setdefault(text(label), code)
            if text(label) and holder != code:
                message = f"label {label!r} already belongs to code {holder!r}"
                yield subject.fault((name, "values", code), "code_list.label", message, HOUSE)


def _categories(subject: Subject, _context: Context) -> Iterator[Finding]:
    scheme = text(subject.data.get("scheme"))
    try:
        re.compile(scheme)
    except re.error as error:
        yield subject.fault(("scheme",), "category.scheme", f"not a regular expression: {error}", GUIDE)
    parents: Mapping[str, Any] = {}
    for level, digits in DIGITS_OF.items():
        names = mapping(subject.data.get(level))
        for code in names:
            if not re.fullmatch(rf"\d{{{digits}}}", code):
                message = f"{code!r} must have {digits} digit(s)"
                yield subject.fault((level, code), "category.code", message, GUIDE)
            elif parents and not any(code.startswith(parent) for parent in parents):
                message = f"{code!r} continues no code of the level above"
                yield subject.fault((level, code), "category.parent", message, GUIDE)
        parents = names or parents


def _facts(subject: Subject, context: Context) -> Iterator[Finding]:
    for name, raw in subject.data.items():
        fact = mapping(raw)
        authority, assertions = text(fact.get("authority")), sequence(fact.get("assertions"))
        if authority and authority not in context.subjects:
            message = f"there is no contract {authority!r}{meant(authority, context.subjects)}"
            yield subject.fault((name, "authority"), "fact.authority", message, law(19))
        elif authority and not any(text(a).startswith(f"{authority}.") for a in assertions):
            message = f"none of the assertions is a column of {authority}, whose word counts"
            yield subject.fault((name, "authority"), "fact.authority", message, law(19))
        if isinstance(fact.get("assertions"), list) and len(assertions) < 2:
            message = "a fact needs at least two assertions: one alone contradicts nothing"
            yield subject.fault((name, "assertions"), "fact.single", message, law(19))
        for position, assertion in enumerate(assertions):
            problem = _assertion_problem(text(assertion), text(fact.get("entity")), context)
            if problem:
                yield subject.fault((name, "assertions", position), "fact.assertion", problem, law(19))


def _assertion_problem(assertion: str, entity: str, context: Context) -> str | None:
    key, _, column = assertion.rpartition(".")
    other = context.subjects.get(key)
    if other is None:
        return f"{assertion!r} is not <dept>.<resource>.<column> of a contract{meant(key, context.subjects)}"
    if column not in other.by_name:
        return f"{key} has no column {column!r}{meant(column, other.by_name)}"
    if entity and not any(c.gov.get("govItem") == entity for c in other.columns):
        return f"{key} has no column of item {entity!r}, so its rows cannot be matched to the entity"
    return None


def _unused(parts: Mapping[str, Subject], context: Context) -> Iterator[Finding]:
    columns = [column for subject in context.subjects.values() for column in subject.columns]
    for part, key in (("items", "govItem"), ("code_lists", "govCodeList")):
        used = {column.gov.get(key) for column in columns if isinstance(column.gov.get(key), str)}
        for name in parts[part].data:
            if name not in used:
                message = f"no contract uses {name!r}; take it away, or use it"
                yield parts[part].fault((name,), "vocabulary.unused", message, HOUSE, "warning")


_CHECKS = {
    "city": _city,
    "departments": _departments,
    "items": _items,
    "code_lists": _code_lists,
    "categories": _categories,
    "facts": _facts,
}
