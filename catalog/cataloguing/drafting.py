"""What a proposal begins with: a contract drafted from a table's columns, from rows of a sheet, or from a published one.

It proposes what the vocabulary and other contracts know by name: items, code lists, types, grades, masks, a free code.
What only a person may decide is left 待填, and lint refuses it until it is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from catalog.cataloguing.form import fold_contract, unfold_contract
from catalog.cataloguing.published import Published
from catalog.contract.checks.columns import FITTING_TYPES
from catalog.contract.checks.subject import PLACEHOLDER
from catalog.contract.document import read_document
from catalog.contract.model import LOGICAL_OF, TYPE_PATTERN
from catalog.contract.scaffold import Known, Sample, dictionary, draft_column, scaffold, snake_name

_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_TYPE_OF = {
    "C": "varchar(50)",
    "M": "varchar(1000)",
    "G": "varchar(200)",
    "N": "decimal(18,2)",
    "Y": "decimal(18,2)",
    "D": "date",
    "T": "timestamp",
    "L": "boolean",
    "B": "double",
    "F": "double",
    "I": "bigint",
}


def from_sample(dept: str, resource: str, sample: Sample, published: Published) -> dict[str, Any]:
    """Return a draft from the columns and some rows of a table; raise ``ValueError`` for a name that is no name."""
    if not _NAME.fullmatch(resource):
        raise ValueError("资源英文名须以小写字母开头，只含小写字母、数字和下划线")
    text = scaffold(dept, resource, sample, published.vocabulary, published.contracts)
    document: dict[str, Any] = read_document(text.encode(), places=False).data
    return {**document, "id": str(uuid4())}


def from_table(
    dept: str, resource: str, table: str, types: Mapping[str, str], texts: Sample, published: Published
) -> dict[str, Any]:
    """Return a draft from a table of the lakehouse; ``types`` are its columns' types, which count more than the texts.

    Raises:
        ValueError: ``resource`` is no name.
    """
    folded, columns = fold_contract(from_sample(dept, resource, texts, published))
    known = {
        prop.name: prop
        for contract in published.contracts.values()
        if contract.key == table
        for prop in contract.properties
    }
    for column in columns:
        physical = types.get(column["physicalName"], "")
        column["name"] = column["physicalName"]  # a table of the lakehouse has its names already
        if physical and physical.partition("(")[0] != column["physicalType"].partition("(")[0]:
            column |= {"physicalType": physical, "logicalType": LOGICAL_OF[physical.partition("(")[0]]}
            column.pop("logicalTypeOptions", None)
            if not _fits(column["gov"].get("govDataType"), physical):
                column["gov"]["govDataType"] = _data_type(physical)
        if (prop := known.get(column["name"])) is not None:
            column |= {"businessName": prop.business_name, "classification": prop.classification}
            column["gov"] |= {"govItem": prop.gov.item, "govDataType": prop.gov.data_type}
    return unfold_contract(folded, columns)


def _fits(code: Any, physical: str) -> bool:
    return physical.partition("(")[0] in FITTING_TYPES.get(str(code), ())


def _data_type(physical: str) -> str:
    base = physical.partition("(")[0]
    return next(code for code, fitting in FITTING_TYPES.items() if base in fitting)


def blank(dept: str, resource: str, published: Published) -> dict[str, Any]:
    """Return a draft with one column to be named."""
    return from_sample(dept, resource, Sample("csv", {"编号": []}, encoding="utf-8"), published)


def from_contract(key: str, published: Published) -> dict[str, Any]:
    """Return the content of a published contract, to be changed."""
    return dict(deepcopy(published.documents[key].data))


def withdrawn(key: str, published: Published) -> dict[str, Any]:
    """Return a published contract as it is when it is withdrawn from the catalogue."""
    return {**from_contract(key, published), "status": "retired"}


class Proposer:
    """Fills what a sheet or a pasted row leaves out."""

    def __init__(self, published: Published) -> None:
        self._published = published
        self._known: Mapping[str, Known] = dictionary(published.vocabulary, published.contracts)
        self._names = set(published.contracts)
        self._blanks: dict[str, dict[str, Any]] = {}

    def column(self, stated: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
        """Return a folded column: what is stated stays, the rest is proposed by its business name."""
        stated = {key: value for key, value in stated.items() if value != PLACEHOLDER}
        header = str(stated.get("physicalName") or stated.get("businessName") or "")
        gov = {name: value for name, value in stated.get("gov", {}).items() if value != PLACEHOLDER}
        proposed = draft_column(
            str(stated.get("businessName") or header), [], self._known, self._published.vocabulary, set(taken)
        )
        drafted = {entry["property"]: entry["value"] for entry in proposed.pop("customProperties")}
        item = self._published.vocabulary.items.get(gov.get("govItem", drafted.get("govItem", "")))
        if "govItem" in gov and item is not None:
            drafted = {"govItem": gov["govItem"], "govDataType": item.data_type}
            drafted |= {"govMask": item.mask} if item.mask else {}
            proposed["classification"] = str(item.grade)
        data_type = gov.get("govDataType", drafted.get("govDataType", "C"))
        physical = str(stated.get("physicalType") or self._type(proposed["physicalType"], data_type))
        filled = {**proposed, **{k: v for k, v in stated.items() if k != "gov"}}
        filled |= {"physicalType": physical, "physicalName": header or filled["name"]}
        filled["logicalType"] = LOGICAL_OF.get(physical.partition("(")[0], filled["logicalType"])
        filled["name"] = stated.get("name") or proposed["name"]
        length = TYPE_PATTERN.match(physical)
        options = {k: v for k, v in filled.get("logicalTypeOptions", {}).items() if k != "maxLength"}
        filled.pop("logicalTypeOptions", None)
        if length and length["length"]:
            given = stated.get("logicalTypeOptions", {}).get("maxLength")
            longest = int(length["length"])
            options["maxLength"] = min(given, longest) if isinstance(given, int) else longest
        if options:
            filled["logicalTypeOptions"] = options
        if filled.get("primaryKey"):
            filled["required"] = True
        return {**filled, "gov": {**drafted, "govDataType": data_type, **gov}}

    def entry(self, stated: Mapping[str, Any], columns: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the content of a new contract from a folded entry and its folded columns; see :meth:`column`."""
        dept = str(stated.get("domain", ""))
        title = str(stated.get("name") or PLACEHOLDER)
        resource = str(stated.get("schema", {}).get("name") or self._free_name(dept, title))
        self._names.add(f"{dept}.{resource}")
        drafted = self._blank(dept)
        gov = {**drafted["gov"], **stated.get("gov", {})}
        if "govAssessments" in stated.get("gov", {}):
            gov["govAssessments"] = {**drafted["gov"]["govAssessments"], **stated["gov"]["govAssessments"]}
        if gov.get("govShareType") == 3:
            gov.pop("govShareMethods", None)
        gov["govFormat"] = stated.get("gov", {}).get("govFormat", "2")
        gov["govSource"] = source_of(gov["govFormat"], dept, resource)
        folded = {**drafted, **{k: v for k, v in stated.items() if k != "gov"}}
        folded |= {"gov": gov, "schema": _table(dept, resource, title), "id": _identity(dept, resource)}
        folded |= {"status": "draft", "version": stated.get("version") or "0.1.0"}
        folded["description"] = {**drafted["description"], **stated.get("description", {})}
        if columns and not any(column.get("primaryKey") for column in columns):
            columns[0] |= {"primaryKey": True, "primaryKeyPosition": 1, "required": True}
        return unfold_contract(folded, columns)

    def _blank(self, dept: str) -> dict[str, Any]:
        if dept not in self._blanks:
            self._blanks[dept], _ = fold_contract(blank(dept, "resource", self._published))
        return deepcopy(self._blanks[dept])

    def _type(self, drafted: str, data_type: str) -> str:
        usual = _TYPE_OF.get(data_type, "varchar(50)")
        same = usual.partition("(")[0] == drafted.partition("(")[0]
        fits = same or (data_type in "NI" and drafted in ("integer", "bigint", "decimal"))
        return drafted if fits else usual

    def _free_name(self, dept: str, title: str) -> str:
        base = snake_name(title)[:50].rstrip("_") or "resource"
        name, number = base, 2
        while f"{dept}.{name}" in self._names:
            name, number = f"{base}_{number}", number + 1
        return name


