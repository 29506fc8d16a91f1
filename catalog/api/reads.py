"""What the pages and the API say of the catalogue: contracts joined with what is published. One view for both."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import date

from catalog.access.decide import decide
from catalog.api.city_divisions import CityDivisions
from catalog.api.current import Current
from catalog.api.description import openapi
from catalog.api.facts import TOTAL, Facts, Row
from catalog.api.lineage import column_impact, column_lineage_of, lineage_of
from catalog.api.listed import Listed
from catalog.api.readers import QueryError, Readers
from catalog.api.search import Listing, Query
from catalog.cataloguing.published import Published
from catalog.cataloguing.shelf import Shelf
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.catalogue import CatalogueEntry, catalogue_entry
from catalog.search.entries import EntryIndex
from catalog.search.synonyms import Synonyms
from lakehouse.branches import publish_history
from lakehouse.connect.settings import Settings
from lakehouse.tables import UnknownTable, history

KEPT_FACTS = 2
SHOWN_VERSIONS = 20
SHOWN_OUTCOMES = 50
ON_TIME, OVERDUE, NOT_SUPPLIED = "按时", "逾期", "未供"
BLOCKING = "critical"
SEVERITIES = ("error", "warning")


class CatalogueReads:
    """Reads for pages and API. Each answer is of one snapshot: ask :meth:`now` once, and take all from there."""

    def __init__(self, settings: Settings, readers: Readers, shelf: Shelf, vocabulary: Vocabulary) -> None:
        self._settings, self._readers = settings, readers
        self._shelf, self.vocabulary = shelf, vocabulary
        self._published = shelf.now()
        self._indexed: tuple[Published, EntryIndex] | None = None
        self._described: tuple[Published, Row] | None = None
        self.contracts: Current[str, Contract] = Current(self._published.contracts)
        self.entries: Current[str, CatalogueEntry] = Current(self._entries_of(self._published))
        self.divisions = CityDivisions(settings.root / "search")
        self._lock = threading.Lock()
        self._facts: OrderedDict[str, Facts] = OrderedDict()
        self._warmed: Facts | None = None

    def now(self) -> Facts:
        """Return the facts of what ``main`` shows now, in the words of the contracts that are published now."""
        self.refresh()
        snapshot = self._readers.snapshot()
        with self._lock:
            if snapshot not in self._facts:
                at = next((p.published_at for p in publish_history(self._settings) if p.snapshot == snapshot), None)
                self._facts[snapshot] = Facts(self._readers, snapshot, at, self.contracts, self.vocabulary)
            self._facts.move_to_end(snapshot)
            while len(self._facts) > KEPT_FACTS:
                self._facts.popitem(last=False)
            return self._facts[snapshot]

    def listed(self, facts: Facts) -> list[Listed]:
        """Return every resource in the order of its code."""
        return facts.once("listed", lambda: self._listed(facts))

    def listing(self, facts: Facts) -> Listing:
        """Return the lines ready to be searched."""
        return facts.once("listing", lambda: Listing(self.listed(facts), self.index))

    @property
    def index(self) -> EntryIndex:
        """The index over the published entries in the order of their codes, as they are listed."""
        published, held = self._published, self._indexed
        if held is None or held[0] is not published:
            held = self._indexed = (published, EntryIndex(self.entries.values(), Synonyms.read()))
        return held[1]

    @property
    def interface(self) -> Row:
        """The OpenAPI document of the published entries."""
        published, held = self._published, self._described
        if held is None or held[0] is not published:
            held = self._described = (published, openapi(published.contracts, self.vocabulary))
        return held[1]

    def warm(self) -> bool:
        """Ask what pages ask first, so that no visitor waits for it; return False when nothing was published or approved since."""
        facts = self.now()
        if self._warmed is facts:
            return False
        self.overview(facts)
        self.listing(facts).search(Query("", {}, "", 1))
        self.quality(facts)
        self.divisions.index(facts)
        for ask in (facts.lineage, facts.column_lineage, facts.checks):
            ask()
        self._warmed = facts
        return True

    def overview(self, facts: Facts) -> Row:
        """Return the figures of the home page."""
        lines = self.listed(facts)
        counts = [line.row_count for line in lines if line.row_count is not None]
        return {
            "is_published": facts.is_published,
            "snapshot": facts.snapshot if facts.is_published else None,
            "published_at": facts.published_at,
            "departments": len({contract.dept for contract in self.contracts.values()}),
            "resources": len(self.contracts),
            "rows": sum(counts) if counts else None,
            "totals": facts.totals(),
            "conflicts": sum(row["row_count"] for row in facts.conflicts()) if facts.is_published else None,
            "missing": sum(row["row_count"] for row in facts.missing()) if facts.is_published else None,
            "attention": self.attention(facts),
            "by_department": self.by_department(facts),
            "topics": facts.topic_sizes(),
        }

    def by_department(self, facts: Facts) -> list[Row]:
        """Return resources, rows, overdue resources and mean score of each department, in the vocabulary's order."""
        found: dict[str, Row] = {}
        lines: dict[str, list[Listed]] = {}
        for line in self.listed(facts):
            lines.setdefault(line.dept, []).append(line)
        for dept in [d for d in self.vocabulary.departments if d in lines]:
            mine, scores = lines[dept], [line.score for line in lines[dept] if line.score is not None]
            found[dept] = {
                "dept": dept,
                "name": self.vocabulary.departments[dept].name,
                "resources": len(mine),
                "rows": sum(line.row_count or 0 for line in mine)
                if any(x.row_count is not None for x in mine)
                else None,
                "overdue": sum(line.supply in (OVERDUE, NOT_SUPPLIED) for line in mine),
                "score": round(sum(scores) / len(scores), 2) if scores else None,
            }
        return list(found.values())

    def attention(self, facts: Facts) -> list[Row]:
        """Return the resources that somebody must look at, the worst first: what is wrong with each, and why."""
        issues: dict[str, list[Row]] = {}
        for row in facts.troubled():
            kind = "failed" if row["status"] == "failed" else "late_delivery"
            text = f"{row['delivery']}：{row['reason'] or row['rule']}"
            issues.setdefault(row["resource"], []).append(
                {"kind": kind, "severity": SEVERITIES[kind != "failed"], "text": text}
            )
        for key, row in facts.supply().items():
            if row["status"] != ON_TIME:
                kind = "overdue" if row["status"] == OVERDUE else "not_supplied"
                text = f"{row['update_cycle']}更新，最新数据 {row['newest_on'] or '—'}（{row['age_days'] or '—'} 天前）"
                issues.setdefault(key, []).append({"kind": kind, "severity": "warning", "text": text})
        for row in facts.checks():
            if not row["success"] and not row["expectation_type"].startswith("expect_deliveries"):
                severity = SEVERITIES[row["severity"] != BLOCKING]
                text = f"{row['rule'] or row['expectation_type']}：{row['unexpected_count'] or '—'} 行不合格"
                issues.setdefault(row["table_name"], []).append({"kind": "check", "severity": severity, "text": text})
        lines = [
            {"resource": key, "name": self._name(key), "dept": self._dept_name(key), "issues": found}
            for key, found in issues.items()
        ]
        return sorted(
            lines, key=lambda line: (min(SEVERITIES.index(i["severity"]) for i in line["issues"]), line["resource"])
        )

    def detail(self, facts: Facts, key: str, today: date) -> Row:
        """Return everything about one resource."""
        contract, entry = self.contracts[key], self.entries[key]
        sample = decide(None, "see_sample", contract, today=today)
        return {
            "entry": entry,
            "labelled": entry.labelled(),
            "is_published": key in facts.tables(),
            "snapshot": facts.snapshot if facts.is_published else None,
            "sample_decision": asdict(sample),
            "sample": facts.sample(contract) if sample.allowed else [],
            "supply": facts.supply().get(key),
            "scores": facts.scores().get(key, {}),
            "checks": [row for row in facts.checks() if row["table_name"] == key],
            "outcomes": facts.outcomes(key, SHOWN_OUTCOMES),
            "outcome_totals": facts.totals_of(key),
            "quarantine": [row for row in facts.quarantine() if row["resource_key"] == key],
            "lineage": lineage_of(facts.lineage(), key),
            "column_lineage": column_impact(facts.column_lineage(), key),
            "versions": facts.once(("versions", key), lambda: self._versions(key)),
        }

    def column_graph(self, facts: Facts, key: str, column: str) -> Row:
        """Return the lineage of one column: of the one asked for, or of the one that most is computed from; {} for none."""
        rows, impact = facts.column_lineage(), column_impact(facts.column_lineage(), key)
        names = {item.name for item in self.entries[key].items}
        chosen = column if column in names else max(impact, key=lambda name: len(impact[name]), default="")
        return {"column": chosen, "lineage": column_lineage_of(rows, key, chosen)} if chosen else {}

    def lineage_json(self, facts: Facts, table: str, received: list[Row]) -> Row:
        """Return the lineage around a table: what dbt compiled and was published, and what engines reported."""
        published = [row for row in facts.lineage() if table in (row["upstream"], row["downstream"])]
        columns = [row for row in facts.column_lineage() if table in (row["upstream"], row["downstream"])]
        return {
            "table": table,
            "snapshot": facts.snapshot if facts.is_published else None,
            "tables": published,
            "columns": columns,
            "received": received,
        }

    def scores_since(self, seen: Container[str]) -> Iterator[tuple[str, str, dict[str, dict[str, float]]]]:
        """Return (snapshot, published at, resource -> dimension -> score) of kept publishes not in ``seen``, oldest first.

        A publish whose files are gone is left out.
        """
        for publish in reversed(publish_history(self._settings)):
            if publish.snapshot not in seen:
                facts = Facts(self._readers, publish.snapshot, publish.published_at, self.contracts, self.vocabulary)
                with suppress(QueryError):
                    yield publish.snapshot, publish.published_at, facts.scores()

    def quality(self, facts: Facts) -> Row:
        """Return the scores of every resource by dimension, failing checks, and quarantine by kind of rule."""
        rules: dict[str, int] = {}
        for row in facts.quarantine():
            kind = _check_kind(row["rule"])
            rules[kind] = rules.get(kind, 0) + row["row_count"]
        checks = facts.checks()
        return {
            "is_published": facts.is_published,
            "scores": {key: facts.scores()[key] for key in sorted(facts.scores())},
            "checks": {"total": len(checks), "passed": sum(bool(row["success"]) for row in checks)},
            "failing": [row for row in checks if not row["success"]],
            "totals": facts.totals(),
            "quarantine": sorted(
                facts.quarantine(), key=lambda row: (-row["row_count"], row["resource_key"], row["rule"])
            ),
            "quarantine_rules": dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        }

    def contract_text(self, key: str) -> str:
        """Return the contract's file."""
        return self._published.texts[key]

    def refresh(self) -> None:
        """Take over what was approved in the catalogue since."""
        published = self._shelf.now()
        with self._lock:
            if published is self._published:
                return
            self._published = published
            self.contracts.exchange(published.contracts)
            self.entries.exchange(self._entries_of(published))
            self._facts.clear()

    def _entries_of(self, published: Published) -> dict[str, CatalogueEntry]:
        entries = [catalogue_entry(contract, self.vocabulary) for contract in published.contracts.values()]
        return {entry.key: entry for entry in sorted(entries, key=lambda entry: _code_order(entry.resource_code))}

    def _listed(self, facts: Facts) -> list[Listed]:
        supply, scores, topics = facts.supply(), facts.scores(), self.vocabulary.categories.topics
        lines = []
        for key, entry in self.entries.items():
            contract, state = self.contracts[key], supply.get(key, {})
            lines.append(
                Listed(
                    entry=entry,
                    dept=contract.dept,
                    topic=contract.topic,
                    topic_name=topics.get(contract.topic, contract.topic),
                    group=contract.gov.category[:3],
                    row_count=state.get("row_count"),
                    supply=state.get("status"),
                    newest_on=state.get("newest_on"),
                    score=scores.get(key, {}).get(TOTAL),
                )
            )
        return lines

    def _versions(self, key: str) -> list[Row]:
        """Return the newest table versions, newest first; none before the first publish."""
        try:
            found = history(self._settings, key)
        except UnknownTable:
            return []
        return [asdict(version) for version in reversed(found[-SHOWN_VERSIONS:])]

    def _name(self, key: str) -> str:
        return self.entries[key].name if key in self.entries else key

    def _dept_name(self, key: str) -> str:
        return self.entries[key].provider_name if key in self.entries else ""


def _code_order(code: str) -> tuple[str, int]:
    category, _, number = code.partition("/")
    return category, int(number)


def _check_kind(rule: str) -> str:
    """Return what a row rule checks, whatever the column: ``length`` of ``phone.length``; ``key.duplicate`` as it is."""
    column, _, check = rule.rpartition(".")
    return rule if column in ("key", "row") else check
