"""Read back what OpenMetadata's file sink wrote: every record by its published model, and the catalogue entries in it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metadata.generated.schema.api.data.createDatabase import CreateDatabaseRequest
from metadata.generated.schema.api.data.createDatabaseSchema import CreateDatabaseSchemaRequest
from metadata.generated.schema.api.data.createGlossary import CreateGlossaryRequest
from metadata.generated.schema.api.data.createGlossaryTerm import CreateGlossaryTermRequest
from metadata.generated.schema.api.data.createTable import CreateTableRequest
from metadata.generated.schema.api.domains.createDomain import CreateDomainRequest
from metadata.generated.schema.api.services.createDatabaseService import CreateDatabaseServiceRequest
from metadata.generated.schema.api.teams.createTeam import CreateTeamRequest
from metadata.generated.schema.api.tests.createTestCase import CreateTestCaseRequest
from metadata.generated.schema.api.tests.createTestDefinition import CreateTestDefinitionRequest
from metadata.generated.schema.api.tests.createTestSuite import CreateTestSuiteRequest
from metadata.ingestion.models.ometa_classification import OMetaTagAndClassification
from metadata.ingestion.models.ometa_lineage import OMetaFQNLineageRequest
from metadata.ingestion.models.profile_data import OMetaTableProfileSampleData
from metadata.ingestion.models.tests_data import OMetaTestCaseResultsSample
from pydantic import ValidationError

from catalog.derive.catalogue import CatalogueEntry, CatalogueItem
from catalog.exchange.errors import ExchangeError
from catalog.exchange.names import GLOSSARY_CATEGORIES, GLOSSARY_CODES, GLOSSARY_ITEMS, decoded
from catalog.exchange.records_tables import YES
from catalog.exchange.tags import (
    AUTHORITY,
    DATA_TYPE,
    FACT,
    FORMAT,
    GRADE,
    MASK,
    MATURITY,
    SHARE_METHOD,
    SHARE_TYPE,
    UPDATE_CYCLE,
)

LARGEST_FILE = 1 << 30
# The file sink writes records without their type; each of these fields is in one kind of record only.
MODELS: tuple[tuple[str, Any], ...] = (
    ("teamType", CreateTeamRequest),
    ("domainType", CreateDomainRequest),
    ("classification_request", OMetaTagAndClassification),
    ("glossary", CreateGlossaryTermRequest),
    ("serviceType", CreateDatabaseServiceRequest),
    ("service", CreateDatabaseRequest),
    ("database", CreateDatabaseSchemaRequest),
    ("databaseSchema", CreateTableRequest),
    ("from_entity_fqn", OMetaFQNLineageRequest),
    ("basicEntityReference", CreateTestSuiteRequest),
    ("testPlatforms", CreateTestDefinitionRequest),
    ("entityLink", CreateTestCaseRequest),
    ("test_case_results", OMetaTestCaseResultsSample),
    ("profile", OMetaTableProfileSampleData),
    ("description", CreateGlossaryRequest),
)


def read_records(path: Path) -> list[Any]:
    """Return the records of a file, each validated by the model that OpenMetadata publishes for it.

    Raises:
        ExchangeError: it cannot be read, or a record is of no known kind or breaks its model; the message says which.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ExchangeError(f"{path} is larger than {LARGEST_FILE >> 20} MiB; export it in parts")
        documents = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ExchangeError(f"{path} cannot be read: {fault.strerror}") from None
    except (ValueError, RecursionError):
        raise ExchangeError(f"{path} is not what OpenMetadata's file sink writes: no JSON") from None
    if not isinstance(documents, list):
        raise ExchangeError(f"{path} is not what OpenMetadata's file sink writes: a JSON list is expected")
    return [_record(document, f"{path}, record {number}") for number, document in enumerate(documents, start=1)]


