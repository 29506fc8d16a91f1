"""Why a publish is blocked, in words: table, column, expectation, counts, and examples through their masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from expectations.masks import mask_example
from expectations.rows import exception_message

if TYPE_CHECKING:
    from expectations.run import SuiteResult

CRITICAL = "critical"
SHOWN_EXAMPLES = 3
DELIVERY_REASONS = {
    "expect_quarantine_ratio_to_be_at_most": "隔离率超过上限 too many rows in quarantine",
    "expect_row_count_not_to_collapse": "数据量骤降 the table would lose more than half of its rows",
}


def blocking_failures(results: Iterable[SuiteResult | Mapping[str, Any]]) -> list[str]:
    """Return one line (Chinese and English) for every critical failure; none means that the branch may be published.

    Takes suite results and rows of :func:`expectations.delivery.delivery_checks` alike.
    """
    reasons: list[str] = []
    for result in results:
        if isinstance(result, Mapping):
            reasons += _of_row(result)
        else:
            reasons += _of_suite(result)
    return reasons


def _of_row(row: Mapping[str, Any]) -> Iterator[str]:
    if row["success"] or row["severity"] != CRITICAL:
        return
    what = DELIVERY_REASONS.get(row["expectation_type"], row["expectation_type"])
    column = f".{row['column_name']}" if row["column_name"] else ""
    yield (
        f"{row['table_name']}{column}：{what} [{row['expectation_type']} {row['kwargs']}]，"
        f"{_counts(row['unexpected_count'], row['element_count'])}，实测 observed {row['observed_value']}"
    )


def _of_suite(result: SuiteResult) -> Iterator[str]:
    """Failures of the same cause (a table or column that is missing) make one line."""
    exceptions: dict[str, int] = defaultdict(int)
    for row, source, entry in zip(result.rows(), result.suite["expectations"], result.validation.results, strict=True):
        if row["success"] or row["severity"] != CRITICAL:
            continue
        message = exception_message(entry)
        if message is None:
            yield _failure(row, source, entry.result or {})
        else:
            exceptions[message] += 1
    for message, count in exceptions.items():
        yield f"{result.name}：{count} 项期望无法检验 expectations could not be checked：{message}"


def _failure(row: Mapping[str, Any], source: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    meta = source.get("meta") or {}
    place = f"{row['table_name']}.{row['column_name']}" if row["column_name"] else str(row["table_name"])
    what = f"{meta['notes']} " if meta.get("notes") else ""
    parts = [f"{place}：{what}[{row['expectation_type']}]"]
    if row["unexpected_count"] is not None:
        parts.append(_counts(row["unexpected_count"], row["element_count"]))
    if row["observed_value"] is not None:
        parts.append(f"实测 observed {row['observed_value']}")
    examples = [value for value in figures.get("partial_unexpected_list") or [] if value is not None]
    if examples:
        shown = [str(mask_example(value, meta.get("mask"))) for value in examples[:SHOWN_EXAMPLES]]
        parts.append(f"例 e.g. {'、'.join(dict.fromkeys(shown))}")
    return "，".join(parts)


def _counts(unexpected: int | None, elements: int | None) -> str:
    return f"{unexpected or 0} / {elements or 0} 行不合格 rows fail"
