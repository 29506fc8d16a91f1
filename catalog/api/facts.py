"""What is known of one published snapshot: each question is asked once, since a snapshot never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from catalog.access.masking import masked, page_mask
from catalog.api.openlineage import Edge
from catalog.api.readers import Readers
from catalog.api.values import json_value
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary

Row = dict[str, Any]
T = TypeVar("T")

SAMPLE_ROWS = 8
SHOWN_TROUBLES = 200
REMEMBERED_ANSWERS = 1000
TOTAL = "总分"
OUTCOMES, CHECKS, QUARANTINE = "ops.ingest_outcome", "ops.quality_result", "ops.quarantine"
SUPPLY, SCORES, LINEAGE = "catalogue.supply_status", "catalogue.quality_score", "catalogue.lineage_edge"
COLUMN_LINEAGE = "catalogue.lineage_column"
CONFLICTS, MISSING = "governance.fact_conflict", "governance.missing_entity"

_OUTCOME = "resource, delivery, batch_id, status, received, accepted, quarantined, deduplicated, rule, reason"
_OUTCOMES = f"select {_OUTCOME} from {OUTCOMES} where ? in ('', resource) order by resource, delivery desc, batch_id"
_TROUBLED = (
    f"select {_OUTCOME} from {OUTCOMES} where status = 'failed' or rule = 'batch.late' order by resource, delivery desc"
)
_SUMS = """
    count(*) as batches,
    coalesce(sum(received), 0)::bigint as received,
    coalesce(sum(accepted), 0)::bigint as accepted,
    coalesce(sum(quarantined), 0)::bigint as quarantined,
    coalesce(sum(deduplicated), 0)::bigint as deduplicated,
    count(*) filter (where status = 'failed') as failed
"""
_TOTALS = f"select {_SUMS} from {OUTCOMES}"
_TOTALS_OF_EACH = f"select resource, {_SUMS} from {OUTCOMES} group by resource"
_QUARANTINE = f"""
select dept || '.' || resource as resource_key, rule, count(*) as row_count, any_value(reason) as reason
from {QUARANTINE} group by all order by row_count desc, rule
"""
_CHECKS = f"""
select table_name, expectation_type, column_name, severity, dimension, rule, success, element_count, unexpected_count
from {CHECKS} order by table_name, success, severity, column_name, expectation_type
"""
_SCORES = f"""
select resource_key, dimension, score from {SCORES} order by resource_key, dimension <> '{TOTAL}', dimension
"""
_CONFLICTS = f"""
select
    fact, rule, any_value(fact_name) as fact_name, authority_dept, authority_resource, asserting_dept,
    asserting_resource, count(*) as row_count
from {CONFLICTS}
group by fact, rule, authority_dept, authority_resource, asserting_dept, asserting_resource
order by row_count desc, rule, asserting_dept
"""
_MISSING = f"""
select
    rule, any_value(description) as description, dept, resource, missing_in_dept, missing_in_resource,
    count(*) as row_count
