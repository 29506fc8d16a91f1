"""Questions to Trino about what is published: the same answers as DuckDB's, and nothing but questions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home
from pyiceberg.table import Table

from lakehouse.branches import open_branch, publish
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.duck import QUARANTINE_COLUMNS, Connection, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import create_catalog_sql
from lakehouse.connect.trino_client import ask
from lakehouse.query import QueryError, SqlReader, open_reader, open_sql
from lakehouse.query.trino_reader import TrinoReader
from lakehouse.tables import append_files, ensure_table, merge_rows, replace_with_query, write_files

pytestmark = pytest.mark.stack

MERGED = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "id", "type": "long", "required": True},
        {"id": 2, "name": "name", "type": "string", "required": False},
    ],
}
EVERY_TYPE = (
    "select i as id, i::integer as small, (i * 1.25)::decimal(12, 2) as money, date '2026-01-31' as day,"
    " timestamp '2026-01-31 08:09:10.123456' as at, '张' || i as name, i % 2 = 0 as is_even, i / 3.0::double as ratio,"
    " nullif(i, 3)::bigint as gap from range(5) r(i)"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A lakehouse with one published table, and a reader catalog of its own over its ``main``."""
    home = tmp_path_factory.mktemp("trino")
    make_cluster_home(home)
    settings = Settings(home=home, profile="cluster", threads=1, memory_limit="300MB")
    cluster = cluster_settings(settings)
    if not cluster.trino_uri:
        pytest.skip("Trino is missing: start it with `citybrain stack up`")
    branch = open_branch(settings, "run")
    catalog = open_catalog(settings, branch.catalog_name)
    with open_duckdb(settings=settings) as con:
        replace_with_query(con, catalog, "gaj.sample", EVERY_TYPE)
        refused = ", ".join(f"null::{kind} as {name}" for name, kind in QUARANTINE_COLUMNS.items())
        replace_with_query(con, catalog, "quarantine.gaj_sample", f"select {refused}")
        merge_into(con, ensure_table(catalog, "gaj.merged", MERGED), home)
    publish(settings, branch)
    name = f"test_{secrets.token_hex(4)}"
    ask(cluster, create_catalog_sql(name, cluster.main_reference, cluster, {"iceberg.security": "read_only"}))
    text = (home / "cluster.json").read_text(encoding="utf-8")
    (home / "cluster.json").write_text(
        text.replace(f'"reader_catalog": "{cluster.reader_catalog}"', f'"reader_catalog": "{name}"'), encoding="utf-8"
    )
    yield settings
    ask(cluster, f"drop catalog {name}")
    remove_cluster_home(settings)


def merge_into(con: Connection, table: Table, folder: Path) -> None:
    """Load a hundred rows, and then newer versions of three of them, which leaves position deletes."""
    rows = "select i as id, '{name}' as name from range({start}, {stop}) r(i)"
    append_files(table, write_files(con, table, rows.format(name="old", start=0, stop=100)), batch_id="1")
    con.execute(f"copy ({rows.format(name='new', start=10, stop=13)}) to '{folder}/staged.parquet'")
    result = merge_rows(con, table, folder / "staged.parquet", key=["id"], version=None, batch_id="2")
    assert (result.updated, result.files_rewritten) == (3, 0)


@pytest.fixture
def reader(settings: Settings) -> Iterator[SqlReader]:
    with open_sql(settings) as reader:
        assert isinstance(reader, TrinoReader)
        yield reader


def test_both_engines_give_the_same_values_of_the_same_types(settings: Settings, reader: SqlReader) -> None:
    sql = "select * from gaj.sample order by id"
    with open_reader(settings) as duck:
        expected = duck.arrow(sql)

    found = reader.arrow(sql)

    assert found.to_pylist() == expected.to_pylist()
    assert found.schema.types == expected.schema.types


def test_rows_that_a_merge_replaced_are_seen_once_in_their_new_version(reader: SqlReader) -> None:
    found = reader.arrow("select name, count(*) as n, count(distinct id) as ids from gaj.merged group by 1 order by 1")

    assert found.to_pylist() == [{"name": "new", "n": 3, "ids": 3}, {"name": "old", "n": 97, "ids": 97}]


def test_no_rows_keep_their_columns(reader: SqlReader) -> None:
    found = reader.arrow("select id, name from gaj.sample where false")

    assert (found.num_rows, found.schema.types) == (0, [pa.int64(), pa.string()])


def test_parameters_are_values_and_never_sql(reader: SqlReader) -> None:
    assert reader.arrow("select name from gaj.sample where id = ?", [2]).to_pylist() == [{"name": "张2"}]
    assert reader.arrow("select 1 from gaj.sample where name = ?", ["' or '1' = '1"]).num_rows == 0


def test_quarantine_is_there_as_on_the_other_engine(reader: SqlReader) -> None:
    assert reader.arrow("select dept, resource from ops.quarantine").to_pylist() == [
        {"dept": "gaj", "resource": "sample"}
    ]


@pytest.mark.parametrize("sql", ["show schemas", "show tables from gaj", "describe gaj.sample", "explain select 1"])
def test_looking_around_is_allowed(reader: SqlReader, sql: str) -> None:
    assert reader.arrow(sql).num_rows > 0


@pytest.mark.parametrize(
    "sql",
    [
        "delete from gaj.sample",
        "insert into gaj.sample select * from gaj.sample",
        "create table gaj.x as select 1 as a",
        "drop table gaj.sample",
        "explain analyze delete from gaj.sample",
        "select 1; drop table gaj.sample",
        "create catalog evil using memory",
        "call system.runtime.kill_query('x')",
        "select * from system.runtime.queries",
        "select * from lake.gaj.sample",
        "select * from gaj.nowhere",
        'select * from gaj."sample$files"',
        "select * from information_schema.tables",
        "select * from table(system.query(query => 'select 1'))",
        "show catalogs",
        "show session",
        "set session query_max_run_time = '1d'",
        "grant select on gaj.sample to public",
        "with x as (select 1 as a) select * from system.jdbc.tables",
        "nonsense",
        "",
    ],
)
def test_everything_but_a_question_about_published_tables_is_refused(reader: SqlReader, sql: str) -> None:
    with pytest.raises(QueryError):
        reader.arrow(sql)


def test_the_engine_refuses_to_write_too_when_the_guard_is_passed_by(settings: Settings) -> None:
    with pytest.raises(Exception, match="Access Denied"):
        ask(cluster_settings(settings), "delete from gaj.sample")


def test_a_slow_statement_is_stopped_and_says_so(settings: Settings) -> None:
    numbers = "(select 1 as n from gaj.sample a, gaj.sample b, gaj.sample c, gaj.sample d, gaj.sample e, gaj.sample f)"

    with pytest.raises(QueryError, match="narrow it down"):
        TrinoReader(settings).arrow(f"select count(*) from {numbers} x, {numbers} y", timeout_seconds=0.001)


def test_trino_that_is_down_is_named_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    cluster = cluster_settings(settings).model_copy(update={"trino_uri": "http://127.0.0.1:1"})

    with pytest.raises(ServerUnavailable, match=r"Trino at http://127\.0\.0\.1:1: .*citybrain stack status"):
        ask(cluster, "select 1")
