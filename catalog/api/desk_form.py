"""The article-20 form and the report of a fault as they are posted: every fault is named by its field, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from catalog.api.values import typed
from catalog.contract.message import Message
from catalog.contract.model import Contract, Property
from catalog.sharing.application import METHODS, Form

LONGEST_STATEMENT = 2000
ROW, KEY = "row.", "key."
LENGTHS = {"basis": (4, 500), "scenario": (4, 1000), "scope": (2, 500)}
SHORT = "至少写 {shortest} 个字"
LONG = "最多 {longest} 个字"


@dataclass
class Posted:
    """What was posted: ``values`` as typed, to be shown again; ``faults`` by field; ``form`` when there is none."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    form: Form | None = None


def text_of(given: Any) -> str:
    """Return a posted text without surrounding blanks and without control characters, which no database keeps."""
    held = given if isinstance(given, str) else ""
    return "".join(c for c in held.replace("\r\n", "\n") if c >= " " or c in "\n\t").strip()


def filterable(contract: Contract) -> list[Property]:
    """Return the columns by which rows may be limited: keys, and those with a code list."""
    return [prop for prop in contract.properties if prop.primary_key or prop.gov.code_list]


def methods_of(contract: Contract) -> dict[str, str]:
    """Return code -> name of the methods by which a resource is shared."""
    return {code: name for code, name in METHODS.items() if name in contract.gov.share_methods}


def read_form(contract: Contract, given: Mapping[str, Any], columns: Sequence[Any], today: date) -> Posted:
    """Read an application form; ``columns`` are the items that were ticked."""
    found = Posted()
    for name, (shortest, longest) in LENGTHS.items():
        found.values[name] = text = text_of(given.get(name))
        if len(text) < shortest:
            found.faults[name] = Message(SHORT, shortest=shortest)
        elif len(text) > longest:
            found.faults[name] = Message(LONG, longest=longest)
    found.values["method"] = text_of(given.get("method"))
    if found.values["method"] not in methods_of(contract):
        found.faults["method"] = Message(
            "选择一种共享方式；本资源提供：{methods}", methods=list(methods_of(contract).values())
        )
    days = _read_days(given, found, today)
    found.values["columns"] = _read_columns(contract, columns, found)
    found.values["row_filter"] = _read_rows(contract, given, found)
    if not found.faults and days is not None:
        held = {name: found.values[name] for name in (*LENGTHS, "method", "columns", "row_filter")}
        found.form = Form.model_validate({**held, "resource": contract.key, "starts_on": days[0], "ends_on": days[1]})
    return found


def _read_days(given: Mapping[str, Any], found: Posted, today: date) -> tuple[date, date] | None:
    days: dict[str, date] = {}
    for name in ("starts_on", "ends_on"):
        found.values[name] = text = text_of(given.get(name))
        try:
            days[name] = date.fromisoformat(text)
        except ValueError:
            found.faults[name] = "填写日期，如 2026-12-31"
    if len(days) < 2:
        return None
    if days["ends_on"] < days["starts_on"]:
        found.faults["ends_on"] = "止日不能早于起日"
    elif days["ends_on"] < today:
        found.faults["ends_on"] = Message("止日不能早于今天（{today}）", today=today)
    return days["starts_on"], days["ends_on"]


def _read_columns(contract: Contract, columns: Sequence[Any], found: Posted) -> list[str]:
    wanted = {column for column in columns if isinstance(column, str)}
    names = [prop.name for prop in contract.properties]
    strange = sorted(wanted - set(names))
    if strange:
        found.faults["columns"] = Message("没有这些数据项：{strange}", strange=[name[:40] for name in strange[:3]])
    elif not wanted:
        found.faults["columns"] = "至少选择一个数据项"
    return [name for name in names if name in wanted]


def _read_rows(contract: Contract, given: Mapping[str, Any], found: Posted) -> dict[str, str]:
    rows: dict[str, str] = {}
    for prop in filterable(contract):
        text = text_of(given.get(f"{ROW}{prop.name}"))
        if not text:
            continue
        rows[prop.name] = text
        try:
            typed(prop, text)
        except ValueError:
            found.faults[f"{ROW}{prop.name}"] = Message(
                "取值与类型 {physical_type} 不符", physical_type=prop.physical_type
            )
    return rows


def read_key(
    contract: Contract, given: Mapping[str, Any], faults: dict[str, str]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the key of a row as typed by somebody, and as values of its columns' types."""
    texts = {name: text_of(given.get(f"{KEY}{name}")) for name in contract.primary_key}
    values: dict[str, Any] = {}
    for name, text in texts.items():
        prop = contract.property_named(name)
        try:
            if not text:
                raise ValueError("missing")
            values[name] = typed(prop, text)
        except ValueError:
            faults[f"{KEY}{name}"] = Message(
                "填写{business_name}（{physical_type}）",
                business_name=prop.business_name,
                physical_type=prop.physical_type,
            )
    return texts, values


def read_statements(needs: Sequence[str], record: Mapping[str, str], given: Mapping[str, Any]) -> Posted:
    """Read what a move needs stated; ``record`` are the parts of a record: field -> label."""
    found = Posted()
    for name in needs:
        if name == "record":
            found.values["record"] = {part: text_of(given.get(f"record.{part}")) for part in record}
            for part, text in found.values["record"].items():
                _check_statement(f"record.{part}", text, found)
        elif name == "missing":
            text = text_of(given.get(name))
            found.values[name] = [line.strip() for line in text.split("\n") if line.strip()]
            _check_statement(name, text, found)
        elif name == "days":
            found.values[name] = text = text_of(given.get(name))
            if text.isascii() and text.isdigit() and 1 <= len(text) <= 3 and int(text):
                found.values[name] = int(text)
            else:
                found.faults[name] = "填写工作日数，如 5"
        else:
            found.values[name] = text_of(given.get(name))
            _check_statement(name, found.values[name], found)
    return found


def _check_statement(name: str, text: str, found: Posted) -> None:
    if not text:
        found.faults[name] = "必须填写"
    elif len(text) > LONGEST_STATEMENT:
        found.faults[name] = Message(LONG, longest=LONGEST_STATEMENT)