def _record(document: Any, place: str) -> Any:
    if not isinstance(document, dict):
        raise ExchangeError(f"{place} is no object")
    model = next((model for mark, model in MODELS if mark in document), None)
    if model is None:
        raise ExchangeError(f"{place} is of no known kind; its fields are {', '.join(map(str, document))[:200]}")
    try:
        return model.model_validate(document)
    except (ValidationError, RecursionError) as fault:
        raise ExchangeError(f"{place} ({model.__name__}) is not valid: {_reason(fault)}") from None


def _reason(fault: ValidationError | RecursionError) -> str:
    if isinstance(fault, RecursionError):
        return "it is nested too deep"
    first = fault.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def read_entries(path: Path) -> dict[str, CatalogueEntry]:
    """Return the catalogue entries of a file by their key.

    Raises:
        ExchangeError: as :func:`read_records`, or an entry points to something that the file does not hold.
    """
    return entries_of(read_records(path))


def entries_of(records: Iterable[Any]) -> dict[str, CatalogueEntry]:
    """Return the catalogue entries among records by their key."""
    words = _Words()
    tables = []
    for record in records:
        if isinstance(record, CreateTableRequest):
            extension = record.extension.root if record.extension else None
            if isinstance(extension, dict) and "contract_id" in extension:
                tables.append((record, extension))
        else:
            words.learn(record)
    entries = {}
    for table, extension in tables:
        try:
            entry = _entry(table, extension, words)
        except (LookupError, AttributeError, ValueError) as fault:
            raise ExchangeError(f"table {table.name.root} is not as citybrain writes it: {fault!r}") from None
        entries[entry.key] = entry
    return entries


@dataclass
class _Words:
    """What names in records stand for."""

    teams: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=dict)
    below: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, record: Any) -> None:
        if isinstance(record, CreateTeamRequest):
            self.teams[record.name.root] = record.displayName
        elif isinstance(record, OMetaTagAndClassification):
            name = f"{record.classification_request.name.root}.{record.tag_request.name.root}"
            self.tags[name] = record.tag_request.displayName
        elif isinstance(record, CreateGlossaryTermRequest):
            parent = record.parent.root if record.parent else record.glossary.root
            self.terms[f"{parent}.{record.name.root}"] = record
            self.below[parent].append((decoded(record.name.root), record.displayName))

    def tag(self, fqn: str) -> str:
        """Return what people read for a tag."""
        if fqn not in self.tags:
            raise ExchangeError(f"the tag {fqn} is used, but the file does not hold it")
        return self.tags[fqn]

    def term(self, address: str) -> Any:
        """Return a term."""
        if address not in self.terms:
            raise ExchangeError(f"the term {address} is used, but the file does not hold it")
        return self.terms[address]

    def team(self, name: str) -> str:
        """Return what people read for a team."""
        if name not in self.teams:
            raise ExchangeError(f"the team {name} is an owner, but the file does not hold it")
        return self.teams[name]

    def category_path(self, category: str) -> str:
        """Return a category in words; a level without a name stands as its code."""
        names = {decoded(address.rpartition(".")[2]): term.displayName for address, term in self._categories()}
        return "/".join(names.get(code, code) for code in (category[:1], category[:3], category[:6]))

    def _categories(self) -> Iterator[tuple[str, Any]]:
        return ((name, term) for name, term in self.terms.items() if name.startswith(f"{GLOSSARY_CATEGORIES}."))


def _marks(labels: Any) -> dict[str, list[str]]:
    """Return classification or glossary -> names of its tags or terms."""
    found: dict[str, list[str]] = defaultdict(list)
    for mark in labels or []:
        group, _, name = mark.tagFQN.root.partition(".")
        found[group].append(name)
    return found


