"""The article-20 form and the report of a fault as they are posted: every fault is named by its field, in words.

A draft keeps what was typed as long as it has the type and length of its field; what else is wrong or missing is told when
it is submitted, all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from catalog.api.values import typed
from catalog.contract.message import Message
from catalog.contract.model import Contract, Property
from catalog.sharing.form import LENGTHS, LONGEST_VALUE, METHODS, NO_DATE, Draft

LONGEST_STATEMENT = 2000
LONG = "最多 {longest} 个字"
ROW, KEY = "row.", "key."
_FIELDS = (*LENGTHS, "method", "starts_on", "ends_on", "columns")


@dataclass
class Posted:
    """What was posted: ``values`` as typed, to be shown again; ``faults`` by field; of an application, what can be kept."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    draft: Draft | None = None

    @property
    def told(self) -> str:
        """All faults in one line, for programs."""
        return "；".join(f"{name}：{fault}" for name, fault in self.faults.items())


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


def labels_of(contract: Contract) -> dict[str, str]:
    """Return column -> its name in words."""
    return {prop.name: prop.business_name for prop in contract.properties}


def read_draft(contract: Contract, given: Mapping[str, Any], columns: Sequence[Any]) -> Posted:
    """Read an application form as it is typed so far; ``columns`` are the items that were ticked.

    A fault is what no draft can hold: a text that is too long, what is no date, an item or method that there is not.
    """
    found = Posted()
    safe: dict[str, Any] = {"resource": contract.key}
    for name, (_, longest) in LENGTHS.items():
        found.values[name] = safe[name] = text_of(given.get(name))
        if len(safe[name]) > longest:
            found.faults[name] = Message(LONG, longest=longest)
    found.values["method"] = method = text_of(given.get("method"))
    if method and method not in METHODS:
        found.faults["method"] = "没有这种共享方式"
    safe["method"] = method or None
    for name in ("starts_on", "ends_on"):
        found.values[name] = text = text_of(given.get(name))
        try:
            safe[name] = date.fromisoformat(text) if text else None
        except ValueError:
            found.faults[name] = NO_DATE
    found.values["columns"] = safe["columns"] = _read_columns(contract, columns, found)
    found.values["row_filter"] = rows = _read_rows(contract, given, found)
    safe["row_filter"] = {name: text for name, text in rows.items() if f"{ROW}{name}" not in found.faults}
    found.draft = Draft.model_validate({name: held for name, held in safe.items() if name not in found.faults})
    return found


def form_faults(contract: Contract, draft: Draft, today: date) -> dict[str, str]:
    """Return everything that keeps a draft from being submitted, by field: what is missing, and what the resource has not."""
    faults, rows = draft.faults(), dict[str, str]()
    if draft.method not in methods_of(contract):
        faults["method"] = Message(
            "选择一种共享方式；本资源提供：{methods}", methods=list(methods_of(contract).values())
        )
    if draft.ends_on and draft.ends_on < today:
        faults.setdefault("ends_on", Message("止日不能早于今天（{today}）", today=today))
    strange = _strange(contract, draft.columns)
    if strange:
        faults["columns"] = strange
    offered = {prop.name: prop for prop in filterable(contract)}
    for name, text in draft.row_filter.items():
        if name not in offered:
            rows[f"{ROW}{name}"] = "不能按这个数据项限定数据行"
            continue
        try:
            typed(offered[name], text)
        except ValueError:
            kind = offered[name].physical_type
            rows[f"{ROW}{name}"] = Message("取值与类型 {physical_type} 不符", physical_type=kind)
    return {name: faults[name] for name in _FIELDS if name in faults} | rows


def _read_columns(contract: Contract, columns: Sequence[Any], found: Posted) -> list[str]:
    wanted = {column for column in columns if isinstance(column, str)}
    strange = _strange(contract, wanted)
    if strange:
        found.faults["columns"] = strange
    return [prop.name for prop in contract.properties if prop.name in wanted]


def _strange(contract: Contract, columns: Iterable[str]) -> str:
    """Return the fault of items that the resource does not have; ``""`` without one."""
    strange = sorted(set(columns) - labels_of(contract).keys())
    return Message("没有这些数据项：{strange}", strange=[name[:40] for name in strange[:3]]) if strange else ""


def _read_rows(contract: Contract, given: Mapping[str, Any], found: Posted) -> dict[str, str]:
    texts = {prop.name: text_of(given.get(f"{ROW}{prop.name}")) for prop in filterable(contract)}
    for name, text in texts.items():
        if len(text) > LONGEST_VALUE:
            found.faults[f"{ROW}{name}"] = Message(LONG, longest=LONGEST_VALUE)
    return {name: text for name, text in texts.items() if text}


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
