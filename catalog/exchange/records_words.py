"""Who and in which words: departments as teams, topics as domains, tags, and the vocabulary as glossaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from metadata.generated.schema.api.classification.createClassification import CreateClassificationRequest
from metadata.generated.schema.api.classification.createTag import CreateTagRequest
from metadata.generated.schema.api.data.createGlossary import CreateGlossaryRequest
from metadata.generated.schema.api.data.createGlossaryTerm import CreateGlossaryTermRequest
from metadata.generated.schema.api.domains.createDomain import CreateDomainRequest
from metadata.generated.schema.api.teams.createTeam import CreateTeamRequest
from metadata.generated.schema.entity.domains.domain import DomainType
from metadata.generated.schema.entity.teams.team import TeamType
from metadata.generated.schema.type.tagLabel import LabelType, State, TagLabel, TagSource
from metadata.ingestion.models.ometa_classification import OMetaTagAndClassification

from catalog.derive.codes import GRADE_NAMES
from catalog.exchange.facts import ExchangeFacts
from catalog.exchange.names import GLOSSARY_CATEGORIES, GLOSSARY_CODES, GLOSSARY_ITEMS, Classification, encoded
from catalog.exchange.tags import GRADE, classifications, tag_named

GLOSSARIES = {
    GLOSSARY_ITEMS: ("信息项", "全市统一的信息项：同一个量处处同名、同级、同格式。"),
    GLOSSARY_CODES: ("代码集", "信息项取值的代码集；下级词条为代码，显示名为含义。"),
    GLOSSARY_CATEGORIES: ("信息资源分类", "类、项、目（发改高技〔2017〕1272号）。"),
}


def label(fqn: str, *, is_term: bool = False) -> TagLabel:
    """Return the mark on an entity that points to a tag, or to a glossary term."""
    source = TagSource.Glossary if is_term else TagSource.Classification
    return TagLabel(tagFQN=fqn, source=source, labelType=LabelType.Manual, state=State.Confirmed)


def team_records(facts: ExchangeFacts) -> Iterator[Any]:
    """Yield a team for each department, those included that only a contract names."""
    known = facts.vocabulary.departments
    for dept in sorted({*known, *(contract.dept for contract in facts.contracts.values())}):
        department = known.get(dept)
        about = f"统一社会信用代码 {department.credit_code}；业务系统 {department.system}" if department else "未登记"
        yield CreateTeamRequest(
            name=dept,
            displayName=department.name if department else dept,
            teamType=TeamType.Department,
            description=about,
            isJoinable=False,
        )


def domain_records(facts: ExchangeFacts) -> Iterator[Any]:
    """Yield a domain for each topic library."""
    named = facts.vocabulary.categories.topics
    for topic in sorted({*named, *(contract.topic for contract in facts.contracts.values())}):
        title = named.get(topic, topic)
        yield CreateDomainRequest(
            name=encoded(topic), displayName=title, description=title, domainType=DomainType.Source_aligned
        )


def tag_records(facts: ExchangeFacts) -> Iterator[Any]:
    """Yield each tag together with its classification."""
    for known in classifications(facts.contracts.values(), facts.vocabulary):
        for name, title in known.tags:
            yield OMetaTagAndClassification(
                fqn=None,
                classification_request=_classification(known),
                tag_request=CreateTagRequest(
                    classification=known.name, name=name, displayName=title, description=f"{known.title}：{title}"
                ),
            )


def _classification(known: Classification) -> Any:
    # A resource may be shared by several methods, so tags do not exclude each other everywhere.
    return CreateClassificationRequest(
        name=known.name, displayName=known.title, description=f"citybrain {known.title}", mutuallyExclusive=False
    )


def glossary_records() -> Iterator[Any]:
    """Yield the three glossaries."""
    for name, (title, about) in GLOSSARIES.items():
        yield CreateGlossaryRequest(name=name, displayName=title, description=about)


def term_records(facts: ExchangeFacts) -> Iterator[list[Any]]:
    """Yield lists of terms; the parents of a list's terms are in the lists before it."""
    yield [*_items(facts), *_code_lists(facts), *_categories(facts, 1)]
    yield [*_codes(facts), *_categories(facts, 2)]
    yield list(_categories(facts, 3))


def _items(facts: ExchangeFacts) -> Iterator[Any]:
    known = facts.vocabulary.items
    used = {prop.gov.item for contract in facts.contracts.values() for prop in contract.properties}
    for key in [*known, *sorted(used - set(known))]:
        item = known.get(key)
        yield CreateGlossaryTermRequest(
            glossary=GLOSSARY_ITEMS,
            name=encoded(key),
            displayName=item.name if item else key,
            description=item.description if item else "未登记的信息项",
            tags=[label(tag_named(GRADE, GRADE_NAMES[item.grade]))] if item else [],
        )


def _code_lists(facts: ExchangeFacts) -> Iterator[Any]:
    """Yield a term for each code list, described by its standard."""
    for key, codes in facts.vocabulary.code_lists.items():
        yield CreateGlossaryTermRequest(
            glossary=GLOSSARY_CODES, name=encoded(key), displayName=codes.name, description=codes.standard
        )


def _codes(facts: ExchangeFacts) -> Iterator[Any]:
    for key, codes in facts.vocabulary.code_lists.items():
        for code, meaning in codes.values.items():
            yield CreateGlossaryTermRequest(
                glossary=GLOSSARY_CODES,
                parent=f"{GLOSSARY_CODES}.{encoded(key)}",
                name=encoded(code),
                displayName=meaning,
                description=f"{codes.name}：{meaning}",
            )


def _categories(facts: ExchangeFacts, level: int) -> Iterator[Any]:
    scheme = facts.vocabulary.categories
    names = {1: scheme.classes, 2: scheme.groups, 3: scheme.entries}[level]
    for code, name in names.items():
        parent = category_address(facts, code[: {1: 0, 2: 1, 3: 3}[level]])
        yield CreateGlossaryTermRequest(
            glossary=GLOSSARY_CATEGORIES,
            parent=parent,
            name=encoded(code),
            displayName=name,
            description=f"{'类项目'[level - 1]} {code}：{name}",
        )


def category_address(facts: ExchangeFacts, category: str) -> str | None:
    """Return the address of the deepest named level of a category; None when not even its 类 has a name."""
    scheme = facts.vocabulary.categories
    address = None
    for code, names in ((category[:1], scheme.classes), (category[:3], scheme.groups), (category[:6], scheme.entries)):
        if code in names:
            address = f"{address or GLOSSARY_CATEGORIES}.{encoded(code)}"
    return address
