"""The catalogue as OpenMetadata's entities: whole, valid, in order, and back without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metadata.ingestion.sink.file import FileSink

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.contract.model import Contract
from catalog.contract.vocabulary import CodeList, Vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.exchange.errors import ExchangeError
from catalog.exchange.facts import MARTS, ColumnDoc, ExchangeFacts, Profile, Published, TableDoc, mart_docs
from catalog.exchange.names import Place
from catalog.exchange.openmetadata import record_stages, records
from catalog.exchange.reading import entries_of, read_entries, read_records

pytestmark = pytest.mark.integration

PLACE = Place()
CONTRACTS, WORDS = load_contracts(), load_vocabulary()
LISTS = WORDS.code_lists.items()
FACTS = ExchangeFacts(CONTRACTS, WORDS, tuple(mart_docs(MARTS)))
HOSTILE = [
    "'; drop table gaj.resident; --",
    '<script>alert("城市")</script>',
    "a::b>c\"d'e",
    "__reserved__colon__",
    "零宽\u200b与\u202e倒序",
    "多行\r\n\t文本\x00",
    "{{ jinja }} ${env:HOME} %s %(x)s",
    "长" * 3000,
]
characters = st.characters(exclude_categories=["Cs"])  # half a character is no text: see the refusal of it below
text = st.one_of(st.sampled_from(HOSTILE), st.text(alphabet=characters, min_size=1, max_size=30))


def written(tmp_path: Path, facts: ExchangeFacts) -> Path:
    """Write facts by OpenMetadata's own file sink."""
    file = tmp_path / "openmetadata.json"
    sink = FileSink.create({"filename": str(file)}, None)
    for record in records(facts):
        sink.run(record)
    sink.close()
    assert sink.get_status().failures == []
    return file


def entries(facts: ExchangeFacts) -> dict[str, Any]:
    return {key: catalogue_entry(contract, facts.vocabulary) for key, contract in facts.contracts.items()}


def of_kind(found: list[Any], name: str) -> list[Any]:
    return [record for record in found if type(record).__name__ == name]


