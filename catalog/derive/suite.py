"""Great Expectations suite derived from a contract, as plain JSON objects.

Ingestion quarantines single rows with ``catalog.derive.rules``; the suite states the same rules about the whole table
that is to be published, plus what no single row can show: keys, volume, columns, references. It is therefore expected
to hold after every run, and a blocking (``critical``) failure means that something went around the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Literal

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.rules import DIVISION_REFERENCE, RowRule, row_rules

Dimension = Literal["规范性", "完整性", "准确性", "一致性", "时效性", "可访问性", "唯一性"]  # GB/T 36344
Severity = Literal["critical", "warning"]

TECHNICAL_COLUMNS = ("_batch_id", "_row")
CRITICAL: Severity = "critical"
WARNING: Severity = "warning"
HIDDEN_FROM_GRADE = 2  # values of grade 2 and above without a mask of their own are never shown as examples


def expectation_suite(contract: Contract, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the suite of ``contract``: ``{"name", "expectations": [{"type", "kwargs", "severity", "meta", …}], "meta"}``.

    ``meta`` of an expectation names its ``rule`` (``<column>.<check>`` as in quarantine), the ``dimension`` of
    GB/T 36344, the ``source`` of the rule, ``notes`` in Chinese, and the ``mask`` that its examples are shown through.
    """
    expectations = [
        *_table_expectations(contract),
        *_key_expectations(contract),
        *_row_expectations(contract, vocabulary),
        *_reference_expectations(contract),
    ]
    return {
        "name": contract.key,
        "expectations": expectations,
        "meta": {
            "title": contract.name,
            "contract": contract.key,
            "contract_version": contract.version,
            "topic": contract.topic,
            "resource_code": contract.gov.resource_code,
        },
    }


def _expectation(
    type_: str,
    kwargs: Mapping[str, Any],
    *,
    rule: str,
    dimension: Dimension,
    source: str,
    notes: str,
    severity: Severity = CRITICAL,
    mask: str | None = None,
) -> dict[str, Any]:
    meta = {"rule": rule, "dimension": dimension, "source": source, "notes": notes}
    if mask is not None:
        meta["mask"] = mask
    return {"type": type_, "kwargs": dict(kwargs), "severity": severity, "description": notes, "meta": meta}


def _place(contract: Contract, column: str | None = None) -> str:
    fragment = "" if column is None else f"#{column}"
    return f"catalog/contracts/{contract.dept}/{contract.resource}.odcs.yaml{fragment}"


def example_mask(prop: Property) -> str | None:
    """Return how examples of a column may be shown: its own mask, ``hidden`` for personal data without one, or as is."""
    if prop.gov.mask is not None:
        return prop.gov.mask
    return "hidden" if int(prop.classification) >= HIDDEN_FROM_GRADE else None


def _table_expectations(contract: Contract) -> Iterable[dict[str, Any]]:
    least = contract.gov.quality.min_rows
    yield _expectation(
        "expect_table_row_count_to_be_between",
        {"min_value": least},
        rule="table.min_rows",
        dimension="完整性",
        source=f"{_place(contract)}#govQuality",
        notes=f"{contract.name}：至少 {least} 行",
    )
    columns = [prop.name for prop in contract.properties]
    yield _expectation(
        "expect_table_columns_to_match_set",
        {"column_set": [*columns, *TECHNICAL_COLUMNS], "exact_match": True},
        rule="table.columns",
        dimension="规范性",
        source=_place(contract),
        notes=f"{contract.name}：列与契约一致",
    )


def _key_expectations(contract: Contract) -> Iterable[dict[str, Any]]:
    key = contract.primary_key
    names = "、".join(contract.property_named(name).business_name for name in key)
    masks = [example_mask(contract.property_named(name)) for name in key]
    masked = next((mask for mask in masks if mask is not None), None)
    if len(key) > 1:
        yield _expectation(
            "expect_compound_columns_to_be_unique",
            {"column_list": key},
            rule="key.duplicate",
            dimension="唯一性",
            source=_place(contract),
            notes=f"主键（{names}）不重复",
            mask=masked and "hidden",
        )
    unique = key if len(key) == 1 else []
    unique = unique + [prop.name for prop in contract.properties if prop.unique and prop.name not in unique]
    for name in unique:
        prop = contract.property_named(name)
        yield _expectation(
            "expect_column_values_to_be_unique",
            {"column": name},
            rule="key.duplicate" if name in key else f"{name}.unique",
            dimension="唯一性",
            source=_place(contract, name),
            notes=f"{prop.business_name}：不重复",
            mask=example_mask(prop),
        )


def _row_expectations(contract: Contract, vocabulary: Vocabulary) -> Iterable[dict[str, Any]]:
    rules = row_rules(contract, vocabulary)
    placed = {rule.column: rule for rule in rules if rule.check == "in_city"}
    longitude = next((c for c in placed if contract.property_named(c).gov.item == "longitude"), None)
    latitude = next((c for c in placed if contract.property_named(c).gov.item == "latitude"), None)
    paired = longitude is not None and latitude is not None
    for rule in rules:
        prop = contract.property_named(rule.column)
        if rule.check == "in_city" and paired:
            if rule.column == longitude and latitude is not None:
                yield _coordinates(rule, placed[latitude], prop)
            continue
        derived = _of_rule(rule)
        if derived is not None:
            type_, kwargs, dimension = derived
            severity = WARNING if rule.check == "division" else CRITICAL
            yield _expectation(
                type_,
                kwargs,
                rule=rule.id,
                dimension=dimension,
                source=rule.source,
                notes=_requirement(rule, prop),
                severity=severity,
                mask=example_mask(prop),
            )