def source_of(code: str, dept: str, resource: str) -> dict[str, Any]:
    """Return how data of a format (1272号) is usually delivered; the department's engineer makes it exact."""
    match code:
        case "3":
            return {"kind": "database", "mode": "replace", "path": f"{dept}/{dept}.db", "table": resource}
        case "6":
            return {"kind": "ndjson", "mode": "replace", "path": f"{dept}/{resource}/*.ndjson"}
        case "7":
            return {"kind": "http_api", "mode": "replace", "path": f"/{dept}/{resource}", "pageSize": 1000}
        case _:
            return {"kind": "csv", "mode": "replace", "path": f"{dept}/{resource}/*.csv", "encoding": "utf-8"}


def filled_table(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with the names that follow from others: table name, physical name, source of the form."""
    folded, columns = fold_contract(document)
    table = folded.get("schema", {})
    derived = _table(str(folded.get("domain", "")), str(table.get("name", "")), str(folded.get("name", "")))
    return unfold_contract({**folded, "schema": {**table, **derived}}, columns)


def _table(dept: str, resource: str, title: str) -> dict[str, Any]:
    return {"name": resource, "physicalName": f"{dept}.{resource}", "businessName": title, "physicalType": "table"}


def _identity(dept: str, resource: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"urn:citybrain:{dept}.{resource}"))
