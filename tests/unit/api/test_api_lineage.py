"""Lineage leaves technical layers out and keeps what they join; cycles do not hang it."""

from __future__ import annotations

from catalog.api.lineage import column_impact, lineage_of
from catalog.web.drawing import draw

ROWS = [
    {"upstream": "市公安局：database", "downstream": "gaj.resident"},
    {"upstream": "gaj.resident", "downstream": "staging.stg_gaj__resident"},
    {"upstream": "staging.stg_gaj__resident", "downstream": "intermediate.int_person"},
    {"upstream": "intermediate.int_person", "downstream": "population.dim_person"},
    {"upstream": "population.dim_person", "downstream": "population.dim_household"},
    {"upstream": "other.source", "downstream": "other.mart"},
]


def test_sources_and_what_is_made_stand_in_columns_around_the_resource() -> None:
    lineage = lineage_of(ROWS, "gaj.resident")
    assert lineage.columns == {
        -1: ["市公安局：database"],
        0: ["gaj.resident"],
        1: ["population.dim_person"],
        2: ["population.dim_household"],
    }
    assert ("gaj.resident", "population.dim_person") in lineage.edges


def test_a_resource_that_nothing_is_known_of_stands_alone() -> None:
    assert lineage_of([], "gaj.resident").columns == {0: ["gaj.resident"]}


def test_a_cycle_ends() -> None:
    pairs = [("a.a", "staging.x"), ("staging.x", "staging.y"), ("staging.y", "staging.x"), ("staging.y", "a.a")]
    rows = [{"upstream": upstream, "downstream": downstream} for upstream, downstream in pairs]
    assert lineage_of(rows, "a.a").columns == {0: ["a.a"]}


def test_boxes_do_not_overlap_and_arrows_run_to_the_right() -> None:
    rows = ROWS + [{"upstream": "gaj.resident", "downstream": f"population.mart_{n}"} for n in range(6)]
    drawing = draw(lineage_of(rows, "gaj.resident"))
    places = {(box.x, box.y) for box in drawing.boxes}
    assert len(places) == len(drawing.boxes)
    assert all(box.y >= 0 and box.y + 46 <= drawing.height for box in drawing.boxes)
    assert len(drawing.arrows) == len(lineage_of(rows, "gaj.resident").edges)


def test_column_impact_goes_through_technical_tables() -> None:
    names = ("upstream", "upstream_column", "downstream", "downstream_column")
    rows = [
        dict(zip(names, row, strict=True))
        for row in [
            ("gaj.resident", "birth_date", "staging.stg_gaj__resident", "birth_date"),
            ("staging.stg_gaj__resident", "birth_date", "population.dim_person", "age"),
            ("population.dim_person", "age", "livelihood.person_livelihood", "age"),
            ("swj.tax", "amount", "economy.enterprise_profile", "tax"),
        ]
    ]
    assert column_impact(rows, "gaj.resident") == {
        "birth_date": ["livelihood.person_livelihood.age", "population.dim_person.age"]
    }
    assert column_impact(rows, "gaj.vehicle") == {}
