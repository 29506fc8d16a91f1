"""Tables built from a query are written again only when their rows or columns differ."""

from __future__ import annotations

import pytest

from lakehouse.branches import Branch
from lakehouse.connect.duck import Connection, attach_branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import history, read_at, replace_with_query
from lakehouse.tables.derived import UnsupportedType

pytestmark = pytest.mark.integration

ROWS = "select i as id, 'n' || i as name, (i / 3)::decimal(9, 2) as share from range(100) r(i)"


def build(settings: Settings, branch: Branch, con: Connection, sql: str) -> bool:
    return replace_with_query(con, open_catalog(settings, branch.catalog_name), "population.person", sql)


def shown(settings: Settings, branch: Branch, con: Connection) -> list[tuple[object, ...]]:
    attach_branch(con, settings, branch.name)
    return con.execute("select * from population.person order by 1").fetchall()


def test_same_rows_in_another_order_commit_nothing(settings: Settings, branch: Branch, con: Connection) -> None:
    assert build(settings, branch, con, ROWS)
    assert not build(settings, branch, con, f"{ROWS} order by hash(i)")
    assert len(history(settings, "population.person", branch.name)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        f"{ROWS} where i > 0",
        f"{ROWS} union all select 1, 'n1', 0.33",
        f"select * replace (case when id = 5 then 'other' else name end as name) from ({ROWS})",
        f"select * replace (case when id = 5 then null else name end as name) from ({ROWS})",
    ],
)
def test_any_difference_in_the_rows_is_written(settings: Settings, branch: Branch, con: Connection, sql: str) -> None:
    build(settings, branch, con, ROWS)

    assert build(settings, branch, con, sql)
    assert shown(settings, branch, con) == con.execute(f"select * from ({sql}) order by 1").fetchall()


def test_changed_columns_replace_the_schema_and_old_snapshots_keep_theirs(
    settings: Settings, branch: Branch, con: Connection
) -> None:
    build(settings, branch, con, ROWS)

    assert build(settings, branch, con, f"select id::varchar as id, share, 1 as extra from ({ROWS})")
    attach_branch(con, settings, branch.name)
    assert [row[:2] for row in con.execute("describe population.person").fetchall()] == [
        ("id", "VARCHAR"),
        ("share", "DECIMAL(9,2)"),
        ("extra", "INTEGER"),
    ]
    assert con.execute("select id, extra from population.person where id = '7'").fetchall() == [("7", 1)]
    first = history(settings, "population.person", branch.name)[0]
    assert read_at(con, settings, "population.person", first.snapshot_id, branch.name).columns == [
        "id",
        "name",
        "share",
    ]
    assert build(settings, branch, con, ROWS), "and back again"
    assert shown(settings, branch, con) == con.execute(f"select * from ({ROWS}) order by 1").fetchall()


def test_empty_result_is_a_table_without_rows_and_stable(settings: Settings, branch: Branch, con: Connection) -> None:
    assert build(settings, branch, con, f"{ROWS} where false")
    assert not build(settings, branch, con, f"{ROWS} where false")
    assert shown(settings, branch, con) == []


def test_types_without_a_counterpart_are_cast(settings: Settings, branch: Branch, con: Connection) -> None:
    sql = "select 1::hugeint as h, 2::utinyint as u, 3::ubigint as b, uuid() as id, 'a'::enum('a') as e from range(1)"

    assert build(settings, branch, con, sql.replace("uuid()", "'00000000-0000-0000-0000-000000000000'::uuid"))
    attach_branch(con, settings, branch.name)
    assert [row[1] for row in con.execute("describe population.person").fetchall()] == [
        "DECIMAL(38,0)",
        "INTEGER",
        "DECIMAL(20,0)",
        "VARCHAR",
        "VARCHAR",
    ]


def test_nested_columns_are_refused_by_name(settings: Settings, branch: Branch, con: Connection) -> None:
    with pytest.raises(UnsupportedType, match=r"tags INTEGER\[\]"):
        build(settings, branch, con, "select [1, 2] as tags")
