"""The hand-written suites of the marts: ``suites/<topic>.yaml``, completed from the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.contract.load import load_vocabulary, read_yaml
from catalog.contract.vocabulary import Vocabulary

SUITE_ROOT = Path(__file__).parent / "suites"
DEFAULT_SEVERITY = "critical"

# Which dimension of GB/T 36344 an expectation speaks of, unless the entry says another.
DIMENSIONS = {
    "expect_table_row_count_to_be_between": "完整性",
    "expect_column_values_to_not_be_null": "完整性",
    "expect_column_values_to_be_unique": "唯一性",
    "expect_compound_columns_to_be_unique": "唯一性",
    "expect_column_values_to_be_in_set": "规范性",
    "expect_column_values_to_match_regex": "规范性",
    "expect_column_values_to_be_between": "准确性",
    "expect_column_values_to_be_valid_resident_id": "准确性",
    "expect_column_values_to_be_valid_credit_code": "准确性",
    "expect_coordinates_to_be_inside_city": "准确性",
    "expect_column_pair_values_a_to_be_greater_than_b": "一致性",
    "expect_column_values_to_refer_to_resource": "一致性",
}


def mart_suites(root: Path = SUITE_ROOT, vocabulary: Vocabulary | None = None) -> list[dict[str, Any]]:
    """Return the suites of all marts in the form of ``catalog.derive.suite``, sorted by name."""
    words = vocabulary or load_vocabulary()
    suites = [_suite(entry, path.name, words) for path in sorted(root.glob("*.yaml")) for entry in read_yaml(path)]
    return sorted(suites, key=lambda suite: str(suite["name"]))


def _suite(entry: Mapping[str, Any], file: str, vocabulary: Vocabulary) -> dict[str, Any]:
    source = f"expectations/suites/{file}#{entry['name']}"
    return {
        "name": entry["name"],
        "expectations": [_expectation(item, source, vocabulary) for item in entry["expectations"]],
        "meta": {"title": entry["title"], "topic": str(entry["name"]).split(".")[0]},
    }


def _expectation(item: Mapping[str, Any], source: str, vocabulary: Vocabulary) -> dict[str, Any]:
    kwargs = _kwargs(item["kwargs"], vocabulary)
    subject = kwargs.get("column") or kwargs.get("column_A") or "table"
    meta = {
        "rule": f"{subject}.{item['type'].removeprefix('expect_')}",
        "dimension": item.get("dimension") or DIMENSIONS[item["type"]],
        "source": source,
        "notes": item["notes"],
    }
    if "mask" in item:
        meta["mask"] = item["mask"]
    severity = item.get("severity", DEFAULT_SEVERITY)
    return {"type": item["type"], "kwargs": kwargs, "severity": severity, "description": item["notes"], "meta": meta}


def _kwargs(kwargs: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """Replace what stands for values of the vocabulary: a code list, the facts' rules, the city's bounds."""
    filled = dict(kwargs)
    if "code_list" in filled:
        filled["value_set"] = list(vocabulary.code_lists[filled.pop("code_list")].values)
    if filled.pop("facts", None) == "rules":
        filled["value_set"] = sorted(fact.rule for fact in vocabulary.facts.values())
    if filled.pop("city_bounds", False):
        filled |= vocabulary.city.bounds.model_dump()
    return filled
