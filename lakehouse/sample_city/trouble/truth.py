"""The ground truth: every planted defect, one line each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from lakehouse.sample_city.resource import ResourceRows
from lakehouse.sample_city.world import World

KINDS = (
    "bad_checksum",
    "impossible_date",
    "duplicate_key",
    "exact_duplicate",
    "missing_required",
    "not_in_code_list",
    "outside_city",
    "wrong_type",
    "wrong_division",
    "reversed_dates",
    "wrong_encoding",
    "id15",
    "full_width_digits",
    "resent_batch",
    "late_batch",
    "schema_drift",
    "contradicting_fact",
    "missing_entity",
)


class Truth:
    """Collects defects and writes ``truth/<kind>.ndjson``."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[tuple[str, str, str], None]] = defaultdict(dict)

    def add(self, kind: str, resource: str, key: str, rule: str) -> None:
        """Note one defect; the same place and rule counts once."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind of defect {kind!r}")
        self._lines[kind][resource, key, rule] = None

    def add_all(self, kind: str, resource: str, keys: Iterable[str], rule: str) -> None:
        """Note a defect for each key."""
        for key in keys:
            self.add(kind, resource, key, rule)

    def write(self, folder: Path) -> dict[str, int]:
        """Write one file a kind (empty ones too) and return the number of defects by kind."""
        folder.mkdir(parents=True)
        for kind in KINDS:
            lines = []
            for place, key, rule in self._lines[kind]:
                dept, resource = place.split(".")
                line = {"kind": kind, "dept": dept, "resource": resource, "key": key, "rule": rule}
                lines.append(json.dumps(line, ensure_ascii=False) + "\n")
            (folder / f"{kind}.ndjson").write_text("".join(lines), encoding="utf-8")
        return {kind: len(self._lines[kind]) for kind in KINDS}


def mart_truth(world: World, rows: ResourceRows, truth: Truth) -> None:
    """Note what the governance marts must find, at the resource whose word counts."""
    planted, facts = world.planted, world.vocabulary.facts
    ids, codes = world.population.residents["resident_id"], world.firms.table["credit_code"]
    if rows.key == facts["alive"].authority:
        for dead in (planted.dead_but_registered, planted.dead_but_insured):
            truth.add_all("contradicting_fact", rows.key, ids.gather(dead), facts["alive"].rule)
    if rows.key == facts["marital_status"].authority:
        truth.add_all(
            "contradicting_fact", rows.key, ids.gather(planted.unmarried_on_register), facts["marital_status"].rule
        )
    if rows.key == facts["person_name"].authority:
        for differing in (planted.name_differs_in_insurance, planted.name_differs_in_medical):
            truth.add_all("contradicting_fact", rows.key, ids.gather(differing), facts["person_name"].rule)
        truth.add_all("missing_entity", rows.key, ids.gather(planted.not_enrolled), "school_age_not_enrolled")
    if rows.key == facts["enterprise_name"].authority:
        truth.add_all(
            "contradicting_fact", rows.key, codes.gather(planted.firm_name_differs), facts["enterprise_name"].rule
        )
        truth.add_all(
            "contradicting_fact", rows.key, codes.gather(planted.firm_status_differs), facts["enterprise_status"].rule
        )
        truth.add_all("missing_entity", rows.key, codes.gather(planted.firm_without_tax), "tax_registration_missing")
    if rows.key == "wjw.birth":
        certificates = rows.frame["certificate_no"].tail(len(planted.mothers_of_unregistered))
        truth.add_all("missing_entity", rows.key, certificates, "newborn_not_registered")