def test_every_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    assert len(CONTRACTS) >= 20
    assert read_entries(written(tmp_path, FACTS)) == entries(FACTS)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Draw a contract of any law-abiding shape with any text in it."""
    base = draw(st.sampled_from([CONTRACTS[key] for key in sorted(CONTRACTS)]))
    optional = st.one_of(st.none(), text)
    properties = [
        prop.model_copy(
            update={
                "business_name": draw(text),
                "description": draw(optional),
                "classification": draw(st.sampled_from("1234")),
                "required": prop.primary_key or draw(st.booleans()),
                "gov": prop.gov.model_copy(
                    update={
                        "item": draw(st.one_of(st.just(prop.gov.item), st.sampled_from(["", "no such", "a.b::c"]))),
                        "code_list": draw(st.sampled_from([prop.gov.code_list, "sex", "metric"])),
                        "reference": draw(st.sampled_from([None, prop.gov.reference, "gaj.nobody.nothing"])),
                        "mask": draw(st.sampled_from([None, "year", "hidden", "keep_3_4"])),
                    }
                ),
            }
        )
        for prop in base.properties
    ]
    gov = base.gov.model_copy(
        update={
            "category": draw(
                st.one_of(st.just(base.gov.category), st.from_regex(r"[1-3]\d{5}\d{0,3}", fullmatch=True))
            ),
            "open": draw(st.booleans()),
            "reflow": draw(st.booleans()),
            "open_condition": draw(optional),
            "related": draw(st.lists(text, max_size=3)),
            "update_cycle": draw(st.sampled_from(["实时", "每日", "每周", "每月", "每季度", "每年"])),
            "format": draw(st.sampled_from("1234567")),
            "share_methods": draw(st.lists(st.sampled_from(["服务接口", "批量交换", "文件下载"]), unique=True)),
        }
    )
    described = base.description.model_copy(update={"purpose": draw(text), "usage": draw(optional)})
    table = base.tables[0].model_copy(update={"properties": properties})
    named = {"name": draw(text), "id": draw(text), "version": draw(text), "description": described}
    return base.model_copy(update={**named, "gov": gov, "tables": [table]})


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """Draw a small vocabulary with any text where words stand."""
    codes = draw(st.dictionaries(st.text(alphabet=characters, max_size=8), text, max_size=4))
    lists = {key: words.model_copy(update={"values": dict(list(words.values.items())[:2])}) for key, words in LISTS}
    lists["sex"] = CodeList(name=draw(text), standard=draw(text), values=codes)
    departments = {
        key: department.model_copy(update={"name": draw(text)})
        for key, department in list(WORDS.departments.items())[:9]
    }
    items = dict(list(WORDS.items.items())[:20])
    return WORDS.model_copy(update={"code_lists": lists, "departments": departments, "items": items})


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(contract=contracts(), vocabulary=vocabularies())
def test_nothing_of_any_contract_is_lost(tmp_path: Path, contract: Contract, vocabulary: Vocabulary) -> None:
    facts = ExchangeFacts({contract.key: contract}, vocabulary)
    assert read_entries(written(tmp_path, facts)) == entries(facts)


def test_a_loss_would_be_noticed(tmp_path: Path) -> None:
    file = written(tmp_path, FACTS)
    found = read_records(file)
    table = next(record for record in found if type(record).__name__ == "CreateTableRequest" and record.extension)
    table.columns[0].tags.pop()
    table.extension.root["usage_condition"] = "另有说法"
    try:
        changed = entries_of(found)
    except (ExchangeError, IndexError):
        return
    assert changed != entries(FACTS)


def test_names_and_addresses_have_no_separator_of_openmetadata() -> None:
    for record in records(FACTS):
        for name in names_in(record.model_dump()):
            assert "::" not in name


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for part in value.values():
            yield from names_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from names_in(part)


def test_what_is_referred_to_was_told_before() -> None:
    known: set[str] = set()
    for stage in record_stages(published(), PLACE):
        told = list(stage)
        for record in told:
            assert set(references(record)) <= known, type(record).__name__
        known |= {address for record in told for address in addresses(record)}
    assert f"{PLACE.table('gaj.resident')}.resident_id" in known


def addresses(record: Any) -> Iterator[str]:
    """Yield the addresses that a record makes."""
    kind, data = type(record).__name__, record.model_dump(mode="json")
    name = data.get("name")
    match kind:
        case "OMetaTagAndClassification":
            yield f"{data['tag_request']['classification']}.{data['tag_request']['name']}"
        case "CreateGlossaryTermRequest":
            yield f"{data.get('parent') or data['glossary']}.{name}"
        case "CreateDatabaseRequest":
            yield f"{data['service']}.{name}"
        case "CreateDatabaseSchemaRequest":
            yield f"{data['database']}.{name}"
        case "CreateTableRequest":
            table = f"{data['databaseSchema']}.{name}"
            yield from (table, *(f"{table}.{column['name']}" for column in data["columns"]))
        case "CreateTestCaseRequest":
            link = re.fullmatch(r"<#E::table::([^:]+)(?:::columns::([^:]+))?>", data["entityLink"])
            assert link is not None
            yield ".".join(part for part in (*link.groups(), name) if part)
        case _ if isinstance(name, str):
            yield name


def references(record: Any) -> Iterator[str]:
    """Yield the addresses that a record needs."""
    kind, data = type(record).__name__, record.model_dump(mode="json")
    yield from (mark["tagFQN"] for mark in data.get("tags") or [])
    yield from (
        data[field] for field in ("service", "database", "databaseSchema", "glossary", "parent") if data.get(field)
    )
    yield from (
        data[field] for field in ("basicEntityReference", "testDefinition", "test_case_name") if data.get(field)
    )
    yield from data.get("domains") or []
    if kind == "CreateTableRequest":
        yield from (mark["tagFQN"] for column in data["columns"] for mark in column["tags"] or [])
        yield from (owner["name"] for owner in (data["owners"] or []))
    if kind == "OMetaFQNLineageRequest":
        yield from (data["from_entity_fqn"], data["to_entity_fqn"])
        for line in data["lineage_details"]["columnsLineage"] or []:
            yield from (*line["fromColumns"], line["toColumn"])
    if kind == "OMetaTableProfileSampleData":
        yield data["table"]["fullyQualifiedName"]


def published() -> ExchangeFacts:
    """Return facts with one published state, made up."""
    person, mart = CONTRACTS["gaj.resident"], "population.dim_person"
    staged = ("staging.stg_gaj__resident", "resident_id")
    check = {
        "table_name": person.key,
        "expectation_type": "expect_column_values_to_not_be_null",
        "column_name": "resident_id",
        "kwargs": json.dumps({"column": "resident_id"}),
        "severity": "critical",
        "dimension": "完整性",
        "rule": "resident_id.required",
        "success": False,
        "element_count": 10,
        "unexpected_count": 3,
        "observed_value": None,
    }
    other = {**check, "table_name": mart, "expectation_type": "expect_made_up", "rule": None, "success": True}
    tables = (
        TableDoc(person.key, (ColumnDoc("resident_id", "varchar"),)),
        TableDoc("ops.made", (ColumnDoc("n", "bigint"),)),
    )
    state = Published(
        snapshot="s1",
        at=1_700_000_000_000,
        tables=tables,
        profiles={person.key: Profile(10, {"resident_id": 1}), "ops.made": Profile(0, {"n": 0})},
        checks=(check, other),
        lineage=(
            ("市公安局：database", person.key),
            (person.key, staged[0]),
            (staged[0], mart),
            (mart, "economy.unknown"),
        ),
        column_lineage=(
            (person.key, "resident_id", *staged),
            (*staged, mart, "resident_id"),
            (person.key, "birth_date", mart, "birth_date"),
        ),
    )
    return replace(FACTS, published=state)


def test_lineage_passes_through_what_is_not_published() -> None:
    (edge,) = of_kind(list(records(published())), "OMetaFQNLineageRequest")
    person, mart = PLACE.table("gaj.resident"), PLACE.table("population.dim_person")
    assert (edge.from_entity_fqn, edge.to_entity_fqn) == (person, mart)
    lines = {line.toColumn.root: [c.root for c in line.fromColumns] for line in edge.lineage_details.columnsLineage}
    assert lines == {
        f"{mart}.resident_id": [f"{person}.resident_id"],
        f"{mart}.birth_date": [f"{person}.birth_date"],
    }


def test_results_stand_with_their_case_and_time() -> None:
    found = list(records(published()))
    results = {
        result.test_case_name: result.test_case_results for result in of_kind(found, "OMetaTestCaseResultsSample")
    }
    failed = results[f"{PLACE.table('gaj.resident')}.resident_id.resident_id-required"]
    assert (failed.testCaseStatus.value, failed.passedRows, failed.failedRows) == ("Failed", 7, 3)
    assert failed.timestamp.root == 1_700_000_000_000
    assert len(results) == 2


def test_cases_of_a_table_have_names_of_their_own() -> None:
    cases = of_kind(list(records(FACTS)), "CreateTestCaseRequest")
    identities = [(case.entityLink.root, case.name.root) for case in cases]
    assert len(identities) > 300
    assert len(set(identities)) == len(identities)


def test_profiles_count_and_show_no_value() -> None:
    profiles = of_kind(list(records(published())), "OMetaTableProfileSampleData")
    person, empty = (profile.profile for profile in profiles)
    (column,) = person.columnProfile
    assert (person.tableProfile.rowCount, column.nullCount, column.nullProportion) == (10, 1, 0.1)
    assert (column.min, column.max) == (None, None)
    assert empty.columnProfile[0].nullProportion == 0


def test_departments_own_their_tables_and_grades_are_tags() -> None:
    tables = of_kind(list(records(FACTS)), "CreateTableRequest")
    table = next(table for table in tables if table.name.root == "resident")
    assert [owner.name for owner in table.owners.root] == ["gaj"]
    marks = {mark.tagFQN.root for mark in table.tags}
    assert f"citybrain_grade.grade_{CONTRACTS['gaj.resident'].grade}" in marks
    assert any(mark.startswith("citybrain_share_type.") for mark in marks)
    assert any(mark.startswith("citybrain_categories.1.101.") for mark in marks)


def test_marts_have_their_description_from_dbt() -> None:
    tables = of_kind(list(records(FACTS)), "CreateTableRequest")
    person = next(table for table in tables if table.name.root == "dim_person")
    assert person.displayName == "人口库"
    assert all(column.description for column in person.columns)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda documents: documents.append({"unheard": 1}), "of no known kind; its fields are unheard"),
        (lambda documents: documents.append([]), "is no object"),
        (
            lambda documents: documents.append({"teamType": "Gang", "name": "x"}),
            "(CreateTeamRequest) is not valid: teamType",
        ),
        (
            lambda documents: documents.append({"teamType": "Group", "name": "x", "y": 1}),
            "is not valid: y: Extra inputs",
        ),
        (lambda documents: documents.pop(0), None),
    ],
)
def test_a_damaged_file_is_refused_with_the_record(
    tmp_path: Path, change: Callable[[list[Any]], None], told: str | None
) -> None:
    file = written(tmp_path, FACTS)
    documents = json.loads(file.read_text(encoding="utf-8"))
    change(documents)
    file.write_text(json.dumps(documents), encoding="utf-8")
    if told is None:
        with pytest.raises((ExchangeError, KeyError)):
            read_entries(file)
        return
    with pytest.raises(ExchangeError, match=f"record {len(documents)}") as refusal:
        read_entries(file)
    assert told in str(refusal.value)


@pytest.mark.parametrize("content", ["", "[", "{}", "null", "[" * 100_000])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ExchangeError, match="is not what OpenMetadata's file sink writes"):
        read_records(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=r"nothing\.json cannot be read"):
        read_records(tmp_path / "nothing.json")
