"""Service, database, schemas and tables. A contract's table carries its whole catalogue entry."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from metadata.generated.schema.api.data.createDatabase import CreateDatabaseRequest
from metadata.generated.schema.api.data.createDatabaseSchema import CreateDatabaseSchemaRequest
from metadata.generated.schema.api.data.createTable import CreateTableRequest
from metadata.generated.schema.api.services.createDatabaseService import CreateDatabaseServiceRequest
from metadata.generated.schema.entity.data.table import Column, Constraint, DataType, TableConstraint, TableType
from metadata.generated.schema.entity.services.databaseService import DatabaseServiceType
from metadata.generated.schema.type.entityReference import EntityReference
from metadata.generated.schema.type.entityReferenceList import EntityReferenceList

from catalog.contract.model import Contract
from catalog.derive.catalogue import CatalogueEntry, CatalogueItem, catalogue_entry
from catalog.exchange.facts import ColumnDoc, ExchangeFacts, TableDoc
from catalog.exchange.names import GLOSSARY_CODES, GLOSSARY_ITEMS, Place, encoded
from catalog.exchange.records_words import category_address, label
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
    tag_named,
)

DATABASE_TITLE = "数据湖"
ENTRY_PROPERTIES = {
    "contract_id": "合同标识",
    "contract_version": "合同版本",
    "contract_status": "合同状态",
    "resource_code": "信息资源代码",
    "category": "信息资源分类代码",
    "provider_code": "信息资源提供方代码",
    "share_condition": "共享条件",
    "usage_condition": "使用条件",
    "is_open": "是否向社会开放",
    "open_condition": "开放条件",
    "published_on": "发布日期",
    "related": "关联资源代码",
    "secrecy_assessed_on": "保密风险评估",
    "privacy_assessed_on": "个人信息保护影响评估",
    "signed_off_on": "负责人签发",
    "is_reflow": "是否回流数据",
    "dangling_references": "指向目录以外的引用",
}
YES, NO = "是", "否"

_TYPE = re.compile(r"^(?P<base>[a-z ]+?)\s*(?:\((?P<first>\d+)(?:\s*,\s*(?P<second>\d+))?\))?$")
_TYPES = {
    "varchar": DataType.VARCHAR,
    "decimal": DataType.DECIMAL,
    "integer": DataType.INT,
    "bigint": DataType.BIGINT,
    "double": DataType.DOUBLE,
    "boolean": DataType.BOOLEAN,
    "date": DataType.DATE,
    "timestamp": DataType.TIMESTAMP,
    "json": DataType.JSON,
}

Identify = Callable[[str, str], UUID | None]  # kind of entity and its address -> identifier


def container_records(facts: ExchangeFacts, place: Place) -> Iterator[list[Any]]:
    """Yield service, database and schemas, each list after those that it stands in."""
    about = "城市大脑数据湖：部门资源与主题库，由数据合同生成"
    yield [
        CreateDatabaseServiceRequest(
            name=place.service,
            displayName="城市大脑",
            description=about,
            serviceType=DatabaseServiceType.CustomDatabase,
        )
    ]
    yield [CreateDatabaseRequest(name=place.database, displayName=DATABASE_TITLE, service=place.service)]
    titles = {
        **{key: department.name for key, department in facts.vocabulary.departments.items()},
        **facts.vocabulary.categories.topics,
    }
    namespaces = {name.partition(".")[0] for name in (*facts.contracts, *(t.identifier for t in facts.tables()))}
    yield [
        CreateDatabaseSchemaRequest(name=name, displayName=titles.get(name, name), database=place.database_fqn)
        for name in sorted(namespaces)
    ]


def table_records(facts: ExchangeFacts, place: Place, identify: Identify) -> Iterator[Any]:
    """Yield every table: resources by their contract, then marts and the pipeline's own."""
    for key in sorted(facts.contracts):
        yield _resource(facts, place, facts.contracts[key], identify)
    for table in facts.tables():
        yield _table(place, table)


def _resource(facts: ExchangeFacts, place: Place, contract: Contract, identify: Identify) -> Any:
    entry = catalogue_entry(contract, facts.vocabulary)
    team = identify("team", contract.dept)
    owner = None if team is None else EntityReference(id=team, type="team", name=contract.dept)
    return CreateTableRequest(
        name=contract.resource,
        displayName=entry.name,
        description=entry.summary,
        tableType=TableType.Iceberg,
        databaseSchema=place.schema(contract.dept),
        columns=[_item(item, contract) for item in entry.items],
        tableConstraints=_constraints(facts, place, contract, entry),
        owners=None if owner is None else EntityReferenceList([owner]),
        tags=_entry_tags(facts, contract, entry),
        domains=[encoded(contract.topic)],
        extension=_extension(facts, contract, entry),
    )


def _entry_tags(facts: ExchangeFacts, contract: Contract, entry: CatalogueEntry) -> list[Any]:
    category = category_address(facts, contract.gov.category)
    return [
        label(tag_named(SHARE_TYPE, entry.share_type_name)),
        label(tag_named(GRADE, entry.grade_name)),
        label(tag_named(FORMAT, entry.format_name)),
        label(tag_named(UPDATE_CYCLE, entry.update_cycle)),
        label(tag_named(MATURITY, entry.maturity)),
        *(label(tag_named(SHARE_METHOD, method)) for method in entry.share_methods),
        *([label(category, is_term=True)] if category else []),
    ]