from {MISSING} group by rule, dept, resource, missing_in_dept, missing_in_resource order by row_count desc, rule
"""


class Facts:
    """The facts of one snapshot. A table that is not published yet has no rows; any other fault is raised."""

    def __init__(
        self,
        readers: Readers,
        snapshot: str,
        published_at: str | None,
        contracts: Mapping[str, Contract],
        words: Vocabulary,
    ) -> None:
        self.snapshot = snapshot
        self.published_at = published_at
        self._readers, self._contracts, self._words = readers, contracts, words
        self._lock = threading.RLock()
        self._held: OrderedDict[Any, Any] = OrderedDict()

    def once(self, key: Any, ask: Callable[[], T]) -> T:
        """Return what ``ask`` returned the first time that ``key`` was asked for."""
        with self._lock:
            if key not in self._held:
                self._held[key] = ask()
            self._held.move_to_end(key)
            answer: T = self._held[key]
            while len(self._held) > REMEMBERED_ANSWERS:
                self._held.popitem(last=False)
            return answer

    def tables(self) -> frozenset[str]:
        """Return the names of the published tables."""
        return self.once("tables", lambda: self._readers.tables(self.snapshot))

    def rows(self, table: str, sql: str, *params: Any) -> list[Row]:
        """Return the rows of a question about ``table``; none when it is not published yet."""
        if table not in self.tables() and table != QUARANTINE:
            return []
        return self.once((sql, params), lambda: self._ask(sql, params))

    @property
    def is_published(self) -> bool:
        return bool(self.tables())

    def totals(self) -> Row:
        """Return received, accepted, quarantined and deduplicated rows of all deliveries; {} before the first."""
        found = self.rows(OUTCOMES, _TOTALS)
        return found[0] if found else {}

    def totals_of(self, key: str) -> Row:
        """Return the same sums for one resource."""
        return next((row for row in self.rows(OUTCOMES, _TOTALS_OF_EACH) if row["resource"] == key), {})

    def outcomes(self, key: str, limit: int, offset: int = 0) -> list[Row]:
        """Return outcomes of deliveries, the newest of each resource first; ``""`` asks for all resources."""
        return self.rows(OUTCOMES, f"{_OUTCOMES} limit {limit:d} offset {offset:d}", key)

    def troubled(self) -> list[Row]:
        """Return the deliveries that were refused or late."""
        return self.rows(OUTCOMES, f"{_TROUBLED} limit {SHOWN_TROUBLES}")

    def checks(self) -> list[Row]:
        return self.rows(CHECKS, _CHECKS)

    def quarantine(self) -> list[Row]:
        """Return the quarantined rows counted by resource and rule."""
        return self.rows(QUARANTINE, _QUARANTINE) if self.is_published else []

    def conflicts(self) -> list[Row]:
        return self.rows(CONFLICTS, _CONFLICTS)

    def missing(self) -> list[Row]:
        return self.rows(MISSING, _MISSING)

    def lineage(self) -> list[Row]:
        return self.rows(LINEAGE, f"select upstream, downstream from {LINEAGE} order by all")

    def column_lineage(self) -> list[Row]:
        """Return which column of which table is computed from which, as dbt compiled it."""
        return self.rows(COLUMN_LINEAGE, f"select {', '.join(Edge._fields)} from {COLUMN_LINEAGE} order by all")

    def supply(self) -> dict[str, Row]:
        """Return the supply status by resource."""
        return {row["resource_key"]: row for row in self.rows(SUPPLY, f"select * from {SUPPLY} order by resource_key")}

    def scores(self) -> dict[str, dict[str, float]]:
        """Return resource -> dimension -> score, 0 to 100."""
        found: dict[str, dict[str, float]] = {}
        for row in self.rows(SCORES, _SCORES):
            found.setdefault(row["resource_key"], {})[row["dimension"]] = float(row["score"])
        return found

    def topic_sizes(self) -> list[Row]:
        """Return the published topic tables with their rows."""
        topics = self._words.categories.topics
        names = sorted(name for name in self.tables() if name.split(".")[0] in topics)
        parts = [f"select '{name}' as name, count(*) as row_count from {name}" for name in names]
        counted = self.rows(names[0], f"{' union all '.join(parts)} order by name") if names else []
        return [{**row, "topic": topics[row["name"].split(".")[0]]} for row in counted]

    def sample(self, contract: Contract) -> list[Row]:
        """Return a few rows as pages may show them: masked by contract, hidden from grade 3 on."""
        contract = self.served(contract)
        columns = ", ".join(f'"{prop.name}"' for prop in contract.properties)
        order = ", ".join(f'"{name}"' for name in contract.primary_key)
        table = f'"{contract.dept}"."{contract.resource}"'
        found = self.rows(contract.key, f"select {columns} from {table} order by {order} limit {SAMPLE_ROWS}")
        masks = {prop.name: page_mask(prop) for prop in contract.properties}
        return [{name: masked(value, masks[name]) for name, value in row.items()} for row in found]

    def served(self, contract: Contract) -> Contract:
        """Return the contract with the columns that its table has: one that was approved just now comes with the next load."""
        if contract.key not in self.tables():
            return contract
        return self.once(("served", contract.key, contract.version), lambda: self._served(contract))

    def _served(self, contract: Contract) -> Contract:
        with self._readers.lease(self.snapshot) as reader:
            held = set(reader.arrow(f'select * from "{contract.dept}"."{contract.resource}" limit 0').column_names)
        there = [prop for prop in contract.properties if prop.name in held]
        has_all = len(there) == len(contract.properties) or not set(contract.primary_key) <= held
        if has_all:
            return contract
        return contract.model_copy(update={"tables": [contract.tables[0].model_copy(update={"properties": there})]})

    def _ask(self, sql: str, params: tuple[Any, ...]) -> list[Row]:
        with self._readers.lease(self.snapshot) as reader:
            found: list[Row] = reader.arrow(sql, list(params) or None).to_pylist()
        return [{name: json_value(value) for name, value in row.items()} for row in found]
