"""What passes to Trino: questions about published tables, in any spelling, and nothing else."""

from __future__ import annotations

import pytest

from lakehouse.query import QueryError
from lakehouse.query.trino_guard import trino_question

TABLES = frozenset({"gaj.resident", "mzj.person", "quarantine.gaj_resident", "quarantine.mzj_person"})


@pytest.mark.parametrize(
    "sql",
    [
        "select * from gaj.resident",
        "SELECT count(*) FROM GAJ.Resident r JOIN mzj.person p ON r.id = p.id",
        "with x as (select * from gaj.resident) select * from x",
        "select 1 union all select 2",
        "values (1), (2)",
        "select * from gaj.resident where name in (select name from mzj.person)",
        "select * from gaj.resident cross join unnest(array[1, 2]) t(n)",
        "explain (type distributed) select * from gaj.resident",
        "explain analyze select * from gaj.resident",
        "show tables from gaj",
        "describe gaj.resident;",
    ],
)
def test_questions_pass(sql: str) -> None:
    assert trino_question(sql, TABLES)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from gaj.secret",
        "select * from resident",
        "select * from lake.gaj.resident",
        'select * from gaj."resident$snapshots"',
        "with x as (select 1) select * from y",
        "with resident as (select 1) select * from gaj.secret",
        "with x as (select * from system.runtime.queries) select * from x",
        "select * from table(exclude_columns(input => table(gaj.resident), columns => descriptor(id)))",
        "select * from gaj.resident; select 1",
        "explain analyze delete from gaj.resident",
        "explain explain delete from gaj.resident",
        "merge into gaj.resident using mzj.person on true when matched then delete",
        "describe system.queries",
        "show create table gaj.resident",
        "show tables from gaj; drop table gaj.resident",
        "/* */ drop table gaj.resident",
        "execute immediate 'drop table gaj.resident'",
        "prepare p from select 1",
        "use other.schema",
    ],
)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(QueryError):
        trino_question(sql, TABLES)


def test_quarantine_stands_for_all_quarantine_tables() -> None:
    sql = trino_question("select q.dept, count(*) from ops.quarantine q group by 1", TABLES)

    assert "quarantine.gaj_resident" in sql
    assert "quarantine.mzj_person" in sql
    assert "ops.quarantine" not in sql


def test_quarantine_without_any_table_says_so() -> None:
    with pytest.raises(QueryError, match="nothing was ever refused"):
        trino_question("select * from ops.quarantine", frozenset({"gaj.resident"}))