def _of_rule(rule: RowRule) -> tuple[str, dict[str, Any], Dimension] | None:
    """Return type, kwargs and dimension of the expectation that states ``rule`` about a column, or None for types.

    A column's type needs no expectation: the table's own schema holds it.
    """
    column, params = rule.column, rule.params
    match rule.check:
        case "type":
            return None
        case "required":
            return "expect_column_values_to_not_be_null", {"column": column}, "完整性"
        case "length":
            bounds = _present({"min_value": params["min"] or None, "max_value": params["max"]})
            return "expect_column_value_lengths_to_be_between", {"column": column, **bounds}, "规范性"
        case "range" | "in_city":
            return "expect_column_values_to_be_between", {"column": column, **_bounds(params)}, "准确性"
        case "code_list":
            return _in_set(column, params["values"])
        case "checksum" if params["scheme"] == "resident_id":
            return "expect_column_values_to_be_valid_resident_id", {"column": column}, "准确性"
        case "checksum":
            return "expect_column_values_to_be_valid_credit_code", {"column": column}, "准确性"
        case "division":
            kwargs = _present({"column": column, "date_column": params["at"], "city_prefix": params["city_prefix"]})
            return (
                "expect_column_values_to_be_valid_division_code_at_date",
                {**kwargs, "resource": DIVISION_REFERENCE},
                "准确性",
            )
        case "pattern" if "values" in params:
            return _in_set(column, params["values"])
        case "pattern":
            return (
                "expect_column_values_to_match_regex",
                {"column": column, "regex": f"^(?:{params['regex']})$"},
                "规范性",
            )
        case "order":
            pair = {"column_A": column, "column_B": params["not_before"], "or_equal": True}
            return (
                "expect_column_pair_values_a_to_be_greater_than_b",
                {**pair, "ignore_row_if": "either_value_is_missing"},
                "一致性",
            )


def _in_set(column: str, values: Iterable[str]) -> tuple[str, dict[str, Any], Dimension]:
    return "expect_column_values_to_be_in_set", {"column": column, "value_set": list(values)}, "规范性"


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _bounds(params: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds as JSON values. A last day counts as a whole: everything before the next day is inside."""
    low, high = params["min"], params["max"]
    bounds: dict[str, Any] = {}
    if low is not None:
        bounds["min_value"] = low.isoformat() if isinstance(low, date) else low
    if isinstance(high, date):
        bounds |= {"max_value": (high + timedelta(days=1)).isoformat(), "strict_max": True}
    elif high is not None:
        bounds["max_value"] = high
    return bounds


def _coordinates(longitude: RowRule, latitude: RowRule, prop: Property) -> dict[str, Any]:
    west_east, south_north = longitude.params, latitude.params
    return _expectation(
        "expect_coordinates_to_be_inside_city",
        {
            "column_A": longitude.column,
            "column_B": latitude.column,
            "west": west_east["min"],
            "east": west_east["max"],
            "south": south_north["min"],
            "north": south_north["max"],
            "ignore_row_if": "either_value_is_missing",
        },
        rule=longitude.id,
        dimension="准确性",
        source=longitude.source,
        notes="坐标（经度、纬度）在本市范围内",
        mask=example_mask(prop),
    )


def _reference_expectations(contract: Contract) -> Iterable[dict[str, Any]]:
    """References into other resources warn only: the other department's delivery may be late, and that is its fault."""
    for prop in contract.properties:
        if prop.gov.reference is None or prop.gov.reference.startswith(f"{DIVISION_REFERENCE}."):
            continue  # division codes have an expectation of their own, which knows other cities' codes and dates
        dept, resource, key = prop.gov.reference.split(".")
        yield _expectation(
            "expect_column_values_to_refer_to_resource",
            {"column": prop.name, "resource": f"{dept}.{resource}", "key": key},
            rule=f"{prop.name}.reference",
            dimension="一致性",
            source=_place(contract, prop.name),
            notes=f"{prop.business_name}：在 {dept}.{resource} 中存在",
            severity=WARNING,
            mask=example_mask(prop),
        )


def _requirement(rule: RowRule, prop: Property) -> str:
    """Say in Chinese what must hold (``rule.reason`` says what is wrong when it does not)."""
    name, params = prop.business_name, rule.params
    match rule.check:
        case "required":
            return f"{name}：必填"
        case "length":
            low, high = params["min"], params["max"]
            if not low:
                return f"{name}：不超过 {high} 个字符"
            return f"{name}：{low} 至 {'…' if high is None else high} 个字符"
        case "range" | "in_city":
            low, high = ("…" if params[side] is None else params[side] for side in ("min", "max"))
            return f"{name}：在 {low} 至 {high} 之间"
        case "code_list":
            return f"{name}：取自代码集（{rule.source}）"
        case "checksum":
            kind = "公民身份号码" if params["scheme"] == "resident_id" else "统一社会信用代码"
            return f"{name}：有效的{kind}（{rule.source}）"
        case "division":
            return f"{name}：数据日期当时有效的区划代码"
        case "order":
            return f"{name}：{rule.reason.split('：', 1)[-1].replace('早于', '不早于')}"
        case _:
            return f"{name}：符合规定格式（{rule.source}）"
