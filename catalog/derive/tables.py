"""The contracts as plain rows: what dbt and the catalogue's pages read in schema ``contract``.

``TABLE_COLUMNS`` is the binding list of tables, columns and SQL types (DuckDB and Trino spell them alike);
``contract_tables`` fills it. A column that is all null has its type from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.codes import DATA_TYPE_NAMES, FORMAT_NAMES, GRADE_NAMES, SHARE_TYPE_NAMES
from catalog.derive.maturity import described_ratio, is_described, maturity
from catalog.derive.schedule import ingestion_schedule

Row = dict[str, Any]

_RESOURCE = """
dept varchar, resource varchar, resource_key varchar, contract_id varchar, name varchar, version varchar,
status varchar, topic varchar, topic_name varchar, resource_code varchar, class_code varchar, class_name varchar,
group_code varchar, group_name varchar, category varchar, category_name varchar, provider_name varchar,
provider_code varchar, summary varchar, limitations varchar, usage_condition varchar, format_code varchar,
format_name varchar, share_type integer, share_type_name varchar, share_scope varchar, share_purposes varchar,
no_share_law varchar, no_share_article varchar, no_share_reason varchar, share_methods varchar, is_open boolean,
open_condition varchar, update_cycle varchar, max_age_hours integer, late_after_hours integer, schedule_cron varchar,
source_kind varchar, load_mode varchar, watermark_column varchar, max_quarantine_ratio double, min_rows integer,
grade integer, grade_name varchar, maturity varchar, described_ratio double, steward varchar, owner varchar,
secrecy_assessed_on date, privacy_assessed_on date, signed_off_on date, is_reflow boolean, related varchar
"""
_PROPERTY = """
resource_key varchar, dept varchar, resource varchar, position integer, name varchar, business_name varchar,
physical_name varchar, logical_type varchar, physical_type varchar, data_type_code varchar, data_type_name varchar,
is_required boolean, is_key boolean, key_position integer, classification integer, grade_name varchar, item varchar,
item_name varchar, unit varchar, code_list varchar, code_list_name varchar, reference varchar, mask varchar,
authority_dept varchar, authority_fact varchar, is_described boolean, description varchar
"""
_OTHERS = {
    "department": "dept varchar, name varchar, credit_code varchar, system varchar, position integer",
    "code_value": (
        "code_list varchar, code_list_name varchar, standard varchar, code varchar, label varchar, position integer"
    ),
    "category": "code varchar, level integer, level_name varchar, name varchar, parent_code varchar",
    "fact": (
        "fact varchar, name varchar, entity varchar, authority varchar, authority_dept varchar, rule varchar, "
        "description varchar"
    ),
    "fact_assertion": (
        "fact varchar, position integer, resource_key varchar, dept varchar, resource varchar, column_name varchar, "
        "is_authority boolean"
    ),
}


def _columns(declared: str) -> dict[str, str]:
    words = declared.replace(",", " ").split()
    return dict(zip(words[::2], words[1::2], strict=True))


TABLE_COLUMNS: Mapping[str, Mapping[str, str]] = {
    table: _columns(declared) for table, declared in {"resource": _RESOURCE, "property": _PROPERTY, **_OTHERS}.items()
}


def contract_tables(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> dict[str, list[Row]]:
    """Return the rows of every table of schema ``contract`` by its bare name; columns as in ``TABLE_COLUMNS``."""
    resources = [contracts[key] for key in sorted(contracts)]
    rows: dict[str, list[Row]] = {
        "resource": [_resource(contract, vocabulary) for contract in resources],
        "property": [
            _property(contract, position, prop, vocabulary)
            for contract in resources
            for position, prop in enumerate(contract.properties, start=1)
        ],
        "department": [
            {"dept": dept, "name": d.name, "credit_code": d.credit_code, "system": d.system, "position": position}
            for position, (dept, d) in enumerate(vocabulary.departments.items(), start=1)
        ],
        "code_value": list(_code_values(vocabulary)),
        "category": list(_categories(vocabulary)),
        "fact": [
            {
                "fact": key,
                "name": fact.name,
                "entity": fact.entity,
                "authority": fact.authority,
                "authority_dept": fact.authority.partition(".")[0],
                "rule": fact.rule,
                "description": fact.description,
            }
            for key, fact in vocabulary.facts.items()
        ],
        "fact_assertion": list(_assertions(vocabulary)),
    }
    return {table: [_in_order(row, TABLE_COLUMNS[table]) for row in rows[table]] for table in TABLE_COLUMNS}


def _in_order(row: Row, columns: Mapping[str, str]) -> Row:
    """Return ``row`` in the declared column order; raise ``ValueError`` when it has other columns than declared."""
    if row.keys() != columns.keys():
        raise ValueError(f"columns differ from the declared: {sorted(row.keys() ^ columns.keys())}")
    return {column: row[column] for column in columns}


def _resource(contract: Contract, vocabulary: Vocabulary) -> Row:
    return {
        "dept": contract.dept,
        "resource": contract.resource,
        "resource_key": contract.key,
        "contract_id": contract.id,
        "name": contract.name,
        "version": contract.version,
        "status": contract.status,
        "topic": contract.topic,
        "topic_name": vocabulary.categories.topics.get(contract.topic),
        "summary": contract.description.purpose,
        "limitations": contract.description.limitations,
        "usage_condition": contract.description.usage,
        "grade": contract.grade,
        "grade_name": GRADE_NAMES[contract.grade],
        "maturity": maturity(contract),
        "described_ratio": round(described_ratio(contract), 4),
        "steward": _member(contract, "编目员"),
        "owner": _member(contract, "负责人"),
        **_coding(contract, vocabulary),
        **_sharing(contract),
        **_supply(contract),
        **_assessments(contract),
    }


def _coding(contract: Contract, vocabulary: Vocabulary) -> Row:
    gov, categories = contract.gov, vocabulary.categories
    department = vocabulary.departments.get(contract.dept)
    return {
        "resource_code": gov.resource_code,
        "class_code": gov.category[:1],
        "class_name": categories.classes.get(gov.category[:1]),
        "group_code": gov.category[:3],
        "group_name": categories.groups.get(gov.category[:3]),
        "category": gov.category,
        "category_name": categories.entries.get(gov.category),
        "provider_name": department.name if department else None,
        "provider_code": gov.provider_code,
        "format_code": gov.format,
        "format_name": FORMAT_NAMES[gov.format],
        "is_reflow": gov.reflow,
        "related": "、".join(gov.related) or None,
    }


def _sharing(contract: Contract) -> Row:
    gov = contract.gov
    condition, basis = gov.share_condition, gov.no_share_basis
    return {
        "share_type": gov.share_type,
        "share_type_name": SHARE_TYPE_NAMES[gov.share_type],
        "share_scope": condition.scope if condition else None,
        "share_purposes": "、".join(condition.purposes) if condition else None,
        "no_share_law": basis.law if basis else None,
        "no_share_article": basis.article if basis else None,
        "no_share_reason": basis.reason if basis else None,
        "share_methods": "、".join(gov.share_methods) or None,
        "is_open": gov.open,
        "open_condition": gov.open_condition,
    }


def _supply(contract: Contract) -> Row:
    gov = contract.gov
    schedule = ingestion_schedule(contract)
    return {
        "update_cycle": gov.update_cycle,
        "max_age_hours": int(schedule.max_age.total_seconds() // 3600),
        "late_after_hours": int(schedule.late_after.total_seconds() // 3600),
        "schedule_cron": schedule.cron,
        "source_kind": gov.source.kind,
        "load_mode": gov.source.mode,
        "watermark_column": gov.source.watermark,
        "max_quarantine_ratio": gov.quality.max_quarantine_ratio,
        "min_rows": gov.quality.min_rows,
    }


def _assessments(contract: Contract) -> Row:
    dated = contract.gov.assessments
    return {
        "secrecy_assessed_on": _date(dated.secrecy),
        "privacy_assessed_on": _date(dated.personal_information),
        "signed_off_on": _date(dated.sign_off),
    }


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _member(contract: Contract, role: str) -> str | None:
    """Return the name, or else the user name, of the first member with that role."""
    members = [] if contract.team is None else contract.team.members
    return next((member.name or member.username for member in members if member.role == role), None)


def _property(contract: Contract, position: int, prop: Property, vocabulary: Vocabulary) -> Row:
    gov = prop.gov
    item = vocabulary.items.get(gov.item)
    codes = vocabulary.code_lists.get(gov.code_list or "")
    keys = contract.primary_key
    return {
        "resource_key": contract.key,
        "dept": contract.dept,
        "resource": contract.resource,
        "position": position,
        "name": prop.name,
        "business_name": prop.business_name,
        "physical_name": prop.physical_name,
        "logical_type": prop.logical_type,
        "physical_type": prop.physical_type,
        "data_type_code": gov.data_type,
        "data_type_name": DATA_TYPE_NAMES[gov.data_type],
        "is_required": prop.required,
        "is_key": prop.primary_key,
        "key_position": keys.index(prop.name) + 1 if prop.name in keys else None,
        "classification": int(prop.classification),
        "grade_name": GRADE_NAMES[int(prop.classification)],
        "item": gov.item,
        "item_name": item.name if item else None,
        "unit": item.unit if item else None,
        "code_list": gov.code_list,
        "code_list_name": codes.name if codes else None,
        "reference": gov.reference,
        "mask": gov.mask,
        "authority_dept": gov.authority.dept if gov.authority else None,
        "authority_fact": gov.authority.fact if gov.authority else None,
        "is_described": is_described(prop),
        "description": prop.description,
    }


def _code_values(vocabulary: Vocabulary) -> Iterable[Row]:
    for key, codes in vocabulary.code_lists.items():
        for position, (code, label) in enumerate(codes.values.items(), start=1):
            yield {
                "code_list": key,
                "code_list_name": codes.name,
                "standard": codes.standard,
                "code": code,
                "label": label,
                "position": position,
            }


def _categories(vocabulary: Vocabulary) -> Iterable[Row]:
    """Yield 类, 项 and 目; the parent of a code is the code that it continues."""
    scheme = vocabulary.categories
    levels = ((1, "类", scheme.classes), (2, "项", scheme.groups), (3, "目", scheme.entries))
    for level, level_name, names in levels:
        for code, name in names.items():
            parent = {1: None, 2: code[:1], 3: code[:3]}[level]
            yield {"code": code, "level": level, "level_name": level_name, "name": name, "parent_code": parent}


def _assertions(vocabulary: Vocabulary) -> Iterable[Row]:
    for key, fact in vocabulary.facts.items():
        for position, assertion in enumerate(fact.assertions, start=1):
            dept, resource, column = assertion.split(".")
            yield {
                "fact": key,
                "position": position,
                "resource_key": f"{dept}.{resource}",
                "dept": dept,
                "resource": resource,
                "column_name": column,
                "is_authority": f"{dept}.{resource}" == fact.authority,
            }
