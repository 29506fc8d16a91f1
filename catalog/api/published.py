"""What the sharing desk asks of the published data: a row by its key, failed checks, deliveries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catalog.access.masking import masked
from catalog.api.facts import OUTCOMES, Facts
from catalog.api.readers import QueryError, Readers
from catalog.api.values import json_value, typed
from catalog.contract.model import Contract, Property
from catalog.sharing.recheck import ABSENT, IS_NOT_THERE, IS_THERE, Looked, key_values
from catalog.sharing.verification import Report

BLOCKING = "critical"
MOST_BATCHES = 500
_HAD = f"select 1 from {OUTCOMES} where resource = ? and batch_id = ? limit 1"


class PublishedData:
    """Answers of ``main`` as it is at each question; see :class:`catalog.sharing.recheck.Published`."""

    def __init__(self, readers: Readers, contracts: Mapping[str, Contract], now: Callable[[], Facts]) -> None:
        self._readers, self._contracts, self._now = readers, contracts, now

    def snapshot(self) -> str:
        """Return the id of the published version."""
        return self._readers.snapshot()

    def row(self, contract: Contract, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row of a key (column -> value of the column's type) as it is now; None when there is none."""
        snapshot = self._readers.snapshot()
        if contract.key not in self._readers.tables(snapshot):
            return None
        columns = ", ".join(f'"{prop.name}"' for prop in contract.properties)
        where = " and ".join(f'"{name}" = ?' for name in key)
        sql = f'select {columns} from "{contract.dept}"."{contract.resource}" where {where} limit 1'
        with self._readers.lease(snapshot) as reader:
            found: list[dict[str, Any]] = reader.arrow(sql, list(key.values())).to_pylist()
        return found[0] if found else None

    def look(self, report: Report) -> Looked:
        """Return the reported row or field as it is now."""
        contract = self._contracts[report.resource]
        texts = key_values(contract.primary_key, report.key)
        key = {name: typed(contract.property_named(name), texts[name]) for name in contract.primary_key}
        row = self.row(contract, key)
        if report.column is None:
            is_there = row is not None
            return Looked(IS_THERE if is_there else IS_NOT_THERE, is_there != (report.believed == ABSENT))
        if row is None:
            return Looked(IS_NOT_THERE, False)
        prop = contract.property_named(report.column)
        value = row[report.column]
        return Looked(shown_text(prop, value), agrees(prop, value, report.believed))

    def blocking_faults(self, resource: str) -> list[str]:
        """Return the failed blocking checks of a resource, in words."""
        return [
            str(row["rule"] or row["expectation_type"])
            for row in self._now().checks()
            if row["table_name"] == resource and not row["success"] and row["severity"] == BLOCKING
        ]

    def batches(self, resource: str) -> list[Mapping[str, Any]]:
        """Return the outcomes of a resource's deliveries, the newest first."""
        return list(self._now().outcomes(resource, MOST_BATCHES))

    def had_batch(self, resource: str, batch: str, snapshot: str) -> bool:
        """Tell whether a batch was in an earlier version already; False when that version is not kept any more."""
        try:
            if OUTCOMES not in self._readers.tables(snapshot):
                return False
            with self._readers.lease(snapshot) as reader:
                return bool(reader.arrow(_HAD, [resource, batch]).to_pylist())
        except QueryError:
            return False


def agrees(prop: Property, value: Any, believed: str) -> bool:
    """Tell whether a value is what is believed; ``""`` is no value."""
    if believed == "":
        return value is None
    try:
        return bool(value == typed(prop, believed))
    except ValueError:
        return False


def shown_text(prop: Property, value: Any) -> str:
    """Return a value as the desk may show it: through its mask, ``""`` for none."""
    held = json_value(masked(value, prop.gov.mask))
    return "" if held is None else str(held)
