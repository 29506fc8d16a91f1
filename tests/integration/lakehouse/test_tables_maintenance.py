"""Compaction, expiry, orphans and verification: nothing that anybody needs may go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from lakehouse.branches import (
    BranchError,
    drop_branch,
    join_branch,
    open_branch,
    pointers_at,
    publish,
)
from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, attach_branch, attach_pointers
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import expire, find_orphans, has_batch, maintain, remove_orphans, verify, write_files
from lakehouse.tables.commit import live

pytestmark = pytest.mark.integration

Add = Callable[..., bool]
Count = Callable[..., int]


def publish_batches(settings: Settings, add: Add, batches: int, identifier: str = "gaj.a") -> list[str]:
    """Publish one batch of ten persons after the other; return the snapshots of main."""
    snapshots = []
    for number in range(batches):
        branch = open_branch(settings, "run")
        add(branch, identifier, number * 10, number * 10 + 10, batch=f"{identifier}:{number}")
        snapshots.append(publish(settings, branch).snapshot)
    return snapshots


def rows(con: Connection, settings: Settings, identifier: str, branch: str = "main") -> list[tuple[object, ...]]:
    attach_branch(con, settings, branch)
    return con.execute(f"select * from {identifier} order by all").fetchall()


def test_compaction_keeps_rows_and_batch_ids(settings: Settings, con: Connection, add_persons: Add) -> None:
    publish_batches(settings, add_persons, 5)
    before = rows(con, settings, "gaj.a")

    report = maintain(settings)

    table = open_catalog(settings, "main").load_table("gaj.a")
    assert report.compacted == ["gaj.a"]
    assert len(live(table).data) == 1
    assert rows(con, settings, "gaj.a") == before
    assert all(has_batch(table, f"gaj.a:{number}") for number in range(5))
    assert maintain(settings).compacted == [], "a second run finds nothing to do"


def test_expiry_keeps_what_kept_publishes_show_and_remembers_batches(
    settings: Settings, con: Connection, add_persons: Add
) -> None:
    snapshots = publish_batches(settings, add_persons, 5)

    report = maintain(settings, keep_publishes=2)

    table = open_catalog(settings, "main").load_table("gaj.a")
    assert report.snapshots_expired == 3
    assert report.publishes_forgotten == 3
    assert all(has_batch(table, f"gaj.a:{number}") for number in range(5))
    assert not add_persons(open_branch(settings, "again"), "gaj.a", 0, 10, batch="gaj.a:0")
    attach_pointers(con, pointers_at(settings, snapshots[3]))
    assert con.execute("select count(*) from gaj.a").fetchone() == (40,)
    with pytest.raises(BranchError, match="no publish"):
        pointers_at(settings, snapshots[0])


def test_expiry_keeps_the_snapshot_that_another_branch_shows(
    settings: Settings, con: Connection, add_persons: Add
) -> None:
    publish_batches(settings, add_persons, 1)
    reviewer = open_branch(settings, "review")
    publish_batches(settings, add_persons, 3)
    maintain(settings, keep_publishes=1)
    remove_orphans(settings, minimum_age_seconds=0)

    assert len(rows(con, settings, "gaj.a", "review")) == 10
    drop_branch(settings, reviewer)


def test_tables_with_unpublished_work_are_left_alone(settings: Settings, add_persons: Add) -> None:
    publish_batches(settings, add_persons, 3)
    publish_batches(settings, add_persons, 3, "gaj.b")
    add_persons(join_branch(settings, "inbound"), "gaj.a", 90, 99, batch="gaj.a:9")

    report = maintain(settings)

    assert (report.compacted, report.skipped) == (["gaj.b"], ["gaj.a"])


def test_expiring_nothing_commits_nothing(settings: Settings, add_persons: Add) -> None:
    publish_batches(settings, add_persons, 1)
    table = open_catalog(settings, "main").load_table("gaj.a")

    assert expire(settings, table) == 0
    assert table.refresh().metadata_location == table.metadata_location


def test_orphans_are_files_of_no_branch_and_no_publish(settings: Settings, con: Connection, add_persons: Add) -> None:
    publish_batches(settings, add_persons, 2)
    other = open_branch(settings, "other")
    add_persons(other, "mzj.b", 0, 5, batch="b1")
    table = open_catalog(settings, "main").load_table("gaj.a")
    [lost] = write_files(con, table, _persons())

    assert find_orphans(settings) == [], "too young"
    assert [orphan.path for orphan in find_orphans(settings, minimum_age_seconds=0)] == [lost]
    remove_orphans(settings, minimum_age_seconds=0)

    assert list(objects.listing(lost.rpartition("/")[0])) == []
    assert len(rows(con, settings, "mzj.b", "other")) == 5
    assert len(rows(con, settings, "gaj.a")) == 20


def test_files_of_a_dropped_branch_become_orphans(settings: Settings, add_persons: Add) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")
    assert find_orphans(settings, minimum_age_seconds=0) == []

    drop_branch(settings, branch)

    removed = remove_orphans(settings, minimum_age_seconds=0)
    assert any(orphan.path.endswith(".parquet") for orphan in removed)
    assert find_orphans(settings, minimum_age_seconds=0) == []


def test_clean_up_after_maintenance_leaves_a_lakehouse_that_verifies(
    settings: Settings, con: Connection, add_persons: Add
) -> None:
    publish_batches(settings, add_persons, 6)
    before = rows(con, settings, "gaj.a")
    maintain(settings, keep_publishes=1)
    drop_branch(settings, "run")
    maintain(settings, keep_publishes=1)

    removed = remove_orphans(settings, minimum_age_seconds=0)

    assert any(orphan.path.endswith(".parquet") for orphan in removed)
    assert rows(con, settings, "gaj.a") == before
    report = verify(settings, deep=True)
    assert report.ok, report.faults


def test_verify_counts_what_it_looked_at(settings: Settings, add_persons: Add) -> None:
    publish_batches(settings, add_persons, 3)

    report = verify(settings, deep=True)

    assert (report.ok, report.tables, report.files, report.rows, report.orphaned) == (True, 1, 3, 30, [])


def _table(settings: Settings) -> Table:
    return open_catalog(settings, "main").load_table("gaj.a")


def _data_file(settings: Settings) -> str:
    return str(live(_table(settings)).data[0].file_path)


def _metadata(settings: Settings) -> str:
    return str(_table(settings).metadata_location)


def _manifest_list(settings: Settings) -> str:
    return str(_snapshot(settings).manifest_list)


def _manifest(settings: Settings) -> str:
    manifests: list[ManifestFile] = _snapshot(settings).manifests(_table(settings).io)
    return str(manifests[0].manifest_path)


def _snapshot(settings: Settings) -> Snapshot:
    snapshot = _table(settings).current_snapshot()
    assert snapshot is not None
    return snapshot


def _write(location: str, content: bytes) -> None:
    with objects.open_output(location) as file:
        file.write(content)


def _truncate(location: str) -> None:
    _write(location, objects.read_bytes(location)[:-7])


def _flip(location: str) -> None:
    content = bytearray(objects.read_bytes(location))
    content[20:60] = bytes(40)
    _write(location, bytes(content))


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda s: objects.remove(_data_file(s)), "missing"),
        (lambda s: _truncate(_data_file(s)), "size"),
        (lambda s: objects.remove(_manifest(s)), "missing"),
        (lambda s: _truncate(_manifest(s)), "unreadable"),
        (lambda s: objects.remove(_manifest_list(s)), "missing"),
        (lambda s: objects.remove(_metadata(s)), "missing"),
        (lambda s: _truncate(_metadata(s)), "unreadable"),
    ],
)
def test_verify_finds_damage(
    settings: Settings, add_persons: Add, damage: Callable[[Settings], None], kind: str
) -> None:
    publish_batches(settings, add_persons, 2)
    damage(settings)

    report = verify(settings)

    assert not report.ok
    assert {(fault.kind, fault.table) for fault in report.faults} == {(kind, "gaj.a")}


def test_only_the_deep_check_finds_a_damaged_page(settings: Settings, add_persons: Add) -> None:
    publish_batches(settings, add_persons, 1)
    _flip(_data_file(settings))

    assert verify(settings).ok
    assert [fault.kind for fault in verify(settings, deep=True).faults] == ["unreadable"]


def _persons() -> str:
    return (
        "select '999999' as person_id, 1::integer as age, 1.00::decimal(12, 2) as income,"
        " timestamp '2026-01-01' as updated_at, 'late' as _batch_id, 1::bigint as _row"
    )
