"""Appending, replacing and evolving tables: exactly once, and never a change that loses data."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.conversions import from_bytes
from pyiceberg.table import Table
from pyiceberg.types import StringType

from lakehouse.branches import Branch
from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, attach_branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import (
    SchemaConflict,
    append_files,
    ensure_table,
    has_batch,
    history,
    read_at,
    replace_files,
    write_files,
)
from lakehouse.tables.commit import live

pytestmark = pytest.mark.integration

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"id": 1, "name": "id", "type": "string", "required": True},
        {"id": 2, "name": "n", "type": "int", "required": False},
        {"id": 3, "name": "price", "type": "decimal(8, 2)", "required": False},
    ],
}
ROWS = "select 'k' || i as id, i::integer as n, i::decimal(8, 2) as price from range({}) r(i)"


@pytest.fixture
def table(settings: Settings, branch: Branch) -> Table:
    return ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", SCHEMA)


def changed_schema(change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    change(schema["fields"])
    return schema


def test_batch_is_appended_once(table: Table, con: Connection) -> None:
    files = write_files(con, table, ROWS.format(5))

    assert append_files(table, files, batch_id="gaj.x:1")
    assert not append_files(table, files, batch_id="gaj.x:1")
    assert has_batch(table, "gaj.x:1")
    assert not has_batch(table, "gaj.x:2")
    assert len(table.snapshots()) == 1


def test_same_batch_through_two_stale_table_objects_is_appended_once(
    settings: Settings, branch: Branch, table: Table, con: Connection
) -> None:
    other = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", SCHEMA)
    append_files(table, write_files(con, table, ROWS.format(5)), batch_id="gaj.x:1")

    assert not append_files(other, write_files(con, other, ROWS.format(5)), batch_id="gaj.x:1")
    assert other.scan().count() == 5


def test_no_rows_commit_nothing(table: Table, con: Connection) -> None:
    files = write_files(con, table, ROWS.format(0))

    assert not append_files(table, files, batch_id="gaj.x:1")
    assert table.current_snapshot() is None


def test_replace_leaves_exactly_the_new_rows(table: Table, con: Connection) -> None:
    append_files(table, write_files(con, table, ROWS.format(5)), batch_id="gaj.x:1")

    assert replace_files(table, write_files(con, table, ROWS.format(2)), batch_id="gaj.x:2", summary={"delivery": "d"})
    assert not replace_files(table, write_files(con, table, ROWS.format(9)), batch_id="gaj.x:1")
    assert table.scan().count() == 2
    snapshot = table.current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    assert snapshot.summary.get("delivery") == "d"


def test_replace_with_an_empty_delivery_empties_the_table(table: Table, con: Connection) -> None:
    append_files(table, write_files(con, table, ROWS.format(5)), batch_id="gaj.x:1")

    assert replace_files(table, [], batch_id="gaj.x:2")
    assert table.scan().count() == 0


def test_statistics_bound_the_values_and_pyiceberg_prunes_with_them(table: Table, con: Connection) -> None:
    append_files(table, write_files(con, table, ROWS.format(5)), batch_id="gaj.x:1")
    append_files(
        table,
        write_files(con, table, "select 'z' as id, 9::integer as n, null::decimal(8,2) as price"),
        batch_id="gaj.x:2",
    )
    files = {from_bytes(StringType(), file.lower_bounds[1]): file for file in live(table).data}

    assert sorted(files) == ["k0", "z"]
    assert from_bytes(StringType(), files["k0"].upper_bounds[1]) == "k4"
    assert files["z"].null_value_counts[3] == 1
    assert 3 not in files["z"].lower_bounds
    assert [task.file.file_path for task in table.scan(row_filter="id = 'z'").plan_files()] == [files["z"].file_path]


def test_long_texts_have_bounds_that_still_cover_them(settings: Settings, branch: Branch, con: Connection) -> None:
    table = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.long", SCHEMA)
    text = "市" * 60
    append_files(
        table,
        write_files(con, table, f"select '{text}' as id, 1::integer as n, 1::decimal(8,2) as price"),
        batch_id="b",
    )
    [file] = live(table).data

    assert (
        file.lower_bounds is None
        or 1 not in file.lower_bounds
        or from_bytes(StringType(), file.lower_bounds[1]) <= text
    )
    assert (
        file.upper_bounds is None
        or 1 not in file.upper_bounds
        or from_bytes(StringType(), file.upper_bounds[1]) >= text
    )
    assert table.scan(row_filter=f"id = '{text}'").to_arrow().num_rows == 1


def test_file_with_foreign_columns_is_refused(table: Table, con: Connection, tmp_path: Path) -> None:
    con.execute(f"copy (select 1 as other) to '{tmp_path}/x.parquet' (format parquet)")

    with pytest.raises(SchemaConflict, match="no field id"):
        append_files(table, [tmp_path / "x.parquet"], batch_id="b")


def test_file_with_another_type_is_refused(table: Table, con: Connection) -> None:
    files = write_files(con, table, "select 'a' as id, 'text' as n, 1::decimal(8,2) as price")

    with pytest.raises(SchemaConflict, match="'n' is string"):
        append_files(table, files, batch_id="b")


def test_missing_required_value_is_refused(table: Table, con: Connection) -> None:
    files = write_files(con, table, "select null::varchar as id, 1::integer as n, 1::decimal(8,2) as price")

    with pytest.raises(SchemaConflict, match="required column 'id'"):
        append_files(table, files, batch_id="b")


def test_schema_grows_and_old_rows_read_under_it(
    settings: Settings, branch: Branch, table: Table, con: Connection
) -> None:
    append_files(table, write_files(con, table, ROWS.format(2)), batch_id="gaj.x:1")

    def grow(fields: list[dict[str, Any]]) -> None:
        fields[0]["required"] = False
        fields[1]["type"] = "long"
        fields[2]["type"] = "decimal(12, 2)"
        fields.append({"id": 9, "name": "note", "type": "string", "required": False})

    table = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", changed_schema(grow))
    row = "select null::varchar as id, 5000000000 as n, 1234567.89::decimal(12, 2) as price, 'new' as note"
    append_files(table, write_files(con, table, row), batch_id="gaj.x:2")
    attach_branch(con, settings, branch.name)

    assert con.execute("select * from gaj.x order by n").fetchall() == [
        ("k0", 0, Decimal("0.00"), None),
        ("k1", 1, Decimal("1.00"), None),
        (None, 5000000000, Decimal("1234567.89"), "new"),
    ]


def test_same_schema_commits_nothing(settings: Settings, branch: Branch, table: Table) -> None:
    again = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", SCHEMA)

    assert again.metadata_location == table.metadata_location


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fields: fields[1].update(type="string"), "'n' is int, wanted is string"),
        (lambda fields: fields[2].update(type="decimal(8, 3)"), r"'price' is decimal\(8, 2\)"),
        (lambda fields: fields[2].update(type="decimal(6, 2)"), r"'price' is decimal\(8, 2\)"),
        (lambda fields: fields[1].update(required=True), "'n' was optional"),
        (lambda fields: fields.pop(1), "'n' is no longer wanted"),
        (
            lambda fields: fields.append({"id": 9, "name": "z", "type": "int", "required": True}),
            "new column 'z' is required",
        ),
    ],
)
def test_unsafe_schema_changes_are_refused(
    settings: Settings, branch: Branch, table: Table, change: Callable[[list[dict[str, Any]]], None], message: str
) -> None:
    with pytest.raises(SchemaConflict, match=message):
        ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", changed_schema(change))


def test_several_faults_come_in_one_message(settings: Settings, branch: Branch, table: Table) -> None:
    def change(fields: list[dict[str, Any]]) -> None:
        fields[1]["type"] = "string"
        fields.pop(2)

    with pytest.raises(SchemaConflict, match=r"'n' is int.*'price' is no longer wanted"):
        ensure_table(open_catalog(settings, branch.catalog_name), "gaj.x", changed_schema(change))


def test_history_and_time_travel_show_each_snapshot(
    settings: Settings, branch: Branch, table: Table, con: Connection
) -> None:
    append_files(table, write_files(con, table, ROWS.format(5)), batch_id="gaj.x:1")
    replace_files(table, write_files(con, table, ROWS.format(2)), batch_id="gaj.x:2")

    snapshots = history(settings, "gaj.x", branch.name)

    assert [(s.operation, s.batch_id, s.added_rows, s.deleted_rows, s.total_rows) for s in snapshots] == [
        ("append", "gaj.x:1", 5, 0, 5),
        ("overwrite", "gaj.x:2", 2, 5, 2),
    ]
    assert [len(read_at(con, settings, "gaj.x", s.snapshot_id, branch.name).fetchall()) for s in snapshots] == [5, 2]
    with pytest.raises(LookupError, match="snapshot 1 "):
        read_at(con, settings, "gaj.x", 1, branch.name)
    with pytest.raises(LookupError, match=r"gaj\.nowhere"):
        history(settings, "gaj.nowhere", branch.name)


def test_metadata_says_format_version_2_and_that_retries_are_ours(table: Table) -> None:
    metadata = json.loads(objects.read_bytes(table.metadata_location))

    assert metadata["format-version"] == 2
    assert metadata["properties"]["commit.retry.num-retries"] == "0"
