"""What holds between contracts: unique codes and ids, references that exist, authorities that agree with the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from catalog.contract.checks.subject import Column, Context, Subject, mapping, meant, sequence, text
from catalog.contract.finding import GUIDE, HOUSE, ODCS, Finding, law


def across_faults(subject: Subject, context: Context) -> Iterator[Finding]:
    """Yield faults of one contract that only the others show."""
    for column in subject.columns:
        yield from _reference(subject, column, context)
        yield from _authority(subject, column, context)
    yield from _related(subject, context)


def unique_faults(subjects: list[Subject]) -> Iterator[Finding]:
    """Yield every contract whose id, resource code or name another contract, earlier in order, already has."""
    rules: tuple[tuple[str, str, Callable[[Subject], str], str], ...] = (
        ("id.twice", ODCS, lambda s: text(s.data.get("id")), "id"),
        ("code.twice", GUIDE, lambda s: text(s.gov.get("govResourceCode")), "govResourceCode"),
        ("name.twice", GUIDE, lambda s: text(s.data.get("name")), "name"),
        ("key.twice", HOUSE, lambda s: s.key if s.dept and s.resource else "", "domain"),
    )
    for rule, source, value_of, place in rules:
        first: dict[str, Subject] = {}
        for subject in subjects:
            value = value_of(subject)
            holder = first.setdefault(value, subject)
            if value and holder is not subject:
                message = f"{value!r} is already that of {holder.path}; give this one its own"
                yield subject.fault(subject.at(place), rule, message, source)


def _reference(subject: Subject, column: Column, context: Context) -> Iterator[Finding]:
    reference = text(column.gov.get("govReference"))
    parts = reference.split(".")
    if len(parts) != 3:
        return  # the model says what is wrong with its form
    key, name, place = f"{parts[0]}.{parts[1]}", parts[2], column.at("govReference")
    target = context.subjects.get(key)
    if target is None:
        message = f"there is no contract {key!r}{meant(key, context.subjects)}"
        yield subject.fault(place, "reference.resource", message, HOUSE)
        return
    other = target.by_name.get(name)
    if other is None:
        message = f"{key} has no column {name!r}{meant(name, target.by_name)}"
        yield subject.fault(place, "reference.column", message, HOUSE)
        return
    own_type, its_type = text(column.raw.get("physicalType")), text(other.raw.get("physicalType"))
    if own_type and its_type and own_type != its_type:
        message = f"{column.name} is {own_type}, {reference} is {its_type}; make the types equal"
        yield subject.fault(column.at("physicalType"), "reference.type", message, HOUSE)
    if other.raw.get("primaryKey") is not True and other.raw.get("unique") is not True:
        message = f"{reference} is neither a key nor unique: it names no single row"
        yield subject.fault(place, "reference.key", message, HOUSE)


def _authority(subject: Subject, column: Column, context: Context) -> Iterator[Finding]:
    if context.vocabulary is None:
        return
    stated = mapping(column.gov.get("govAuthority"))
    facts, place = context.vocabulary.facts, column.at("govAuthority")
    here = f"{subject.key}.{column.name}"
    for key, fact in facts.items():
        if fact.authority == subject.key and here in fact.assertions and stated.get("fact") != key:
            message = f"facts.yaml names this column the authority of {key!r}; add govAuthority with dept, fact, since, decision"
            yield subject.fault(place, "authority.missing", message, law(19))
    name = stated.get("fact")
    if not isinstance(name, str):
        return
    known = facts.get(name)
    if known is None:
        message = f"fact {name!r} is not in vocabulary/facts.yaml{meant(name, facts)}"
        yield subject.fault((*place, "fact"), "authority.fact", message, law(19))
    elif known.authority != subject.key or here not in known.assertions:
        message = f"the authority of {name!r} is {known.authority} by facts.yaml; take govAuthority away, or change the decision there"
        yield subject.fault(place, "authority.other", message, law(19))
    elif stated.get("dept") != subject.dept:
        message = f"the authority of {name!r} is {subject.dept}, not {stated.get('dept')!r}"
        yield subject.fault((*place, "dept"), "authority.dept", message, law(19))


def _related(subject: Subject, context: Context) -> Iterator[Finding]:
    own = subject.gov.get("govResourceCode")
    for position, code in enumerate(sequence(subject.gov.get("govRelated"))):
        place = (*subject.at("govRelated"), position)
        if code == own:
            yield subject.fault(place, "related.self", f"{code!r} is this resource itself; take it away", GUIDE)
        elif not isinstance(code, str) or code not in context.resource_codes:
            yield subject.fault(place, "related.unknown", f"no contract has the resource code {code!r}", GUIDE)
