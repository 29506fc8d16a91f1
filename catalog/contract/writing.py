"""Contracts as text: one form for every contract that the platform writes, so that equal contracts are equal bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from catalog.contract.document import read_document

_WIDE = 10**6  # a text stays on its line: a change of one word is a change of one line
_TOP = (
    "apiVersion",
    "kind",
    "id",
    "name",
    "version",
    "status",
    "domain",
    "dataProduct",
    "tenant",
    "description",
    "schema",
    "slaProperties",
    "team",
    "customProperties",
)
_TABLE = ("name", "physicalName", "businessName", "physicalType", "description", "properties")
_COLUMN = (
    "name",
    "physicalName",
    "businessName",
    "description",
    "logicalType",
    "physicalType",
    "required",
    "unique",
    "primaryKey",
    "primaryKeyPosition",
    "classification",
    "logicalTypeOptions",
    "customProperties",
)
CONTRACT_GOV = (
    "govResourceCode",
    "govCategory",
    "govProviderCode",
    "govFormat",
    "govShareType",
    "govShareCondition",
    "govNoShareBasis",
    "govShareMethods",
    "govOpen",
    "govOpenCondition",
    "govUpdateCycle",
    "govSource",
    "govQuality",
    "govAssessments",
    "govSecrecy",
    "govReflow",
    "govRelated",
)
COLUMN_GOV = ("govItem", "govDataType", "govCodeList", "govReference", "govNotBefore", "govMask", "govAuthority")


class Indented(yaml.SafeDumper):
    """Sequences are indented below their key; nothing is written as an alias; every text is read again as that text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quote what the reader, which goes by YAML 1.2, would take for a number or a truth value."""
    plain = dumper.represent_scalar("tag:yaml.org,2002:str", value)
    return dumper.represent_scalar(plain.tag, value, style="'") if _reads_as_other(value) else plain


def _reads_as_other(value: str) -> bool:
    if not value or not value[0].isascii() or len(value) > 60:
        return False
    found = read_document(value.encode("utf-8", "surrogatepass"), places=False)
    return not found.faults and not isinstance(found.data, str)


Indented.add_representer(str, _text)


def canonical(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contract's content with its keys in the order of the form; keys that the form lacks come last."""
    ordered = _ordered(data, _TOP)
    if isinstance(ordered.get("customProperties"), list):
        ordered["customProperties"] = _custom(ordered["customProperties"], CONTRACT_GOV)
    if isinstance(ordered.get("schema"), list):
        ordered["schema"] = [_table(table) for table in ordered["schema"]]
    return ordered


def contract_text(data: Mapping[str, Any]) -> str:
    """Return the file of a contract: the same bytes for the same content, however it came about."""
    return str(yaml.dump(canonical(data), Dumper=Indented, allow_unicode=True, sort_keys=False, width=_WIDE))


def _table(table: Any) -> Any:
    if not isinstance(table, dict):
        return table
    ordered = _ordered(table, _TABLE)
    if isinstance(ordered.get("properties"), list):
        ordered["properties"] = [_column(column) for column in ordered["properties"]]
    return ordered


def _column(column: Any) -> Any:
    if not isinstance(column, dict):
        return column
    ordered = _ordered(column, _COLUMN)
    if isinstance(ordered.get("customProperties"), list):
        ordered["customProperties"] = _custom(ordered["customProperties"], COLUMN_GOV)
    return ordered


def _custom(entries: list[Any], order: tuple[str, ...]) -> list[Any]:
    places = {name: place for place, name in enumerate(order)}
    return sorted(
        entries,
        key=lambda entry: places.get(str(entry.get("property")) if isinstance(entry, dict) else "", len(order)),
    )


def _ordered(data: Mapping[str, Any], order: Iterable[str]) -> dict[str, Any]:
    known = {key: data[key] for key in order if key in data}
    return known | {key: value for key, value in data.items() if key not in known}
