"""What a build tells of itself: marts and the published tables they are made from, whatever stands between."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse.branches import Branch
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.lineage import ColumnEdge
from lakehouse.pipeline.lineage_events import build_events, tell_build

MANIFEST: dict[str, Any] = {
    "sources": {"source.resident": {"schema": "gaj", "name": "resident"}},
    "nodes": {
        "model.stg": {"schema": "staging", "name": "stg_resident", "depends_on": {"nodes": ["source.resident"]}},
        "model.int": {
            "schema": "scratch_intermediate",  # what the cluster calls it
            "name": "person",
            "depends_on": {"nodes": ["model.stg", "model.home"]},
        },
        "model.home": {"schema": "population", "name": "household", "depends_on": {"nodes": ["model.stg"]}},
        "model.mart": {"schema": "population", "name": "dim_person", "depends_on": {"nodes": ["model.int"]}},
    },
}
EDGES = [
    ColumnEdge("gaj.resident", "birth", "staging.stg_resident", "birth_date"),
    ColumnEdge("staging.stg_resident", "birth_date", "intermediate.person", "birth_date"),
    ColumnEdge("population.household", "key", "intermediate.person", "home"),
    ColumnEdge("intermediate.person", "birth_date", "population.dim_person", "age"),
    ColumnEdge("intermediate.person", "home", "population.dim_person", "home"),
]
AT = datetime(2026, 7, 1, tzinfo=UTC)


def test_a_mart_is_told_with_the_tables_it_is_made_from_and_not_with_those_between() -> None:
    (event,) = build_events(MANIFEST, ["population.dim_person"], EDGES, at=AT)

    assert event.job.name == "population.dim_person"
    assert [made.name for made in event.outputs] == ["population.dim_person"]
    assert [read.name for read in event.inputs] == ["gaj.resident", "population.household"]


def test_so_are_its_columns() -> None:
    (event,) = build_events(MANIFEST, ["population.dim_person"], EDGES, at=AT)
    fields = event.outputs[0].facets["columnLineage"].fields

    told = {name: [(source.name, source.field) for source in each.inputFields] for name, each in fields.items()}
    assert told == {"age": [("gaj.resident", "birth")], "home": [("population.household", "key")]}


def test_a_build_whose_artefacts_are_gone_is_not_told_and_goes_on(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, lineage_url="http://127.0.0.1:9", lineage_key_file=tmp_path / "none")
    branch = Branch("run_x", 1, "run_x#1")

    assert tell_build(settings.model_copy(update={"lineage_url": ""}), branch, "population") == 0
    assert tell_build(settings, branch, "population") == 0
