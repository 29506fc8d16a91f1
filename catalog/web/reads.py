"""What the pages and their JSON say: contracts joined with what is published. The same facts for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalog.access.masking import masked
from catalog.api.data import json_value
from catalog.api.readers import QueryError, Readers
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.catalogue import CatalogueEntry, catalogue_entry

SAMPLE_ROWS = 8
Row = dict[str, Any]

_OUTCOMES = """
select delivery, status, received, accepted, quarantined, deduplicated, rule, reason
from ops.ingest_outcome where resource = ? order by delivery
"""
_QUARANTINE = """
select rule, count(*) as row_count, any_value(reason) as reason
from ops.quarantine where dept = ? and resource = ? group by rule order by row_count desc, rule
"""
_CHECKS = """
select expectation_type, column_name, severity, dimension, success, element_count, unexpected_count
from ops.quality_result where table_name = ? order by success, severity, column_name, expectation_type
"""
_TOTALS = """
select count(*) as batches, sum(received) as received, sum(accepted) as accepted, sum(quarantined) as quarantined,
    sum(deduplicated) as deduplicated, sum(case when status = 'failed' then 1 else 0 end) as failed
from ops.ingest_outcome
"""
_TROUBLE = """
select resource, delivery, status, rule, reason, quarantined from ops.ingest_outcome
where status = 'failed' or rule is not null order by status desc, resource, delivery limit 50
"""
_CONFLICTS = """
select rule, any_value(fact_name) as fact_name, authority_dept, asserting_dept, asserting_resource, count(*) as row_count
from governance.fact_conflict group by rule, authority_dept, asserting_dept, asserting_resource order by row_count desc, rule
"""
_MISSING = """
select rule, any_value(description) as description, dept, resource, missing_in_dept, missing_in_resource, count(*) as row_count
from governance.missing_entity group by rule, dept, resource, missing_in_dept, missing_in_resource order by row_count desc, rule
"""


@dataclass(frozen=True)
class Listed:
    """One line of the catalogue: the entry, and what is known of its supply and quality (None: not published)."""

    entry: CatalogueEntry
    dept: str
    topic: str
    topic_name: str
    row_count: int | None
    supply: str | None
    newest_on: str | None
    score: float | None


class CatalogueReads:
    """Reads for the pages; everything published comes from one snapshot per call."""

    def __init__(self, readers: Readers, contracts: dict[str, Contract], vocabulary: Vocabulary) -> None:
        self._readers = readers
        self.contracts = contracts
        self.vocabulary = vocabulary
        self.entries = {key: catalogue_entry(contract, vocabulary) for key, contract in contracts.items()}

    def snapshot(self) -> str:
        return self._readers.snapshot()

    def rows(self, sql: str, params: list[Any] | None = None) -> list[Row]:
        """Return the rows of a question; none when its tables are not published yet."""
        try:
            found: list[Row] = self._readers.current().arrow(sql, params).to_pylist()
        except QueryError:
            return []
        return [{name: json_value(value) for name, value in row.items()} for row in found]

    def listed(self) -> list[Listed]:
        """Return every resource in the order of its code."""
        supply = {row["resource_key"]: row for row in self.rows("select * from catalogue.supply_status")}
        scores = self.rows("select resource_key, score from catalogue.quality_score where dimension = '总分'")
        total = {row["resource_key"]: float(row["score"]) for row in scores}
        names = self.vocabulary.categories.topics
        lines = []
        for key, entry in self.entries.items():
            contract, state = self.contracts[key], supply.get(key, {})
            lines.append(
                Listed(
                    entry=entry,
                    dept=contract.dept,
                    topic=contract.topic,
                    topic_name=names.get(contract.topic, contract.topic),
                    row_count=state.get("row_count"),
                    supply=state.get("status"),
                    newest_on=state.get("newest_on"),
                    score=total.get(key),
                )
            )
        return sorted(lines, key=lambda line: line.entry.resource_code)

    def overview(self) -> Row:
        """Return the figures of the home page."""
        totals = next(iter(self.rows(_TOTALS)), {})
        published = bool(totals.get("batches"))
        late = self.rows(
            "select resource_key, age_days, update_cycle from catalogue.supply_status where status <> '按时'"
        )
        return {
            "snapshot": self.snapshot() if published else None,
            "is_published": published,
            "departments": len({contract.dept for contract in self.contracts.values()}),
            "resources": len(self.contracts),
            "totals": totals,
            "conflicts": sum(row["row_count"] for row in self.rows(_CONFLICTS)),
            "missing": sum(row["row_count"] for row in self.rows(_MISSING)),
            "late": late,
            "trouble": self.rows(_TROUBLE),
            "topics": self.topic_sizes(),
        }

    def topic_sizes(self) -> list[Row]:
        """Return the published marts with their rows, topic by topic."""
        try:
            reader = self._readers.current()
            tables = [name for name in reader.tables() if name.split(".")[0] in self.vocabulary.categories.topics]
        except QueryError:
            return []
        counted = self.rows(
            " union all ".join(f"select '{t}' as name, count(*) as n from {t}" for t in tables)
            or "select 1 where false"
        )
        names = self.vocabulary.categories.topics
        return [{"table": r["name"], "topic": names[r["name"].split(".")[0]], "row_count": r["n"]} for r in counted]

    def detail(self, key: str) -> Row:
        """Return everything about one resource."""
        contract = self.contracts[key]
        lineage = self.rows("select upstream, downstream from catalogue.lineage_edge")
        return {
            "entry": self.entries[key],
            "labelled": self.entries[key].labelled(),
            "sample": self.sample(contract),
            "supply": next(
                iter(self.rows("select * from catalogue.supply_status where resource_key = ?", [key])), None
            ),
            "scores": self.rows(
                "select dimension, score, check_count from catalogue.quality_score where resource_key = ? order by dimension",
                [key],
            ),
            "checks": self.rows(_CHECKS, [key]),
            "outcomes": self.rows(_OUTCOMES, [key]),
            "quarantine": self.rows(_QUARANTINE, [contract.dept, contract.resource]),
            "upstream": sorted({edge["upstream"] for edge in lineage if edge["downstream"] == key}),
            "downstream": _reached(lineage, key),
        }

    def sample(self, contract: Contract) -> list[Row]:
        """Return a few rows through their masks; none for 不予共享, none before the first publish."""
        if contract.gov.share_type == 3:
            return []
        columns = ", ".join(f'"{prop.name}"' for prop in contract.properties)
        order = ", ".join(f'"{name}"' for name in contract.primary_key)
        sql = f'select {columns} from "{contract.dept}"."{contract.resource}" order by {order} limit {SAMPLE_ROWS}'
        masks = {prop.name: prop.gov.mask for prop in contract.properties}
        return [{name: masked(value, masks[name]) for name, value in row.items()} for row in self.rows(sql)]

    def governance(self) -> Row:
        """Return conflicts and blind spots, counted."""
        return {"conflicts": self.rows(_CONFLICTS), "missing": self.rows(_MISSING)}

    def quality(self) -> Row:
        """Return the scores of every resource by dimension, and the checks that fail."""
        scores: dict[str, Row] = {}
        for row in self.rows("select resource_key, dimension, score from catalogue.quality_score"):
            scores.setdefault(row["resource_key"], {})[row["dimension"]] = float(row["score"])
        failing = self.rows(
            "select table_name, expectation_type, column_name, severity, unexpected_count, element_count"
            " from ops.quality_result where not success order by severity, table_name"
        )
        return {"scores": scores, "failing": failing}


def _reached(edges: list[Row], start: str) -> list[Row]:
    """Return what is made from ``start``, step by step, each once, without the technical layers between."""
    found: dict[str, int] = {}
    frontier, distance = {start}, 0
    while frontier:
        distance += 1
        frontier = {e["downstream"] for e in edges if e["upstream"] in frontier} - found.keys() - {start}
        found |= dict.fromkeys(frontier, distance)
    marts = {name: step for name, step in found.items() if name.split(".")[0] not in ("staging", "intermediate")}
    return [
        {"name": name, "distance": step} for name, step in sorted(marts.items(), key=lambda item: (item[1], item[0]))
    ]
