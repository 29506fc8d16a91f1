"""Row rules derived from a contract: what a single received row must satisfy to be accepted.

The rules are data; ``catalog.derive.sql_predicates`` turns each into SQL. Ingestion quarantines rows with them, and
the expectation suites count with the same predicates, so that both can never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Item, Vocabulary

Check = Literal[
    "required", "type", "length", "range", "code_list", "checksum", "division", "in_city", "pattern", "order"
]

DIVISION_REFERENCE = "dsjj.division"
CITY_PREFIX_LENGTH = 4  # GB/T 2260: two digits province, two digits prefecture

PLATE_NO = (
    "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]"
    "(?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]|[A-HJ-NP-Z0-9]{6})"
)


@dataclass(frozen=True)
class _Pattern:
    """A regular expression that the whole value must match, what it means, and who says so.

    ``usual`` is a glob that most good values match and no other value does: an engine compares it faster.
    """

    regex: str
    meaning: str
    source: str
    usual: str | None = None


PATTERNS: Mapping[str, _Pattern] = MappingProxyType(
    {
        "division_code_shape": _Pattern(r"[1-9][0-9]{11}", "须为 12 位数字的区划代码", "GB/T 2260、GB/T 10114"),
        "phone": _Pattern(
            r"1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}",
            "须为 11 位手机号码，或带区号的固定电话",
            "工信部《电信网编号计划》",
            usual="1[3-9]" + "[0-9]" * 9,
        ),
        "plate_no": _Pattern(PLATE_NO, "不是有效的机动车号牌号码", "GA 36"),
        "vin": _Pattern(r"[A-HJ-NPR-Z0-9]{17}", "须为 17 位车辆识别代号（不含 I、O、Q）", "GB 16735"),
        "month": _Pattern(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])", "须为 YYYY-MM 格式的月份", "GB/T 7408"),
        "icd10_3": _Pattern(r"[A-Z][0-9]{2}", "须为 ICD-10 三位类目编码", "GB/T 14396"),
    }
)


@dataclass(frozen=True)
class RowRule:
    """One check on one column. ``id`` is ``<column>.<check>``, ``reason`` says in Chinese what is wrong."""

    id: str
    column: str
    check: Check
    reason: str
    source: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)


def row_rules(contract: Contract, vocabulary: Vocabulary) -> list[RowRule]:
    """Return the rules of ``contract`` in the order in which a failing row names them: by column, then by check."""
    return [rule for prop in contract.properties for rule in _column_rules(prop, contract, vocabulary)]


def ingest_order(contracts: Mapping[str, Contract]) -> list[str]:
    """Return the contract keys so that a resource comes after the reference sets its row rules look into."""
    return sorted(contracts, key=lambda key: (key != DIVISION_REFERENCE, key))


def _column_rules(prop: Property, contract: Contract, vocabulary: Vocabulary) -> Iterable[RowRule]:
    here = f"catalog/contracts/{contract.dept}/{contract.resource}.odcs.yaml#{prop.name}"
    item = vocabulary.items.get(prop.gov.item)

    def rule(check: Check, reason: str, source: str = here, **params: Any) -> RowRule:
        return RowRule(f"{prop.name}.{check}", prop.name, check, f"{prop.business_name}：{reason}", source, params)

    if prop.required:
        yield rule("required", "必填项为空")
    if prop.base_type != "varchar":
        yield rule("type", _type_reason(prop), physical_type=prop.physical_type)
    options = prop.logical_type_options
    if options.max_length is not None or options.min_length is not None:
        low, high = options.min_length or 0, options.max_length
        yield rule("length", _length_reason(low, high), min=low, max=high)
    yield from _range_rules(rule, prop, item)
    if prop.gov.code_list is not None:
        codes = vocabulary.code_lists[prop.gov.code_list]
        reason = f"不在代码集“{codes.name}”内"
        yield rule("code_list", reason, f"{codes.standard} {prop.gov.code_list}", values=tuple(codes.values))
    if item is not None and item.format is not None:
        yield from _format_rules(rule, item, contract, vocabulary)
    elif options.pattern is not None:
        yield rule("pattern", f"不符合格式 {options.pattern}", regex=options.pattern)
    if prop.gov.not_before is not None:
        earlier = contract.property_named(prop.gov.not_before)
        yield rule("order", f"早于{earlier.business_name}", not_before=earlier.name)


def _type_reason(prop: Property) -> str:
    match prop.base_type:
        case "decimal":
            precision, scale = prop.decimal_parameters
            return f"不是数值，或超出 {precision - scale} 位整数、{scale} 位小数"
        case "integer" | "bigint":
            return "不是整数，或超出范围"
        case "double":
            return "不是有限的数值"
        case "boolean":
            return "不是是/否、Y/N、1/0、true/false 之一"
        case "date":
            return "不是真实日期（YYYY-MM-DD、YYYY/MM/DD、YYYYMMDD）"
        case _:
            return "不是真实时间（YYYY-MM-DD HH:MM:SS）"


def _length_reason(low: int, high: int | None) -> str:
    if high is None:
        return f"少于 {low} 个字符"
    return f"超过 {high} 个字符" if not low else f"字符数不在 {low} 至 {high} 之间"


def _range_rules(rule: Any, prop: Property, item: Item | None) -> Iterable[RowRule]:
    """One ``.range`` rule: numeric bounds of the contract, or the item's first and last date (both included)."""
    options = prop.logical_type_options
    if prop.base_type in ("date", "timestamp"):
        if item is not None and (item.min is not None or item.max is not None):
            span = f"{item.min or '…'} 至 {item.max or '…'}"
            yield rule(
                "range",
                f"不在 {span} 之间",
                f"catalog/vocabulary/items.yaml#{prop.gov.item}",
                min=item.min,
                max=item.max,
            )
    elif options.minimum is not None or options.maximum is not None:
        low, high = options.minimum, options.maximum
        span = f"{'…' if low is None else low} 至 {'…' if high is None else high}"
        yield rule("range", f"不在 {span} 之间", min=low, max=high)


def _format_rules(rule: Any, item: Item, contract: Contract, vocabulary: Vocabulary) -> Iterable[RowRule]:
    bounds = vocabulary.city.bounds
    match item.format:
        case "resident_id":
            reason = "不是有效的公民身份号码（18 位、出生日期真实、校验码正确，末位 X 须大写）"
            yield rule("checksum", reason, "GB 11643", scheme="resident_id")
        case "credit_code":
            yield rule("checksum", "不是有效的统一社会信用代码（18 位、校验码正确）", "GB 32100", scheme="credit_code")
        case "division_code":
            yield rule(
                "division",
                "不是本市现行有效的区划代码，也不是外地 12 位区划代码",
                f"GB/T 2260、{DIVISION_REFERENCE}",
                city_prefix=vocabulary.city.code[:CITY_PREFIX_LENGTH],
                at=contract.gov.source.watermark,
            )
        case "longitude":
            yield rule(
                "in_city", "经度不在本市范围内", "catalog/vocabulary/city.yaml", min=bounds.west, max=bounds.east
            )
        case "latitude":
            yield rule(
                "in_city", "纬度不在本市范围内", "catalog/vocabulary/city.yaml", min=bounds.south, max=bounds.north
            )
        case "dept_code":
            names = tuple(vocabulary.departments)
            yield rule("pattern", "不是本市部门代码", "catalog/vocabulary/departments.yaml", values=names)
        case str() as name:
            pattern = PATTERNS[name]
            yield rule("pattern", pattern.meaning, pattern.source, regex=pattern.regex)
