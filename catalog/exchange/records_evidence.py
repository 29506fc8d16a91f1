"""What is known by looking: lineage, checks with their results, and profiles."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from metadata.generated.schema.api.data.createTableProfile import CreateTableProfileRequest
from metadata.generated.schema.api.tests.createTestCase import CreateTestCaseRequest
from metadata.generated.schema.api.tests.createTestDefinition import CreateTestDefinitionRequest
from metadata.generated.schema.api.tests.createTestSuite import CreateTestSuiteRequest
from metadata.generated.schema.entity.data.table import Column, ColumnProfile, Table, TableProfile
from metadata.generated.schema.tests.basic import TestCaseResult, TestCaseStatus
from metadata.generated.schema.tests.testCase import TestCaseParameterValue
from metadata.generated.schema.tests.testDefinition import (
    DataQualityDimensions,
    EntityType,
    TestCaseParameterDefinition,
    TestDataType,
    TestPlatform,
)
from metadata.generated.schema.type.entityLineage import ColumnLineage, LineageDetails
from metadata.generated.schema.type.entityLineage import Source as LineageSource
from metadata.ingestion.models.ometa_lineage import OMetaFQNLineageRequest
from metadata.ingestion.models.profile_data import OMetaTableProfileSampleData
from metadata.ingestion.models.tests_data import OMetaTestCaseResultsSample

from catalog.derive.suite import expectation_suite
from catalog.exchange.facts import ExchangeFacts, Profile, Published, TableDoc
from catalog.exchange.names import Place, encoded
from catalog.exchange.records_tables import Identify, column_type

DIMENSIONS = {
    "规范性": DataQualityDimensions.Validity,
    "完整性": DataQualityDimensions.Completeness,
    "准确性": DataQualityDimensions.Accuracy,
    "一致性": DataQualityDimensions.Consistency,
    "唯一性": DataQualityDimensions.Uniqueness,
}
TECHNICAL = ("staging", "intermediate")

Check = Mapping[
    str, Any
]  # table_name, expectation_type, column_name, kwargs, rule, dimension, notes, and a result if any


def lineage_records(facts: ExchangeFacts, place: Place) -> Iterator[Any]:
    """Yield one edge for each pair of tables, with the columns that feed each other.

    Staging and intermediate models are not published, so what passes through them is told as one step.
    """
    if facts.published is None:
        return
    told = {*facts.contracts, *(table.identifier for table in facts.tables())}
    columns = _column_edges(facts.published, told)
    for upstream, downstream in sorted(_table_edges(facts.published, told) | set(columns)):
        fed: dict[str, list[str]] = defaultdict(list)
        for source, target in columns.get((upstream, downstream), []):
            fed[place.column(downstream, target)].append(place.column(upstream, source))
        lines = [ColumnLineage(fromColumns=sorted(fed[target]), toColumn=target) for target in sorted(fed)]
        yield OMetaFQNLineageRequest(
            from_entity_fqn=place.table(upstream),
            from_entity_type="table",
            to_entity_fqn=place.table(downstream),
            to_entity_type="table",
            lineage_details=LineageDetails(source=LineageSource.DbtLineage, columnsLineage=lines or None),
        )


def _table_edges(published: Published, told: set[str]) -> set[tuple[str, str]]:
    after: dict[str, set[str]] = defaultdict(set)
    for upstream, downstream in published.lineage:
        after[upstream].add(downstream)
    return {(name, found) for name in told for found in _reached(name, after) if found in told and found != name}


def _column_edges(published: Published, told: set[str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return (upstream, downstream) -> [(column, column)] between tables that are told."""
    after: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for upstream, upstream_column, downstream, downstream_column in published.column_lineage:
        after[upstream, upstream_column].add((downstream, downstream_column))
    edges: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for upstream, source in sorted(after):
        if upstream in told:
            for downstream, target in sorted(_reached((upstream, source), after)):
                if downstream in told and downstream != upstream:
                    edges[upstream, downstream].append((source, target))
    return edges


