"""Who and what a contract is: names, paths, codes, department, topic; and what may not be in it at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from stdnum.cn import uscc

from catalog.contract.checks.shape import CUSTOM_NAMES
from catalog.contract.checks.subject import PLACEHOLDER, Context, Subject, mapping, meant, sequence, text
from catalog.contract.document import Path
from catalog.contract.finding import GUIDE, HOUSE, ODCS, Finding, law

SECRET_WORDS = re.compile(r"(?<!不涉及)(?<!不含)(?<!不属于)(?<!非)(国家秘密|工作秘密|绝密|机密级?|秘密级)")
CONTRACT_FILE = re.compile(r"(?:^|/)(?P<dept>[^/]+)/(?P<resource>[^/]+)\.odcs\.yaml$")
DEPARTMENT_CLASS = "3"


def identity_faults(subject: Subject, context: Context) -> Iterator[Finding]:
    """Yield faults of names, codes and belonging."""
    yield from _names(subject)
    yield from _belonging(subject, context)
    yield from _codes(subject, context)
    yield from _custom_properties(subject)
    yield from _texts(subject)


def _names(subject: Subject) -> Iterator[Finding]:
    where = CONTRACT_FILE.search(subject.path)
    source = "docs/contracts.md（file = contracts/<dept>/<resource>.odcs.yaml）"
    if where and subject.dept and subject.dept != where["dept"]:
        message = f"domain {subject.dept!r} stands in folder {where['dept']!r}; move the file or change domain"
        yield subject.fault(("domain",), "file.path", message, source)
    if where and subject.resource and subject.resource != where["resource"]:
        message = f"schema name {subject.resource!r} stands in file {where['resource']}.odcs.yaml; make them equal"
        yield subject.fault(("schema", 0, "name"), "file.path", message, source)
    physical = text(subject.table.get("physicalName"))
    if physical and physical != subject.key:
        message = f"physicalName {physical!r} must be {subject.key!r}: one name in every layer"
        yield subject.fault(("schema", 0, "physicalName"), "name.physical", message, HOUSE)
    title, business = text(subject.data.get("name")), text(subject.table.get("businessName"))
    if title and business and title != business:
        message = f"businessName {business!r} differs from the catalogue name {title!r}; make them equal"
        yield subject.fault(("schema", 0, "businessName"), "name.business", message, GUIDE)
    identifier = text(subject.data.get("id"))
    if identifier and not _is_uuid(identifier):
        message = f"id {identifier!r} is not a UUID; make one with `uuidgen` and never change it"
        yield subject.fault(("id",), "id.uuid", message, ODCS)


def _is_uuid(identifier: str) -> bool:
    try:
        return str(UUID(identifier)) == identifier
    except ValueError:
        return False


def _belonging(subject: Subject, context: Context) -> Iterator[Finding]:
    vocabulary = context.vocabulary
    if vocabulary is None:
        return
    departments, topics = vocabulary.departments, vocabulary.categories.topics
    if subject.dept and subject.dept not in departments:
        message = f"department {subject.dept!r} is not in vocabulary/departments.yaml{meant(subject.dept, departments)}"
        yield subject.fault(("domain",), "dept.unknown", message, law(13))
    topic = text(subject.data.get("dataProduct"))
    if topic and topic not in topics:
        message = f"topic {topic!r} is not in vocabulary/categories.yaml{meant(topic, topics)}"
        yield subject.fault(("dataProduct",), "topic.unknown", message, HOUSE)
    tenant = text(subject.data.get("tenant"))
    if tenant and tenant != vocabulary.city.code:
        message = f"tenant {tenant!r} is not this city; write {vocabulary.city.code!r}"
        yield subject.fault(("tenant",), "tenant.city", message, "GB/T 2260")


def _codes(subject: Subject, context: Context) -> Iterator[Finding]:
    category, code = text(subject.gov.get("govCategory")), text(subject.gov.get("govResourceCode"))
    if category and code and not code.startswith(f"{category}/"):
        message = f"resource code {code!r} must begin with its category: {category}/<sequence number>"
        yield subject.fault(subject.at("govResourceCode"), "code.category", message, GUIDE)
    provider = text(subject.gov.get("govProviderCode"))
    if len(provider) == 18 and not uscc.is_valid(provider):
        message = f"{provider!r} has a wrong check digit; copy the 18-digit credit code of the department"
        yield subject.fault(subject.at("govProviderCode"), "provider.checksum", message, "GB 32100-2015")
    vocabulary = context.vocabulary
    if vocabulary is None:
        return
    department = vocabulary.departments.get(subject.dept)
    if department and provider and provider != department.credit_code:
        message = f"{provider!r} is not {department.name}'s credit code; write {department.credit_code}"
        yield subject.fault(subject.at("govProviderCode"), "provider.dept", message, GUIDE)
    yield from _category(subject, context, category)
    if code and not _matches(vocabulary.categories.scheme, code):
        message = f"resource code {code!r} does not fit the city's scheme {vocabulary.categories.scheme}"
        yield subject.fault(subject.at("govResourceCode"), "code.scheme", message, GUIDE)


def _matches(scheme: str, code: str) -> bool:
    try:
        return re.search(scheme, code) is not None
    except re.error:
        return True  # the scheme's own fault is reported where it stands


def _category(subject: Subject, context: Context, category: str) -> Iterator[Finding]:
    if context.vocabulary is None or not re.fullmatch(r"\d{6,}", category):
        return
    scheme, place = context.vocabulary.categories, subject.at("govCategory")
    if category[:3] not in scheme.groups:
        message = f"group {category[:3]} (类+项) is not in vocabulary/categories.yaml; choose one or add it there"
        yield subject.fault(place, "category.unknown", message, GUIDE)
    elif scheme.entries and category[:6] not in scheme.entries:
        message = f"category {category[:6]} (类+项+目) is not in vocabulary/categories.yaml; add it under entries"
        yield subject.fault(place, "category.unknown", message, GUIDE)
    department = context.vocabulary.departments.get(subject.dept)
    owner = scheme.groups.get(category[:3])
    if category[:1] == DEPARTMENT_CLASS and department and owner and owner != department.name:
        message = f"group {category[:3]} belongs to {owner}, the provider is {department.name}; use its own group"
        yield subject.fault(place, "category.dept", message, GUIDE)


def _custom_properties(subject: Subject) -> Iterator[Finding]:
    yield from _named_once(subject, subject.data.get("customProperties"), ("customProperties",), "contract")
    for column in subject.columns:
        path = (*column.path, "customProperties")
        yield from _named_once(subject, column.raw.get("customProperties"), path, "column")


def _named_once(subject: Subject, entries: object, path: Path, kind: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for position, entry in enumerate(sequence(entries)):
        name = text(mapping(entry).get("property"))
        place = (*path, position, "property")
        if name in seen:
            message = f"custom property {name!r} stands twice; keep one of them"
            yield subject.fault(place, "custom.duplicate", message, ODCS)
        elif name and not name.startswith("gov"):
            message = f"unknown custom property {name!r}{meant(name, CUSTOM_NAMES[kind])}"
            yield subject.fault(place, "custom.unknown", message, HOUSE)
        seen.add(name)


def _texts(subject: Subject) -> Iterator[Finding]:
    """Refuse secrets by field and by wording, and whatever a scaffold left for a person to fill."""
    secrecy = subject.gov.get("govSecrecy")
    if secrecy in ("国家秘密", "工作秘密"):
        message = f"{secrecy} stays out of the catalogue; take the contract away and handle it by the secrecy rules"
        yield subject.fault(subject.at("govSecrecy"), "secrecy.refused", message, law(3))
    for path, value in _all_texts(subject.document.data):
        found = SECRET_WORDS.search(value)
        if found and "govSecrecy" not in subject.label(path):
            message = (
                f"the text speaks of {found[0]}: secrets stay out of the catalogue; take the resource away, "
                "or write 不涉及国家秘密 when it holds none"
            )
            yield subject.fault(path, "secrecy.wording", message, law(3))
        if PLACEHOLDER in value:
            message = f"{PLACEHOLDER}: fill in what the contract must say here"
            yield subject.fault(path, "todo.unfilled", message, law(13))


def _all_texts(data: object) -> Iterator[tuple[Path, str]]:
    stack: list[tuple[Path, object]] = [((), data)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            stack += [((*path, key), child) for key, child in value.items()]
        elif isinstance(value, list):
            stack += [((*path, position), child) for position, child in enumerate(value)]
