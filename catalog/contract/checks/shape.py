"""Faults that the pydantic models find, said in the file's own words: field, line, what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from catalog.contract.checks.subject import PLACEHOLDER, Subject, meant
from catalog.contract.document import Path
from catalog.contract.finding import GRADING, GUIDE, HOUSE, ODCS, Finding, law
from catalog.contract.model import (
    Assessments,
    Authority,
    Contract,
    ContractGov,
    CrossFieldError,
    Description,
    NoShareBasis,
    Property,
    PropertyGov,
    QualityThresholds,
    ShareCondition,
    SlaProperty,
    Source,
    Table,
    Team,
    TeamMember,
    TypeOptions,
)

SOURCES: Mapping[str, str] = {
    "govShareType": law(14),
    "govShareCondition": law(15),
    "govNoShareBasis": law(15),
    "govShareMethods": law(22),
    "govAssessments": law(13),
    "govAuthority": law(19),
    "govUpdateCycle": law(13),
    "govResourceCode": GUIDE,
    "govCategory": GUIDE,
    "govProviderCode": f"{GUIDE}、GB 32100",
    "govFormat": GUIDE,
    "govDataType": GUIDE,
    "govItem": law(13),
    "govOpen": GUIDE,
    "govSecrecy": law(3),
    "description": law(13),
    "classification": f"{law(13)}、{GRADING}",
}
_PARTS: Mapping[str, type[BaseModel]] = {
    "description": Description,
    "schema": Table,
    "properties": Property,
    "logicalTypeOptions": TypeOptions,
    "slaProperties": SlaProperty,
    "team": Team,
    "members": TeamMember,
    "shareCondition": ShareCondition,
    "noShareBasis": NoShareBasis,
    "assessments": Assessments,
    "source": Source,
    "quality": QualityThresholds,
    "authority": Authority,
}


def model_faults(subject: Subject) -> tuple[list[Finding], list[Finding]]:
    """Return the faults of single fields, and those between fields.

    The second kind has checks of its own, which name the line to change; the model's words are the net under them.
    """
    shape: list[Finding] = []
    between: list[Finding] = []
    try:
        Contract.model_validate(subject.document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["input"] == PLACEHOLDER:
                continue  # has a finding of its own
            is_between = isinstance(detail.get("ctx", {}).get("error"), CrossFieldError)
            (between if is_between else shape).append(_finding(subject, detail))
    return shape, between


def _finding(subject: Subject, detail: ErrorDetails) -> Finding:
    loc = tuple(part for part in detail["loc"] if isinstance(part, str | int))
    path = _file_path(subject, loc)
    rule, message = _said(detail, loc)
    return subject.fault(path, rule, message, _source(subject, path))


def _source(subject: Subject, path: Path) -> str:
    for word in reversed(subject.label(path).replace("[", ".").split(".")):
        if word in SOURCES:
            return SOURCES[word]
    return ODCS if not any("gov" in str(part) for part in path) else HOUSE


def _file_path(subject: Subject, loc: tuple[Any, ...]) -> Path:
    """Turn the model's place into the file's: ``gov.shareType`` stands in ``customProperties`` as govShareType."""
    if "gov" not in loc:
        return loc
    at = loc.index("gov")
    holder, rest = loc[:at], loc[at + 1 :]
    if not rest:
        return (*holder, "customProperties")
    name = gov_name(str(rest[0]))
    known = subject.gov_paths
    if holder:
        known = next((dict(c.gov_paths) for c in subject.columns if c.path == holder), {})
    return (*known[name], *rest[1:]) if name in known else (*holder, name)


def gov_name(field: str) -> str:
    """Return ``govShareType`` for ``shareType``."""
    return f"gov{field[:1].upper()}{field[1:]}"


def _said(detail: ErrorDetails, loc: tuple[Any, ...]) -> tuple[str, str]:
    """Return (rule, message) for one error of pydantic."""
    name, given, context = _name(loc), detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "field.missing", f"{name} is missing; add it"
        case "extra_forbidden":
            return "field.unknown", f"unknown key {name!r}{meant(name, _siblings(loc))}"
        case "literal_error":
            return "field.value", f"{_shown(given)} is not allowed; write {context['expected']}"
        case "string_pattern_mismatch":
            return "field.pattern", f"{_shown(given)} does not match {context['pattern']}"
        case "string_type":
            return "field.type", f"{_shown(given)} must be a text; {_as_text(given)}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "field.type", f"{_shown(given)} stands where key: value pairs belong"
        case "list_type":
            return "field.type", f"{_shown(given)} stands where a list (lines starting with '- ') belongs"
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            return "field.value", f"{message[:1].lower()}{message[1:]} (here: {_shown(given)})"


def _name(loc: tuple[Any, ...]) -> str:
    name = str(loc[-1]) if loc else "the contract"
    return gov_name(name) if len(loc) > 1 and loc[-2] == "gov" else name


def _siblings(loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that are allowed where an unknown one stands."""
    holders = [part for part in loc[:-1] if isinstance(part, str)]
    if not holders:
        return [*_keys(Contract), "schema"]
    if holders[-1] == "gov":
        fields = _keys(PropertyGov if "properties" in holders else ContractGov)
        return [gov_name(field) for field in fields]
    return _keys(_PARTS[holders[-1]]) if holders[-1] in _PARTS else []


def _keys(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items() if name != "gov"]


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _as_text(value: Any) -> str:
    return f"put it in quotes: '{value}'" if isinstance(value, int | float | bool) else "write one in quotes"


CUSTOM_NAMES = {
    "contract": frozenset(gov_name(key) for key in _keys(ContractGov)),
    "column": frozenset(gov_name(key) for key in _keys(PropertyGov)),
}
