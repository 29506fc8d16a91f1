"""Draft a contract from a sample of the department's data. What only a person may decide is left as 待填.

The draft is proposed, never guessed past the evidence: columns are matched to information items by name, by pinyin
initials and by the shape of their values; law-relevant fields are left open, and lint refuses them until filled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml
from pypinyin import Style, lazy_pinyin

from catalog.contract.checks.subject import PLACEHOLDER
from catalog.contract.infer import infer_item, infer_type
from catalog.contract.model import LOGICAL_OF, Contract, Property, SourceKind
from catalog.contract.vocabulary import Vocabulary
from catalog.contract.writing import Indented

KEY_HEADER = re.compile(r"(号|编码|代码|编号|标识|ID|_NO|_ID)$", re.IGNORECASE)
HINTS: Mapping[str, str] = {
    "purpose": "摘要：谁登记了什么，一行代表什么（条例第十三条）",
    "dataProduct": "所属主题库，见 vocabulary/categories.yaml 的 topics",
    "govResourceCode": "类项目细目/顺序号（发改高技〔2017〕1272号）",
    "govCategory": "类项目细目，见 vocabulary/categories.yaml 的 entries",
    "govShareType": "1 无条件共享，2 有条件共享，3 不予共享（条例第十四条）；2 须写 govShareCondition，3 须写 govNoShareBasis",
    "govShareMethods": "服务接口、批量交换、文件下载中至少一种（条例第二十二条）",
    "govOpen": "是否向社会开放：true 或 false",
    "govUpdateCycle": "实时、每日、每周、每月、每季度、每年（条例第十三条）",
    "govItem": "信息项，见 vocabulary/items.yaml；没有的先在那里登记",
    "classification": "分级 1 至 4，不低于信息项（GB/T 43697）",
    "secrecy": "保密风险评估日期（条例第十三条）",
    "personal_information": "个人信息保护影响评估日期（条例第十三条）",
    "sign_off": "负责人签发日期（条例第十三条）",
    "primaryKey": "主键列写 primaryKey: true",
}
_FORMAT: Mapping[SourceKind, str] = {"database": "3", "csv": "2", "excel": "2", "http_api": "7", "ndjson": "6"}


@dataclass(frozen=True)
class Sample:
    """A look at the data: how it is delivered, and the texts of some rows by header."""

    kind: SourceKind
    columns: Mapping[str, Sequence[str | None]]
    encoding: str | None = None
    sheet: str | None = None
    table: str | None = None


@dataclass(frozen=True)
class Known:
    """What another contract, or the dictionary of items, knows about a business name."""

    name: str
    business_name: str
    item: str | None
    code_list: str | None
    physical_type: str | None


def scaffold(
    dept: str, resource: str, sample: Sample, vocabulary: Vocabulary, contracts: Mapping[str, Contract]
) -> str:
    """Return the text of a draft contract."""
    known = dictionary(vocabulary, contracts)
    taken: set[str] = set()
    columns = [draft_column(header, values, known, vocabulary, taken) for header, values in sample.columns.items()]
    _propose_key(columns, sample)
    department = vocabulary.departments[dept]
    draft = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": str(uuid5(NAMESPACE_URL, f"urn:citybrain:{dept}.{resource}")),
        "name": PLACEHOLDER,
        "version": "0.1.0",
        "status": "draft",
        "domain": dept,
        "dataProduct": PLACEHOLDER,
        "tenant": vocabulary.city.code,
        "description": {"purpose": PLACEHOLDER},
        "schema": [
            {
                "name": resource,
                "physicalName": f"{dept}.{resource}",
                "businessName": PLACEHOLDER,
                "physicalType": "table",
                "properties": columns,
            }
        ],
        "team": {"name": department.name, "members": [{"username": f"{dept}-steward", "role": "编目员"}]},
        "customProperties": _custom(dept, resource, sample, columns, department.credit_code),
    }
    return _with_hints(yaml.dump(draft, Dumper=Indented, allow_unicode=True, sort_keys=False, width=110))


def _custom(
    dept: str, resource: str, sample: Sample, columns: Sequence[Mapping[str, Any]], provider: str
) -> list[dict[str, Any]]:
    source: dict[str, Any] = {"kind": sample.kind, "mode": "replace", "path": _path(dept, resource, sample.kind)}
    source |= {k: v for k in ("encoding", "sheet", "table") if (v := getattr(sample, k)) is not None}
    stamps = [c["name"] for c in columns if c["physicalType"] == "timestamp" and c.get("required")]
    if stamps:
        source |= {"mode": "upsert", "watermark": stamps[-1]}
    values = {
        "govResourceCode": PLACEHOLDER,
        "govCategory": PLACEHOLDER,
        "govProviderCode": provider,
        "govFormat": _FORMAT[sample.kind],
        "govShareType": PLACEHOLDER,
        "govShareMethods": [PLACEHOLDER],
        "govOpen": PLACEHOLDER,
        "govUpdateCycle": PLACEHOLDER,
        "govSource": source,
        "govQuality": {"maxQuarantineRatio": 0.3, "minRows": 1},
        "govAssessments": dict.fromkeys(("secrecy", "personal_information", "sign_off"), PLACEHOLDER),
    }
    return [{"property": name, "value": value} for name, value in values.items()]


def _path(dept: str, resource: str, kind: SourceKind) -> str:
    ending = {"csv": "*.csv", "excel": "*.xlsx", "ndjson": "*.ndjson"}.get(kind)
    return f"{dept}/{resource}/{ending}" if ending else f"{dept}/{dept}.db"


def initials(text: str) -> str:
    """Return the pinyin initials that department databases name columns by: ``出生日期`` -> ``CSRQ``."""
    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER)).upper()


def dictionary(vocabulary: Vocabulary, contracts: Mapping[str, Contract]) -> dict[str, Known]:
    """Return what is known by business name, by header and by pinyin initials; the first to say it counts."""
    known: dict[str, Known] = {}
    props: list[Property] = [prop for key in sorted(contracts) for prop in contracts[key].properties]
    for prop in props:
        entry = Known(prop.name, prop.business_name, prop.gov.item, prop.gov.code_list, prop.physical_type)
        for word in (prop.business_name, prop.physical_name):
            known.setdefault(word.upper(), entry)
    for name, item in vocabulary.items.items():
        physical = next((prop.physical_type for prop in props if prop.gov.item == name), None)
        known.setdefault(item.name.upper(), Known(name, item.name, name, None, physical))
    for entry in list(known.values()):
        known.setdefault(initials(entry.business_name), entry)
    return known


def draft_column(
    header: str, values: Sequence[str | None], known: Mapping[str, Known], vocabulary: Vocabulary, taken: set[str]
) -> dict[str, Any]:
    present = [value.strip() for value in values if value is not None and value.strip()]
    match = known.get(header.strip().upper())
    item_name = (match.item if match else None) or infer_item(present)
    item = vocabulary.items.get(item_name or "")
    usual = match or (known.get(item.name.upper()) if item else None)
    physical = _roomier(infer_type(present, item.data_type if item else None), usual.physical_type if usual else None)
    name = _unique(match.name if match else snake_name(header), taken)
    column: dict[str, Any] = {
        "name": name,
        "physicalName": header,
        "businessName": match.business_name if match else (item.name if item and not _is_chinese(header) else header),
        "logicalType": LOGICAL_OF[physical.partition("(")[0]],
        "physicalType": physical,
        "classification": str(item.grade) if item else PLACEHOLDER,
    }
    if present and len(present) == len(values):
        column["required"] = True
    if physical.startswith("varchar"):
        column["logicalTypeOptions"] = {"maxLength": int(physical[8:-1])}
    gov = {
        "govItem": item_name if item else PLACEHOLDER,
        "govDataType": item.data_type if item else _data_type(physical),
    }
    code_list = match.code_list if match else None
    if code_list and set(present) <= vocabulary.code_lists[code_list].values.keys():
        gov["govCodeList"] = code_list
    if item and item.mask:
        gov["govMask"] = item.mask
    column["customProperties"] = [{"property": key, "value": value} for key, value in gov.items()]
    return column


def _roomier(seen: str, usual: str | None) -> str:
    """Return the type that the same column has elsewhere when it holds the longest text seen here."""
    if usual and usual.startswith("varchar") and seen.startswith("varchar"):
        return max(usual, seen, key=lambda physical: int(physical[8:-1]))
    return seen


def _data_type(physical: str) -> str:
    base = physical.partition("(")[0]
    codes = {"varchar": "C", "decimal": "N", "double": "B", "boolean": "L", "date": "D", "timestamp": "T"}
    return codes.get(base, "I")


def _propose_key(columns: list[dict[str, Any]], sample: Sample) -> None:
    """Mark the first column that is always there, never twice and named like a number or code."""
    for column in columns:
        values = sample.columns[column["physicalName"]]
        is_distinct = len(values) > 1 and len(set(values)) == len(values)
        if column.get("required") and is_distinct and KEY_HEADER.search(f"{column['businessName']}"):
            column |= {"primaryKey": True, "primaryKeyPosition": 1}
            return


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def snake_name(header: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header)
    words = "_".join(lazy_pinyin(spaced))
    slug = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return slug if slug[:1].isalpha() else f"c_{slug}".rstrip("_")


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def _with_hints(text: str) -> str:
    """Say behind each 待填 what belongs there."""
    lines = text.splitlines()
    for position, line in enumerate(lines):
        if PLACEHOLDER not in line:
            continue
        previous = " ".join(lines[max(0, position - 1) : position + 1])
        found = re.findall(r"property: (gov\w+)", previous) or re.findall(r"(\w+):", line)
        hint = HINTS.get(found[-1]) if found else None
        if hint:
            lines[position] = f"{line}  # {hint}"
    return "\n".join(lines) + "\n"