def _extension(facts: ExchangeFacts, contract: Contract, entry: CatalogueEntry) -> dict[str, str]:
    """Return what no standard field holds; what is empty is left out."""
    dangling = {
        item.name: item.reference for item in entry.items if item.reference and not _is_known(facts, item.reference)
    }
    values = {
        "contract_id": entry.contract_id,
        "contract_version": entry.version,
        "contract_status": entry.status,
        "resource_code": entry.resource_code,
        "category": contract.gov.category,
        "provider_code": entry.provider_code,
        "share_condition": entry.share_condition,
        "usage_condition": entry.usage_condition,
        "is_open": YES if entry.is_open else NO,
        "open_condition": entry.open_condition,
        "published_on": entry.published_on,
        "related": as_json(entry.related),
        "secrecy_assessed_on": entry.secrecy_assessed_on,
        "privacy_assessed_on": entry.privacy_assessed_on,
        "signed_off_on": entry.signed_off_on,
        "is_reflow": YES if entry.is_reflow else NO,
        "dangling_references": as_json(dangling),
    }
    return {name: value for name, value in values.items() if value}


def as_json(value: Any) -> str:
    """Return a list or mapping as one text; an empty one as no text."""
    return json.dumps(value, ensure_ascii=False) if value else ""


def _is_known(facts: ExchangeFacts, reference: str) -> bool:
    dept, resource, column = reference.split(".")
    contract = facts.contracts.get(f"{dept}.{resource}")
    return contract is not None and any(prop.name == column for prop in contract.properties)


def _item(item: CatalogueItem, contract: Contract) -> Any:
    return Column(
        name=item.name,
        displayName=item.business_name,
        description=item.description or None,
        ordinalPosition=item.position,
        constraint=_constraint(item, is_only_key=contract.primary_key == [item.name]),
        tags=list(_item_tags(item, contract)),
        **column_type(item.physical_type),
    )


def _constraint(item: CatalogueItem, *, is_only_key: bool) -> Any:
    if is_only_key:
        return Constraint.PRIMARY_KEY
    return Constraint.NOT_NULL if item.is_required else Constraint.NULL


def _item_tags(item: CatalogueItem, contract: Contract) -> Iterator[Any]:
    yield label(tag_named(GRADE, item.grade_name))
    yield label(DATA_TYPE.fqn(item.data_type_code))
    yield label(f"{GLOSSARY_ITEMS}.{encoded(item.item)}", is_term=True)
    if item.code_list is not None:
        yield label(f"{GLOSSARY_CODES}.{encoded(item.code_list)}", is_term=True)
    if item.mask is not None:
        yield label(f"{MASK}.{encoded(item.mask)}")
    authority = contract.property_named(item.name).gov.authority
    if authority is not None:
        yield label(f"{AUTHORITY}.{encoded(authority.dept)}")
        yield label(f"{FACT}.{encoded(authority.fact)}")


def _constraints(facts: ExchangeFacts, place: Place, contract: Contract, entry: CatalogueEntry) -> list[Any]:
    keys = [item.name for item in entry.items if item.is_key]
    found = [TableConstraint(constraintType="PRIMARY_KEY", columns=keys)]
    for item in entry.items:
        if item.reference and _is_known(facts, item.reference):
            target = f"{place.database_fqn}.{item.reference}"
            found.append(TableConstraint(constraintType="FOREIGN_KEY", columns=[item.name], referredColumns=[target]))
    return found


def _table(place: Place, table: TableDoc) -> Any:
    namespace, _, name = table.identifier.partition(".")
    return CreateTableRequest(
        name=name,
        displayName=table.business_name or None,
        description=table.description or None,
        tableType=TableType.Iceberg,
        databaseSchema=place.schema(namespace),
        columns=[_column(column, position) for position, column in enumerate(table.columns, start=1)],
    )


def _column(column: ColumnDoc, position: int) -> Any:
    return Column(
        name=column.name,
        displayName=column.business_name or None,
        description=column.description or None,
        ordinalPosition=position,
        **column_type(column.type),
    )


def column_type(spelled: str) -> dict[str, Any]:
    """Return a SQL type in OpenMetadata's fields; the spelling is kept, and a type without a like is UNKNOWN."""
    found = _TYPE.match(spelled)
    kind = _TYPES.get(found["base"], DataType.UNKNOWN) if found else DataType.UNKNOWN
    fields: dict[str, Any] = {"dataType": kind, "dataTypeDisplay": spelled}
    if found is None or kind is DataType.UNKNOWN:
        return fields
    if kind is DataType.VARCHAR:
        return {**fields, **({"dataLength": int(found["first"])} if found["first"] else {"dataType": DataType.STRING})}
    if kind is DataType.DECIMAL and found["first"]:
        return {**fields, "precision": int(found["first"]), "scale": int(found["second"] or 0)}
    return fields
