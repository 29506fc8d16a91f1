"""Whether a proposal may be submitted: lint, asked as if the head had signed today, in the words of a cataloguer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from catalog.cataloguing.published import Published, path_of
from catalog.cataloguing.words import FIELDS, field_label, said
from catalog.contract.checks.subject import gov_values, mapping
from catalog.contract.diff import ContractDiff, bumped, diff
from catalog.contract.document import Document, Path, Place
from catalog.contract.finding import Finding
from catalog.contract.lint import lint_among
from catalog.contract.model import Contract
from catalog.contract.writing import canonical

Step = Literal["basics", "items", "sharing", "assessments"]
_SHARING = re.compile(r"govShare|govNoShare|govOpen|usage|govReflow|govRelated")
_ASSESSMENTS = re.compile(r"govAssessments|govSecrecy")
_BASICS = frozenset({"govSource", "govQuality"})
_SNAKE = {"personalInformation": "personal_information", "signOff": "sign_off"}


@dataclass(frozen=True)
class Fault:
    """One thing that stands in the way: ``field`` as in the file, ``label`` as in the form, the step of the wizard."""

    field: str
    label: str
    message: str
    source: str
    rule: str
    step: Step
    blocks: bool

    def to_json(self) -> dict[str, Any]:
        """Return the fault as a JSON object."""
        return {**self.__dict__}


def submission_faults(document: Mapping[str, Any], published: Published, today: date) -> list[Fault]:
    """Return what keeps a proposal from being submitted, and warnings; what blocks comes first."""
    key = key_of(document)
    content = signed_on(document, today)
    signed = Document(data=content, places=dict(_placed(content)))
    findings = lint_among({path_of(key): signed}, published.beside([key]), published.vocabulary)
    faults = [fault_of(finding) for finding in findings]
    return sorted(dict.fromkeys(faults), key=lambda fault: not fault.blocks)


def _placed(content: Mapping[str, Any]) -> Iterator[tuple[Path, Place]]:
    """Yield a place of its own for each part: lint takes two faults in one place for the echo of one."""
    stack: list[tuple[Path, Any]] = [((), content)]
    number = 1
    while stack:
        path, node = stack.pop()
        number += 1
        yield path, Place(number, 1)
        if isinstance(node, dict):
            stack += [((*path, key), value) for key, value in node.items()]
        elif isinstance(node, list):
            stack += [((*path, position), value) for position, value in enumerate(node)]


def fault_of(finding: Finding) -> Fault:
    """Return a finding as a fault of the form."""
    return Fault(
        field=finding.field,
        label=field_label(finding.field),
        message=said(finding),
        source=finding.source,
        rule=finding.rule,
        step=step_of(finding.field),
        blocks=finding.severity == "error",
    )


def step_of(field: str) -> Step:
    """Return the step of the wizard that has a field."""
    if _ASSESSMENTS.search(field):
        return "assessments"
    if _SHARING.search(field):
        return "sharing"
    first = re.split(r"[.\[]", field)[0]
    is_contract = first in FIELDS and first not in ("properties", "schema")
    return "basics" if not field or is_contract or first in _BASICS else "items"


def key_of(document: Mapping[str, Any]) -> str:
    """Return ``<dept>.<resource>`` of a contract's content."""
    tables = document.get("schema")
    table = mapping(tables[0]) if isinstance(tables, list) and tables else {}
    return f"{document.get('domain', '')}.{table.get('name', '')}"


def signed_on(document: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Return the content as it is once the head of the department has signed it on a day."""
    signed = deepcopy(dict(document))
    signed["status"] = "active" if document.get("status") != "retired" else "retired"
    held = {_SNAKE.get(name, name): value for name, value in mapping(gov(document, "govAssessments")).items()}
    set_gov(signed, "govAssessments", {**held, "sign_off": day.isoformat()})
    return canonical(signed)


def gov(document: Mapping[str, Any], name: str) -> Any:
    """Return a ``gov*`` value of a contract's content, None when it has none."""
    return gov_values(document, ()).get(name, (None, ()))[0]


def set_gov(holder: dict[str, Any], name: str, value: Any) -> None:
    """Set a ``gov*`` value of a contract's or a column's content in place; None takes it away."""
    entries = [entry for entry in holder.get("customProperties") or [] if mapping(entry).get("property") != name]
    if value is not None:
        entries.append({"property": name, "value": value})
    holder["customProperties"] = entries


def compared(document: Mapping[str, Any], base: Contract | None) -> ContractDiff | None:
    """Return what a proposal changes; None for a new entry, and while the proposal cannot be read as a contract."""
    if base is None:
        return None
    try:
        proposed = Contract.model_validate(document)
    except ValueError:
        return None
    return diff(base, proposed)


def with_version(document: Mapping[str, Any], base: Contract | None) -> dict[str, Any]:
    """Return the content with the version number that its changes ask for; a new entry begins with 1.0.0."""
    if base is None:
        return {**document, "version": "1.0.0"}
    found = compared(document, base)
    return {**document, "version": bumped(base.version, found.required_bump)} if found else dict(document)
