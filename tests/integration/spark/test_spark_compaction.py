"""Compaction packs and sorts; readers see the same rows, and no other reference loses a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession

from catalog.derive.iceberg import iceberg_schema
from lakehouse.branches import Branch, adopt, join_branch, open_branch, publish
from lakehouse.connect.duck import Connection, attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.tables import append_files, ensure_table, has_batch, merge_rows, verify, write_files
from spark_jobs import compact_table
from spark_jobs.branching import pointer, publish_tables, refuse_unpublished, working_branch
from spark_jobs.compact_table import Layout, compact
from spark_jobs.errors import Refused, WrongInput
from spark_jobs.fingerprints import fingerprint

pytestmark = pytest.mark.integration

KEY = "swj.tax_payment"
ROWS = 4_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, profile="embedded", threads=2)


@pytest.fixture
def con(settings: Settings) -> Iterator[Connection]:
    with closing(open_duckdb(settings=settings)) as connection:
        yield connection


def _table(settings: Settings, branch: Branch) -> Table:
    contract = load_inputs(checked=False).contracts[KEY]
    return ensure_table(open_catalog(settings, branch.catalog_name), KEY, iceberg_schema(contract), {})


def _rows(first: int, count: int, batch: str, amount: str = "i") -> str:
    return (
        "select 'v' || lpad(i::varchar, 8, '0') as voucher_no, 't' || hash(i) % 50 as taxpayer_no, '01' as tax_kind_code,"
        f" '2026-01' as period, ({amount})::decimal(18,2) as amount, date '2026-01-01' + (hash(i, 1) % 365)::int as paid_on,"
        f" '{batch}' as _batch_id, i::bigint as _row from range({first}, {first + count}) t(i)"
    )


@pytest.fixture
def filled(settings: Settings, con: Connection) -> Settings:
    """A branch with small files, of which one has rows that a merge replaced."""
    table = _table(settings, join_branch(settings, "work"))
    for number in range(4):
        sql = _rows(number * ROWS // 4, ROWS // 4, f"b{number}")
        append_files(table, write_files(con, table, sql), batch_id=f"b{number}")
    staged = settings.root / "staged.parquet"
    con.execute(f"copy ({_rows(10, 20, 'merged', 'i * 2 + 1')}) to '{staged}' (format parquet)")
    merge_rows(con, table, staged, key=["voucher_no"], version=None, batch_id="merged", mode="append")
    return settings


def _shown(settings: Settings, con: Connection, branch: str) -> list[tuple[Any, ...]]:
    attach_branch(con, settings, branch)
    return con.execute(f"select * from {KEY} order by voucher_no").fetchall()


def test_rows_stay_while_files_are_packed_and_deletes_folded_in(
    filled: Settings, con: Connection, spark: SparkSession
) -> None:
    before = _shown(filled, con, "work")
    branch = join_branch(filled, "work")
    done = compact(spark, filled, branch, KEY, Layout())
    assert done["before"]["data_files"] == 5
    assert done["before"]["delete_files"] == 1
    assert (done["after"]["data_files"], done["after"]["delete_files"]) == (1, 0)
    assert _shown(filled, con, "work") == before
    table = _table(filled, branch)
    assert all(has_batch(table, batch) for batch in ("b0", "b3", "merged"))
    assert not verify(filled).faults
    assert compact(spark, filled, branch, KEY, Layout())["changed"] is False


def test_sorted_rows_lie_together(filled: Settings, con: Connection, spark: SparkSession) -> None:
    before = _shown(filled, con, "work")
    branch = join_branch(filled, "work")
    compact(spark, filled, branch, KEY, Layout(("taxpayer_no", "paid_on")))
    (file,) = (task.file.file_path for task in _table(filled, branch).scan().plan_files())
    taxpayers = pq.read_table(file, columns=["taxpayer_no"])["taxpayer_no"].to_pylist()
    assert taxpayers == sorted(taxpayers)
    assert _shown(filled, con, "work") == before


def test_rows_on_a_curve_are_close_in_both_columns(filled: Settings, con: Connection, spark: SparkSession) -> None:
    before = _shown(filled, con, "work")
    branch = join_branch(filled, "work")
    compact(spark, filled, branch, KEY, Layout(("taxpayer_no", "paid_on"), z_order=True))
    assert _shown(filled, con, "work") == before
    (file,) = (task.file.file_path for task in _table(filled, branch).scan().plan_files())
    days = pq.read_table(file, columns=["paid_on"])["paid_on"].to_pylist()
    steps = sum((abs(one - other) for one, other in pairwise(days)), timedelta())
    assert steps / len(days) < timedelta(days=80)  # at random it would be a third of a year
    assert isinstance(days[0], date)


def test_other_references_keep_their_files(filled: Settings, con: Connection, spark: SparkSession) -> None:
    """``main`` is compacted through a branch of its own, while another branch still shows the version before."""
    publish(filled, join_branch(filled, "work"))
    before = _shown(filled, con, "main")
    other = open_branch(filled, "reader")
    branch = working_branch(filled, "compact")
    compact(spark, filled, branch, KEY, Layout())
    assert publish_tables(filled, branch, [KEY])
    assert _shown(filled, con, "main") == before
    assert pointer(filled, other, KEY) != pointer(filled, join_branch(filled, "reader2"), KEY)
    assert _shown(filled, con, "reader") == before
    assert not verify(filled).faults


def test_unpublished_work_of_others_is_not_raced(filled: Settings, con: Connection) -> None:
    publish(filled, join_branch(filled, "work"))
    busy = open_branch(filled, "busy")
    table = _table(filled, busy)
    append_files(table, write_files(con, table, _rows(ROWS, 10, "new")), batch_id="new")
    with pytest.raises(Refused, match="unpublished work on busy"):
        refuse_unpublished(filled, KEY, "compact")
    refuse_unpublished(filled, KEY, "busy")
    adopt(filled, open_branch(filled, "topic"), "busy", [KEY])


def test_other_rows_after_than_before_are_refused_and_put_back(
    filled: Settings, con: Connection, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch, before = join_branch(filled, "work"), _shown(filled, con, "work")
    shown = pointer(filled, branch, KEY)
    calls: list[int] = []

    def wrong_the_second_time(rows: DataFrame) -> DataFrame:
        calls.append(1)
        return fingerprint(rows.limit(5) if len(calls) > 1 else rows)

    monkeypatch.setattr(compact_table, "transform", wrong_the_second_time)
    with pytest.raises(Refused, match="readers would see other rows"):
        compact(spark, filled, branch, KEY, Layout())
    assert pointer(filled, branch, KEY) == shown
    assert _shown(filled, con, "work") == before


@pytest.mark.parametrize(
    ("table", "layout", "message"),
    [("swj.none", Layout(), "no table"), (KEY, Layout(("a; drop",)), "no column a; drop")],
)
def test_wrong_names_are_said(table: str, layout: Layout, message: str, filled: Settings, spark: SparkSession) -> None:
    with pytest.raises(WrongInput, match=message):
        compact(spark, filled, join_branch(filled, "work"), table, layout)