def _entry(table: Any, extension: Mapping[str, str], words: _Words) -> CatalogueEntry:
    namespace = table.databaseSchema.root.rpartition(".")[2]
    marks = _marks(table.tags)
    grade = marks[GRADE.name][0]
    share = marks[SHARE_TYPE.name][0]

    def said(name: str) -> str:
        return extension.get(name, "")

    def read(classification: Any) -> str:
        return words.tag(classification.fqn(marks[classification.name][0]))

    return CatalogueEntry(
        key=f"{namespace}.{table.name.root}",
        contract_id=said("contract_id"),
        version=said("contract_version"),
        status=said("contract_status"),
        category_path=words.category_path(said("category")),
        name=table.displayName,
        resource_code=said("resource_code"),
        provider_name=words.team(_owner(table)),
        provider_code=said("provider_code"),
        summary=table.description.root,
        format_name=read(FORMAT),
        items=_items(table, extension, words),
        share_type=[name for name, _ in SHARE_TYPE.tags].index(share) + 1,
        share_type_name=read(SHARE_TYPE),
        share_condition=said("share_condition"),
        share_methods=tuple(words.tag(SHARE_METHOD.fqn(name)) for name in marks[SHARE_METHOD.name]),
        usage_condition=said("usage_condition"),
        is_open=said("is_open") == YES,
        open_condition=said("open_condition"),
        update_cycle=read(UPDATE_CYCLE),
        published_on=said("published_on"),
        related=tuple(json.loads(said("related") or "[]")),
        grade=int(grade.rpartition("_")[2]),
        grade_name=words.tag(GRADE.fqn(grade)),
        secrecy_assessed_on=said("secrecy_assessed_on"),
        privacy_assessed_on=said("privacy_assessed_on"),
        signed_off_on=said("signed_off_on"),
        is_reflow=said("is_reflow") == YES,
        maturity=read(MATURITY),  # type: ignore[arg-type]  # one of the three names of the classification
    )


def _owner(table: Any) -> str:
    owners = table.owners.root if table.owners else []
    if not owners or not owners[0].name:
        raise ExchangeError(f"table {table.name.root} has no owner")
    return str(owners[0].name)


def _items(table: Any, extension: Mapping[str, str], words: _Words) -> tuple[CatalogueItem, ...]:
    keys: list[str] = []
    references: dict[str, str] = json.loads(extension.get("dangling_references", "{}"))
    for constraint in table.tableConstraints or []:
        if constraint.constraintType.value == "PRIMARY_KEY":
            keys = constraint.columns
        elif constraint.constraintType.value == "FOREIGN_KEY":
            target = constraint.referredColumns[0].root.split(".")
            references[constraint.columns[0]] = ".".join(target[-3:])
    return tuple(_item(column, keys, references, words) for column in table.columns)


def _item(column: Any, keys: list[str], references: Mapping[str, str], words: _Words) -> CatalogueItem:
    name = column.name.root
    marks = _marks(column.tags)
    grade, kind = marks[GRADE.name][0], marks[DATA_TYPE.name][0]

    def first(group: str) -> str | None:
        return next(iter(marks[group]), None)

    def titled(group: str) -> str | None:
        mark = first(group)
        return None if mark is None else words.tag(f"{group}.{mark}")

    codes = first(GLOSSARY_CODES)
    code_term = None if codes is None else words.term(f"{GLOSSARY_CODES}.{codes}")
    return CatalogueItem(
        position=column.ordinalPosition,
        name=name,
        business_name=column.displayName,
        data_type_code=kind,
        data_type_name=words.tag(DATA_TYPE.fqn(kind)),
        physical_type=column.dataTypeDisplay,
        is_required=column.constraint.value in ("PRIMARY_KEY", "NOT_NULL"),
        is_key=name in keys,
        grade=int(grade.rpartition("_")[2]),
        grade_name=words.tag(GRADE.fqn(grade)),
        item=decoded(marks[GLOSSARY_ITEMS][0]),
        description=column.description.root if column.description else "",
        code_list=None if codes is None else decoded(codes),
        code_list_name=code_term.displayName if code_term else None,
        code_standard=code_term.description.root if code_term else None,
        codes=tuple(words.below[f"{GLOSSARY_CODES}.{codes}"]) if code_term else (),
        reference=references.get(name),
        mask=titled(MASK),
        authority=titled(AUTHORITY),
        authority_fact=titled(FACT),
    )
