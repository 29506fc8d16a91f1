"""Conflicts 数据打架 and blind spots 数据盲区 as pages and API show them: keys and values masked as in their contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.access.masking import masked, page_mask
from catalog.api.facts import CONFLICTS, MISSING, Facts, Row
from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Fact, Vocabulary

PAGE_SIZE = 20


@dataclass(frozen=True)
class Choice:
    """Which rule's rows are listed (``""``: of all rules), and which page of them."""

    rule: str = ""
    page: int = 1


class Governance:
    """Reads conflicts and blind spots of one snapshot."""

    def __init__(self, contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> None:
        self._contracts, self._words = contracts, vocabulary
        self._facts = {fact.rule: fact for fact in vocabulary.facts.values()}

    def report(self, facts: Facts, choice: Choice) -> Row:
        """Return both summaries, and one page of the entities behind each."""
        conflicts, missing = facts.conflicts(), facts.missing()
        return {
            "is_published": facts.is_published,
            "rule": choice.rule,
            "conflicts": [{**row, "description": self._description(row["rule"])} for row in conflicts],
            "conflict_rows": self._page(facts, CONFLICTS, _total(conflicts, choice.rule), choice, self._conflict),
            "missing": missing,
            "missing_rows": self._page(facts, MISSING, _total(missing, choice.rule), choice, self._missing),
        }

    def _page(self, facts: Facts, table: str, total: int, choice: Choice, shown: Any) -> Row:
        pages = max(1, -(-total // PAGE_SIZE))
        page = min(choice.page, pages)
        sql = f"select * from {table} where ? in ('', rule) order by all limit {PAGE_SIZE} offset {(page - 1) * PAGE_SIZE}"
        rows = facts.rows(table, sql, choice.rule) if total else []
        return {"total": total, "page": page, "pages": pages, "rows": [shown(row) for row in rows]}

    def _conflict(self, row: Row) -> Row:
        fact = self._facts.get(row["rule"])
        authority = f"{row['authority_dept']}.{row['authority_resource']}"
        asserting = f"{row['asserting_dept']}.{row['asserting_resource']}"
        return {
            **row,
            "entity_key": masked(row["entity_key"], self._entity_mask(row["entity_type"])),
            "authority_value": self._value(fact, authority, row["authority_value"]),
            "asserted_value": self._value(fact, asserting, row["asserted_value"]),
        }

    def _missing(self, row: Row) -> Row:
        contract = self._contracts.get(f"{row['dept']}.{row['resource']}")
        mask = page_mask(contract.property_named(contract.primary_key[0])) if contract else "hidden"
        return {**row, "entity_key": masked(row["entity_key"], mask)}

    def _entity_mask(self, entity: str) -> str | None:
        item = self._words.items.get(entity)
        return item.mask if item else "hidden"

    def _value(self, fact: Fact | None, key: str, value: Any) -> Any:
        """Return an asserted value masked as its column is, with the word of its code; unknown columns are hidden."""
        prop = self._asserting(fact, key)
        if prop is None:
            return masked(value, "hidden")
        codes = self._words.code_lists.get(prop.gov.code_list or "")
        label = codes.values.get(str(value)) if codes else None
        return f"{value} {label}" if label else masked(value, page_mask(prop))

    def _asserting(self, fact: Fact | None, key: str) -> Property | None:
        contract = self._contracts.get(key)
        for assertion in fact.assertions if fact else ():
            resource, _, column = assertion.rpartition(".")
            if contract is not None and resource == key:
                return contract.property_named(column)
        return None

    def _description(self, rule: str) -> str:
        fact = self._facts.get(rule)
        return fact.description if fact else ""


def _total(rows: Sequence[Row], rule: str) -> int:
    return sum(row["row_count"] for row in rows if rule in ("", row["rule"]))
