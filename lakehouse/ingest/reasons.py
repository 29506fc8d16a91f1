"""What is said about a row in quarantine: the column and the reason of each rule."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.derive.rules import RowRule

DUPLICATE_KEY = "key.duplicate"
ROW_ENCODING = "row.encoding"
ROW_COLUMNS = "row.columns"

GENERAL_REASONS = {
    DUPLICATE_KEY: "同一批次内主键重复而内容不同，已保留更新时间最新（相同则最先出现）的一条",
    ROW_ENCODING: "本行编码与约定的文件编码不一致",
    ROW_COLUMNS: "本行不是完整的一条记录：字段数与表头不符，或不是 JSON 对象",
}


def reason_rows(rules: Iterable[RowRule]) -> list[tuple[str, str | None, str]]:
    """Return ``(rule, column, reason)`` of every rule that a row can break."""
    general: list[tuple[str, str | None, str]] = [(rule, None, reason) for rule, reason in GENERAL_REASONS.items()]
    return general + [(rule.id, rule.column, rule.reason) for rule in rules]
