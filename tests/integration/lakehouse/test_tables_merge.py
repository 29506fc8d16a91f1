"""Upsert by key against a dictionary model, and what a merge may and may not rewrite."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyiceberg.table import Table

from lakehouse.branches import Branch, open_branch
from lakehouse.connect.duck import Connection, attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import DuplicateKey, MergeResult, append_files, ensure_table, merge, merge_rows, write_files
from lakehouse.tables.commit import live
from lakehouse.tables.pruning import bounds, files_that_may_hold

pytestmark = pytest.mark.integration

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "area", "type": "string", "required": True},
        {"id": 2, "name": "code", "type": "int", "required": True},
        {"id": 3, "name": "name", "type": "string", "required": False},
        {"id": 4, "name": "version", "type": "date", "required": False},
        {"id": 5, "name": "_batch_id", "type": "string", "required": True},
        {"id": 6, "name": "_row", "type": "long", "required": True},
    ],
}
ARROW = pa.schema(
    [
        ("area", pa.string()),
        ("code", pa.int32()),
        ("name", pa.string()),
        ("version", pa.date32()),
        ("_batch_id", pa.string()),
        ("_row", pa.int64()),
    ]
)
KEY = ["area", "code"]
EPOCH = date(1970, 1, 1)

areas = st.sampled_from(["gaj", "mzj", "社区"])
contents = st.tuples(st.one_of(st.none(), st.sampled_from(["a", "b", "乙"])), st.one_of(st.none(), st.integers(0, 3)))
batches = st.dictionaries(st.tuples(areas, st.integers(0, 5)), contents, max_size=12)


def stage(folder: Path, rows: dict[tuple[str, int], tuple[str | None, int | None]], batch: str) -> Path:
    path = folder / f"{batch}.parquet"
    records = [
        {"area": area, "code": code, "name": name, "version": version, "_batch_id": batch, "_row": row}
        for row, ((area, code), (name, version)) in enumerate(rows.items(), 1)
    ]
    pq.write_table(pa.Table.from_pylist(records, schema=ARROW), path)
    return path


def rows_of(con: Connection, table: Table) -> list[tuple[Any, ...]]:
    arrow = table.scan().to_arrow()
    return sorted(
        (r["area"], r["code"], r["name"], None if r["version"] is None else (r["version"] - EPOCH).days, r["_batch_id"])
        for r in arrow.to_pylist()
    )


def model_merge(
    model: dict[tuple[str, int], tuple[str | None, int | None, str]],
    rows: dict[tuple[str, int], tuple[str | None, int | None]],
    batch: str,
    versioned: bool,
) -> tuple[int, int, int, int]:
    """Merge into the dictionary and count inserted, updated, identical, superseded."""
    inserted = updated = identical = superseded = 0
    for key, (name, version) in rows.items():
        held = model.get(key)
        if held is None:
            inserted += 1
        elif held[:2] == (name, version):
            identical += 1
            continue
        elif versioned and held[1] is not None and (version is None or version < held[1]):
            superseded += 1
            continue
        else:
            updated += 1
        model[key] = (name, version, batch)
    return inserted, updated, identical, superseded


@given(
    deliveries=st.lists(batches, min_size=1, max_size=5),
    versioned=st.booleans(),
    resend=st.booleans(),
    rewrite_share=st.sampled_from([-1.0, merge.REWRITE_SHARE, 1.0]),  # always written again, as it is, always marked
)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_merges_end_in_the_rows_of_the_dictionary_model(
    monkeypatch: pytest.MonkeyPatch,
    deliveries: list[dict[tuple[str, int], tuple[str | None, int | None]]],
    versioned: bool,
    resend: bool,
    rewrite_share: float,
) -> None:
    monkeypatch.setattr(merge, "REWRITE_SHARE", rewrite_share)
    folder = Path(tempfile.mkdtemp())
    try:
        settings = Settings(home=folder / "home", threads=1, memory_limit="300MB")
        branch = open_branch(settings, "run")
        table = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", SCHEMA)
        con = open_duckdb(settings=settings)
        model: dict[tuple[str, int], tuple[str | None, int | None, str]] = {}
        for number, rows in enumerate(deliveries):
            batch = f"b{number}"
            path = stage(folder, rows, batch)
            snapshots = len(table.snapshots())
            expected = model_merge(model, rows, batch, versioned)
            result = _merge(con, table, path, batch, versioned)
            assert astuple(result)[:4] == expected
            assert len(table.snapshots()) == snapshots + bool(expected[0] or expected[1])
            if resend:
                before = rows_of(con, table)
                _merge(con, table, path, batch, versioned)
                assert rows_of(con, table) == before
        assert rows_of(con, table) == sorted((*key, *value) for key, value in model.items())
    finally:
        shutil.rmtree(folder)


@given(deliveries=st.lists(batches, min_size=2, max_size=3), data=st.data())
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_out_of_order_days_end_in_the_same_rows(
    deliveries: list[dict[tuple[str, int], tuple[str | None, int | None]]], data: st.DataObject
) -> None:
    """Law: with a version that grows from day to day, the order of arrival does not matter."""
    days = [{key: (name, day) for key, (name, _) in rows.items()} for day, rows in enumerate(deliveries)]
    order = data.draw(st.permutations(range(len(days))))

    assert _load(days, list(range(len(days)))) == _load(days, order)


def _load(days: list[dict[tuple[str, int], tuple[str | None, int]]], order: list[int]) -> list[tuple[Any, ...]]:
    folder = Path(tempfile.mkdtemp())
    try:
        settings = Settings(home=folder / "home", threads=1, memory_limit="300MB")
        branch = open_branch(settings, "run")
        table = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", SCHEMA)
        con = open_duckdb(settings=settings)
        for day in order:
            _merge(con, table, stage(folder, dict(days[day]), f"day{day}"), f"day{day}", True)
        return rows_of(con, table)
    finally:
        shutil.rmtree(folder)


def _merge(con: Connection, table: Table, path: Path, batch: str, versioned: bool) -> MergeResult:
    return merge_rows(con, table, path, key=KEY, version="version" if versioned else None, batch_id=batch)


@pytest.fixture
def table(settings: Settings, branch: Branch, con: Connection) -> Table:
    """A table of ten files of a hundred rows, each with its own stretch of keys."""
    table = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", SCHEMA)
    for part in range(10):
        sql = (
            f"select 'gaj' as area, i::integer as code, 'n' as name, date '2026-01-01' as version, 'b' as _batch_id,"
            f" i::bigint as _row from range({part * 100}, {part * 100 + 100}) r(i)"
        )
        append_files(table, write_files(con, table, sql), batch_id=f"part{part}")
    return table


def test_few_changed_rows_leave_their_file_and_mark_the_old_versions(
    table: Table, con: Connection, tmp_path: Path
) -> None:
    before = {file.file_path for file in live(table).data}
    path = stage(
        tmp_path, {("gaj", 150): ("new", 99999), ("gaj", 250): ("n", 20454), ("gaj", 5000): ("x", 99999)}, "b2"
    )

    result = _merge(con, table, path, "b2", True)

    after = live(table)
    assert astuple(result) == (1, 1, 1, 0, 0)
    assert before < {file.file_path for file in after.data}
    assert len(after.data) == len(before) + 1
    assert [after.deleted_rows(path) for path in after.deletes] == [1]
    assert after.rows == table.scan().count() == 1001


def test_only_files_with_many_changed_rows_are_written_again(table: Table, con: Connection, tmp_path: Path) -> None:
    before = {file.file_path for file in live(table).data}
    many = {("gaj", code): ("new", 99999) for code in range(130, 170)}

    result = _merge(con, table, stage(tmp_path, many | {("gaj", 250): ("new", 99999)}, "b2"), "b2", True)

    after = live(table)
    assert astuple(result) == (0, 41, 0, 0, 1)
    assert len(before - {file.file_path for file in after.data}) == 1
    assert len(after.deletes) == 1
    assert after.rows == table.scan().count() == 1000


def test_marks_of_several_merges_stay_in_one_delete_file_until_the_file_is_written_again(
    table: Table, con: Connection, tmp_path: Path
) -> None:
    for day, code in enumerate((101, 102, 103, 101), 1):
        _merge(
            con, table, stage(tmp_path, {("gaj", code): (f"day {day}", 99990 + day)}, f"day{day}"), f"day{day}", True
        )

    marked = live(table)
    assert [(len(files), files[0].record_count) for files in marked.deletes.values()] == [(1, 3)]
    assert marked.rows == table.scan().count() == 1000

    most = {("gaj", code): ("again", 99999) for code in range(100, 200)}
    _merge(con, table, stage(tmp_path, most, "b9"), "b9", True)

    assert live(table).rows == table.scan().count() == 1000
    assert table.scan(row_filter="name = 'again'").to_arrow().num_rows == 100


def test_duckdb_views_and_pyiceberg_see_the_same_rows(
    settings: Settings, branch: Branch, table: Table, con: Connection, tmp_path: Path
) -> None:
    _merge(
        con, table, stage(tmp_path, {("gaj", code): ("new", 99999) for code in range(0, 1000, 70)}, "b2"), "b2", True
    )
    attach_branch(con, settings, branch.name)

    ours = con.execute("select area, code, name from gaj.x order by all").fetchall()

    assert live(table).deletes
    theirs = table.scan().to_arrow().to_pylist()
    assert ours == sorted((row["area"], row["code"], row["name"]) for row in theirs)
    extension = f"select area, code, name from iceberg_scan('{table.metadata_location}') order by all"
    assert ours == con.execute(extension).fetchall()


def test_equal_versions_are_decided_by_content(table: Table, con: Connection, tmp_path: Path) -> None:
    rows = {
        ("gaj", 1): ("n", 20454),
        ("gaj", 2): ("other", 20454),
        ("gaj", 503): ("other", 20454),
        ("gaj", 4): ("n", 1),
    }

    result = _merge(con, table, stage(tmp_path, rows, "b2"), "b2", True)

    assert astuple(result) == (0, 2, 1, 1, 0)
    assert sorted(table.scan(row_filter="name = 'other'").to_arrow()["code"].to_pylist()) == [2, 503]


def test_files_written_again_keep_their_key_bounds(table: Table, con: Connection, tmp_path: Path) -> None:
    """Otherwise every merge would make the next one read more files."""

    def spans() -> list[tuple[int, int]]:
        return sorted(bounds(file, 2, table.schema().find_field("code").field_type) for file in live(table).data)

    before = spans()
    half = {("gaj", code): ("new", 99999) for code in range(200, 400, 2)}

    result = _merge(con, table, stage(tmp_path, half, "b2"), "b2", True)

    assert (result.updated, result.files_rewritten) == (100, 2)
    assert spans() == before


def test_files_without_a_possible_key_are_not_even_read(table: Table, con: Connection, tmp_path: Path) -> None:
    path = stage(tmp_path, {("gaj", 150): ("new", 1), ("gaj", 850): ("new", 1)}, "b2")
    files = live(table).data

    by_area = files_that_may_hold(con, table, files, f"read_parquet('{path}')", ["area", "code"])
    by_code = files_that_may_hold(con, table, files, f"read_parquet('{path}')", ["code", "area"])

    assert len(by_area) == 8, "the range of codes spans eight files"
    assert len(by_code) == 2, "the first key column is looked up value by value"


def test_nothing_new_commits_nothing(table: Table, con: Connection, tmp_path: Path) -> None:
    before = table.metadata_location
    result = _merge(con, table, stage(tmp_path, {("gaj", 1): ("n", 20454), ("gaj", 2): ("old", 1)}, "b2"), "b2", True)

    assert astuple(result) == (0, 0, 1, 1, 0)
    assert table.refresh().metadata_location == before


def test_append_mode_takes_other_content_as_newer(table: Table, con: Connection, tmp_path: Path) -> None:
    path = stage(tmp_path, {("gaj", 1): ("n", 20454), ("gaj", 2): ("older", 1)}, "b2")

    result = merge_rows(con, table, path, key=KEY, version="version", batch_id="b2", mode="append")

    assert (result.identical, result.updated, result.superseded) == (1, 1, 0)


def test_key_staged_twice_is_refused(table: Table, con: Connection, tmp_path: Path) -> None:
    once = pq.read_table(stage(tmp_path, {("gaj", 1): ("a", 1)}, "b2"))
    pq.write_table(pa.concat_tables([once, once]), tmp_path / "twice.parquet")

    with pytest.raises(DuplicateKey, match="staged twice"):
        _merge(con, table, tmp_path / "twice.parquet", "b2", True)


def test_merge_against_a_table_that_moved_on_sees_the_other_writers_rows(
    settings: Settings, branch: Branch, table: Table, con: Connection, tmp_path: Path
) -> None:
    stale = open_catalog(settings, branch.catalog_name).load_table("gaj.x")
    _merge(con, table, stage(tmp_path, {("gaj", 1): ("one", 99999), ("gaj", 7000): ("x", 1)}, "b2"), "b2", True)

    result = _merge(
        con, stale, stage(tmp_path, {("gaj", 1): ("two", 99999), ("gaj", 7000): ("x", 1)}, "b3"), "b3", True
    )

    assert (result.inserted, result.updated, result.identical) == (0, 1, 1)
    assert stale.scan(row_filter="code = 1").to_arrow()["name"].to_pylist() == ["two"]
    assert stale.scan().count() == 1001


def test_columns_added_later_take_part_in_the_comparison(
    settings: Settings, branch: Branch, table: Table, con: Connection, tmp_path: Path
) -> None:
    grown = {**SCHEMA, "fields": [*SCHEMA["fields"], {"id": 7, "name": "extra", "type": "string", "required": False}]}
    table = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", grown)
    staged = pq.read_table(stage(tmp_path, {("gaj", 1): ("n", 20454), ("gaj", 2): ("n", 20454)}, "b2"))
    staged = staged.append_column("extra", pa.array([None, "known now"], pa.string()))
    pq.write_table(staged, tmp_path / "grown.parquet")

    result = _merge(con, table, tmp_path / "grown.parquet", "b2", True)

    assert (result.identical, result.updated) == (1, 1)
    assert table.scan(row_filter="code = 2").to_arrow()["extra"].to_pylist() == ["known now"]
