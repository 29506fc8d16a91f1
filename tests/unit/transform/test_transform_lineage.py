"""Column lineage from compiled SQL: through CTEs and unions, without filters, never from the contracts' own tables."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.pipeline.lineage import ColumnEdge, column_edges

SOURCE = {"schema": "gaj", "name": "resident", "columns": {"resident_id": {}, "person_name": {}, "household_id": {}}}


def manifest(**models: str) -> dict[str, Any]:
    """Return a manifest of models ``population.<name>`` over one source ``gaj.resident``."""
    nodes = {
        f"model.{name}": {
            "resource_type": "model",
            "schema": "population",
            "name": name,
            "columns": {},
            "compiled_code": sql,
        }
        for name, sql in models.items()
    }
    return {"sources": {"source.resident": SOURCE}, "nodes": nodes}


def edges(known: dict[str, list[str]] | None = None, **models: str) -> set[tuple[str, str, str, str]]:
    return {tuple(edge) for edge in column_edges(manifest(**models), known or {})}


def test_column_is_traced_through_a_cte_and_an_expression() -> None:
    sql = "with p as (select resident_id as id, trim(person_name) as n from gaj.resident) select id, n || '！' as n from p"

    assert edges(dim=sql) == {
        ("gaj.resident", "resident_id", "population.dim", "id"),
        ("gaj.resident", "person_name", "population.dim", "n"),
    }


def test_column_of_a_union_has_the_origins_of_every_branch() -> None:
    sql = "select resident_id as who from gaj.resident union all select household_id as who from gaj.resident"

    assert edges(dim=sql) == {
        ("gaj.resident", "resident_id", "population.dim", "who"),
        ("gaj.resident", "household_id", "population.dim", "who"),
    }


def test_star_is_spelled_out_from_what_the_upstream_describes() -> None:
    assert {edge[3] for edge in edges(dim="select * from gaj.resident")} == set(SOURCE["columns"])


def test_columns_that_only_filter_or_join_leave_no_edge() -> None:
    sql = (
        "select a.person_name from gaj.resident as a join gaj.resident as b on a.household_id = b.household_id"
        " where a.resident_id <> ''"
    )

    assert edges(dim=sql) == {("gaj.resident", "person_name", "population.dim", "person_name")}


def test_literal_has_no_upstream() -> None:
    assert edges(dim="select '户籍' as kind from gaj.resident") == set()


def test_model_without_described_columns_is_known_by_its_own_select() -> None:
    found = edges(first="select resident_id as id from gaj.resident", second="select * from population.first")

    assert ("population.first", "id", "population.second", "id") in found


def test_tables_of_the_contracts_are_not_data() -> None:
    known = {"contract.fact": ["fact", "rule"], "ops.ingest_outcome": ["resource"]}
    sql = "select f.rule, o.resource from contract.fact as f, ops.ingest_outcome as o"

    assert edges(known, dim=sql) == {("ops.ingest_outcome", "resource", "population.dim", "resource")}


def test_same_manifest_gives_the_same_sorted_edges() -> None:
    sql = "select person_name, resident_id, household_id from gaj.resident"
    once = column_edges(manifest(dim=sql), {})

    assert once == sorted(once) == column_edges(manifest(dim=sql), {})
    assert isinstance(once[0], ColumnEdge)


@pytest.mark.parametrize("sql", ["select no_such_column from gaj.resident", "select from from", "drop table x"])
def test_sql_that_cannot_be_traced_names_its_model(sql: str) -> None:
    with pytest.raises(ValueError, match=r"population\.dim"):
        column_edges(manifest(dim=sql), {})