def _reached(start: Any, after: Mapping[Any, set[Any]]) -> set[Any]:
    """Return what comes after ``start``, walking on through technical tables only."""
    found: set[Any] = set()
    waiting = list(after.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        table = name if isinstance(name, str) else name[0]
        if table.partition(".")[0] in TECHNICAL:
            waiting.extend(after.get(name, ()))
    return found


def check_records(facts: ExchangeFacts, place: Place) -> Iterator[list[Any]]:
    """Yield test definitions, then suites, then cases, then results."""
    checks = _checks(facts)
    yield list(_definitions(checks))
    yield [
        CreateTestSuiteRequest(
            name=f"{place.table(table)}.testSuite",
            basicEntityReference=place.table(table),
            description="城市大脑质量规则",
        )
        for table in sorted({check["table_name"] for check in checks})
    ]
    named = list(_named(checks))
    yield [_case(place, check, name) for name, check in named]
    if facts.published is not None:
        yield [_result(place, check, name, facts.published.at) for name, check in named if "success" in check]


def _checks(facts: ExchangeFacts) -> list[Check]:
    """Return the checks that contracts ask for, with their result where there is one, then what else was checked."""
    results = {_identity(row): row for row in (facts.published.checks if facts.published else ())}
    told = {*facts.contracts, *(table.identifier for table in facts.tables())}
    found: list[Check] = []
    for key in sorted(facts.contracts):
        for expected in expectation_suite(facts.contracts[key], facts.vocabulary)["expectations"]:
            check = {
                "table_name": key,
                "expectation_type": expected["type"],
                "column_name": expected["kwargs"].get("column"),
                "kwargs": json.dumps(expected["kwargs"], ensure_ascii=False, sort_keys=True, default=str),
                "severity": expected["severity"],
                "dimension": expected["meta"]["dimension"],
                "rule": expected["meta"]["rule"],
                "notes": expected["description"],
            }
            found.append({**results.pop(_identity(check), {}), **check})
    return found + [row for row in results.values() if row["table_name"] in told]


def _identity(check: Check) -> tuple[Any, ...]:
    kwargs = {name: value for name, value in json.loads(check["kwargs"]).items() if value is not None}
    return check["table_name"], check["expectation_type"], json.dumps(kwargs, sort_keys=True)


def _definitions(checks: list[Check]) -> Iterator[Any]:
    by_type: dict[tuple[str, bool], list[Check]] = defaultdict(list)
    for check in checks:
        by_type[check["expectation_type"], bool(check["column_name"])].append(check)
    for (kind, of_column), alike in sorted(by_type.items()):
        names = sorted({name for check in alike for name in json.loads(check["kwargs"])})
        dimension = DIMENSIONS.get(str(alike[0]["dimension"]), DataQualityDimensions.NoDimension)
        yield CreateTestDefinitionRequest(
            name=_definition(kind, of_column),
            displayName=kind,
            description=f"Great Expectations {kind}",
            entityType=EntityType.COLUMN if of_column else EntityType.TABLE,
            testPlatforms=[TestPlatform.GreatExpectations],
            dataQualityDimension=dimension,
            parameterDefinition=[
                TestCaseParameterDefinition(name=name, displayName=name, dataType=TestDataType.STRING, required=False)
                for name in names
            ],
        )


def _definition(kind: str, of_column: bool) -> str:
    return f"citybrain_{kind}_{'column' if of_column else 'table'}"


def _named(checks: list[Check]) -> Iterator[tuple[str, Check]]:
    """Give every check of a table a name of its own, made of its rule."""
    used: dict[tuple[str, str], int] = defaultdict(int)
    for check in checks:
        rule = str(check.get("rule") or check["expectation_type"]).replace(".", "-")
        column = check["column_name"]
        base = encoded(rule if not column or rule.startswith(f"{column}-") else f"{column}-{rule}")
        used[check["table_name"], base] += 1
        count = used[check["table_name"], base]
        yield (base if count == 1 else f"{base}-{count}"), check


def _case(place: Place, check: Check, name: str) -> Any:
    column = check["column_name"]
    field = f"::columns::{column}" if column else ""
    return CreateTestCaseRequest(
        name=name,
        displayName=check.get("notes") or check["expectation_type"],
        description=f"{check.get('dimension') or ''} {check['severity']}".strip(),
        testDefinition=_definition(check["expectation_type"], bool(column)),
        entityLink=f"<#E::table::{place.table(check['table_name'])}{field}>",
        parameterValues=[
            TestCaseParameterValue(name=name, value=value if isinstance(value, str) else json.dumps(value))
            for name, value in json.loads(check["kwargs"]).items()
            if value is not None
        ],
    )


def _result(place: Place, check: Check, name: str, at: int) -> Any:
    table, column = check["table_name"], check["column_name"]
    total, failed = check["element_count"], check["unexpected_count"]
    status = TestCaseStatus.Success if check["success"] else TestCaseStatus.Failed
    counted = total is not None and failed is not None
    return OMetaTestCaseResultsSample(
        test_case_name=f"{place.column(table, column) if column else place.table(table)}.{name}",
        test_case_results=TestCaseResult(
            timestamp=at,
            testCaseStatus=status,
            result=check["observed_value"],
            passedRows=total - failed if counted else None,
            failedRows=failed if counted else None,
        ),
    )


def profile_records(facts: ExchangeFacts, place: Place, identify: Identify) -> Iterator[Any]:
    """Yield rows and nulls of every published table."""
    if facts.published is None:
        return
    for table in facts.published.tables:
        profile = facts.published.profiles.get(table.identifier)
        identifier = identify("table", place.table(table.identifier))
        if profile is not None and identifier is not None:
            yield _profile(place, table, profile, identifier, facts.published.at)


def _profile(place: Place, table: TableDoc, profile: Profile, identifier: UUID, at: int) -> Any:
    return OMetaTableProfileSampleData(
        table=Table(
            id=identifier,
            name=table.identifier.partition(".")[2],
            fullyQualifiedName=place.table(table.identifier),
            columns=[Column(name=column.name, **column_type(column.type)) for column in table.columns],
        ),
        profile=CreateTableProfileRequest(
            tableProfile=TableProfile(timestamp=at, rowCount=profile.rows, columnCount=len(table.columns)),
            columnProfile=[
                ColumnProfile(
                    name=column.name,
                    timestamp=at,
                    valuesCount=profile.rows - profile.nulls[column.name],
                    nullCount=profile.nulls[column.name],
                    nullProportion=profile.nulls[column.name] / profile.rows if profile.rows else 0,
                )
                for column in table.columns
            ],
        ),
    )
