"""Compare what the lakehouse found with what the sample city planted."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.connect.settings import Settings
from lakehouse.pipeline.errors import WrongInput
from lakehouse.query import QueryError, open_reader

Place = tuple[str, str, str]  # dept, resource, key
Finding = tuple[str, str, str, str]  # a place and the rule

# Where a kind of defect shows up once it is found; every other kind is a row in quarantine.
BATCH_KINDS = ("resent_batch", "late_batch", "schema_drift")
DEDUPLICATED_KINDS = ("exact_duplicate",)
MART_OF_KIND = {"contradicting_fact": "governance.fact_conflict", "missing_entity": "governance.missing_entity"}

_QUARANTINE = "select dept, resource, key, rules from ops.quarantine"
_OUTCOMES = "select resource, delivery, rule, deduplicated from ops.ingest_outcome"
_CONFLICTS = "select distinct authority_dept, authority_resource, entity_key, rule from governance.fact_conflict"
_MISSING = "select distinct dept, resource, entity_key, rule from governance.missing_entity"


@dataclass(frozen=True)
class Defect:
    """One line of ``truth/*.ndjson``."""

    kind: str
    dept: str
    resource: str
    key: str
    rule: str

    @property
    def place(self) -> Place:
        return self.dept, self.resource, self.key


def read_truth(city: Path) -> list[Defect]:
    """Read every planted defect of a sample city; raise :class:`WrongInput` when there is no truth."""
    files = sorted((city / "truth").glob("*.ndjson"))
    if not files:
        raise WrongInput(f"no truth/*.ndjson in {city}", hint="give the folder that citybrain sample-city wrote")
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines() if line)
    return [Defect(**{name: json.loads(line)[name] for name in Defect.__annotations__}) for line in lines]


def compare_with_truth(settings: Settings, city: Path) -> dict[str, dict[str, int]]:
    """Return ``{kind: {planted, found, missed, false}}``.

    ``false`` counts what was found at a place where nothing of that kind was planted; a row in quarantine at a place
    where nothing at all was planted counts under the kind that its rule belongs to, or under ``unplanned``.
    """
    planted: dict[str, list[Defect]] = defaultdict(list)
    for defect in read_truth(city):
        planted[defect.kind].append(defect)
    try:
        found = _found(settings)
    except QueryError as error:
        raise WrongInput(f"nothing to compare with: {error}", hint="citybrain run --source DIR first") from error
    row_kinds = {k: v for k, v in planted.items() if k not in (*BATCH_KINDS, *DEDUPLICATED_KINDS, *MART_OF_KIND)}
    result = _compare_rows(row_kinds, found.quarantined)
    for kind in BATCH_KINDS:
        result[kind] = _compare_sets({(*d.place, d.rule) for d in planted[kind]}, found.batches_of(planted[kind], kind))
    for kind in DEDUPLICATED_KINDS:
        result[kind] = _compare_counts(planted[kind], found.deduplicated)
    result["contradicting_fact"] = _compare_sets(
        {(*d.place, d.rule) for d in planted["contradicting_fact"]}, found.conflicts
    )
    result["missing_entity"] = _compare_sets({(*d.place, d.rule) for d in planted["missing_entity"]}, found.missing)
    return dict(sorted(result.items()))


@dataclass(frozen=True)
class Found:
    """What ``main`` says: rows in quarantine with their rules, batches with their rule, findings of the marts."""

    quarantined: dict[Place, set[str]]
    batches: set[Finding]
    deduplicated: dict[tuple[str, str], int]
    conflicts: set[Finding]
    missing: set[Finding]

    def batches_of(self, planted: list[Defect], kind: str) -> set[Finding]:
        """Return the batches found under the rules of one kind."""
        default = {"resent_batch": "batch.resent", "late_batch": "batch.late", "schema_drift": "schema.unknown_column"}
        rules = {d.rule for d in planted} or {default[kind]}
        return {batch for batch in self.batches if batch[3] in rules}


def _found(settings: Settings) -> Found:
    with open_reader(settings) as reader:
        quarantined: dict[Place, set[str]] = defaultdict(set)
        for row in reader.arrow(_QUARANTINE).to_pylist():
            quarantined[row["dept"], row["resource"], row["key"]].update(row["rules"].split(","))
        batches: set[Finding] = set()
        deduplicated: dict[tuple[str, str], int] = defaultdict(int)
        for row in reader.arrow(_OUTCOMES).to_pylist():
            dept, resource = row["resource"].split(".")
            deduplicated[dept, resource] += row["deduplicated"]
            batches.update((dept, resource, row["delivery"], rule) for rule in (row["rule"] or "").split(",") if rule)
        conflicts = {_finding(row) for row in reader.arrow(_CONFLICTS).to_pylist()}
        missing = {_finding(row) for row in reader.arrow(_MISSING).to_pylist()}
    return Found(quarantined, batches, deduplicated, conflicts, missing)


def _finding(row: dict[str, Any]) -> Finding:
    dept, resource, key, rule = row.values()
    return dept, resource, key, rule


def _compare_rows(planted: dict[str, list[Defect]], quarantined: dict[Place, set[str]]) -> dict[str, dict[str, int]]:
    result = {kind: {"planted": len(defects), "found": 0, "missed": 0, "false": 0} for kind, defects in planted.items()}
    expected: dict[Place, set[str]] = defaultdict(set)
    kind_of_rule: dict[str, str] = {}
    for kind, defects in planted.items():
        for defect in defects:
            expected[defect.place].add(defect.rule)
            kind_of_rule.setdefault(defect.rule, kind)
            hit = defect.rule in quarantined.get(defect.place, set())
            result[kind]["found" if hit else "missed"] += 1
    for place, rules in quarantined.items():
        if place not in expected:
            kind = next((kind_of_rule[rule] for rule in sorted(rules) if rule in kind_of_rule), "unplanned")
            result.setdefault(kind, {"planted": 0, "found": 0, "missed": 0, "false": 0})["false"] += 1
    return result


def _compare_sets(planted: set[Finding], found: set[Finding]) -> dict[str, int]:
    return {
        "planted": len(planted),
        "found": len(planted & found),
        "missed": len(planted - found),
        "false": len(found - planted),
    }


def _compare_counts(planted: list[Defect], deduplicated: dict[tuple[str, str], int]) -> dict[str, int]:
    """Rows dropped as identical leave no row behind, so they are compared by number, per resource."""
    wanted: dict[tuple[str, str], int] = defaultdict(int)
    for defect in planted:
        wanted[defect.dept, defect.resource] += 1
    found = sum(min(count, deduplicated.get(place, 0)) for place, count in wanted.items())
    return {"planted": len(planted), "found": found, "missed": len(planted) - found, "false": 0}
