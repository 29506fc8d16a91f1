"""Write-audit-publish: invisible until published, all or nothing, and nobody overwrites another's work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from lakehouse.branches import (
    BranchError,
    BranchInUse,
    PublishConflict,
    StaleWriter,
    current_snapshot,
    drop_branch,
    list_branches,
    mark_blocked,
    open_branch,
    pointers_at,
    publish,
    publish_history,
)
from lakehouse.branches.lifecycle import drop_published
from lakehouse.connect.database import UnknownBranch, branch_pointers
from lakehouse.connect.duck import Connection
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.tables import append_files, ensure_table, write_files

pytestmark = pytest.mark.integration

Add = Callable[..., bool]
Count = Callable[..., int]


def test_branch_is_invisible_on_main_until_published(settings: Settings, add_persons: Add, count: Count) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.resident", 0, 10, batch="b1")

    assert count("gaj.resident", "run") == 10
    assert count("gaj.resident") == -1

    publish(settings, branch)

    assert count("gaj.resident") == 10


def test_publish_moves_all_tables_and_names_them(settings: Settings, add_persons: Add) -> None:
    branch = open_branch(settings, "run")
    names = [f"gaj.table_{number}" for number in range(12)]
    for name in names:
        add_persons(branch, name, 0, 3, batch="b1")

    result = publish(settings, branch)

    assert result.tables_changed == sorted(names)
    assert branch_pointers(settings) == branch_pointers(settings, "run")
    assert result.snapshot == current_snapshot(settings)


def test_publish_of_nothing_changes_nothing(settings: Settings) -> None:
    before = current_snapshot(settings)

    result = publish(settings, open_branch(settings, "run"))

    assert result.tables_changed == []
    assert result.snapshot == before
    assert publish_history(settings) == []


def test_conflict_leaves_every_table_of_main_as_it_was(settings: Settings, add_persons: Add, count: Count) -> None:
    first = open_branch(settings, "first")
    add_persons(first, "gaj.a", 0, 5, batch="b0")
    add_persons(first, "gaj.b", 0, 5, batch="b0")
    publish(settings, first)
    winner, loser = open_branch(settings, "winner"), open_branch(settings, "loser")
    add_persons(winner, "gaj.b", 5, 6, batch="b1")
    add_persons(loser, "gaj.a", 5, 7, batch="b2")
    add_persons(loser, "gaj.b", 5, 7, batch="b2")
    publish(settings, winner)
    shown = branch_pointers(settings)

    with pytest.raises(PublishConflict, match=r"gaj\.b"):
        publish(settings, loser)

    assert branch_pointers(settings) == shown
    assert (count("gaj.a"), count("gaj.b")) == (5, 6)


def test_two_branches_with_different_tables_both_publish(settings: Settings, add_persons: Add, count: Count) -> None:
    one, two = open_branch(settings, "one"), open_branch(settings, "two")
    add_persons(one, "gaj.a", 0, 5, batch="b1")
    add_persons(two, "mzj.b", 0, 7, batch="b1")

    publish(settings, one)
    publish(settings, two)

    assert (count("gaj.a"), count("mzj.b")) == (5, 7)


def test_two_branches_that_create_one_table_conflict(settings: Settings, add_persons: Add) -> None:
    one, two = open_branch(settings, "one"), open_branch(settings, "two")
    add_persons(one, "gaj.a", 0, 5, batch="b1")
    add_persons(two, "gaj.a", 0, 7, batch="b1")
    publish(settings, one)

    with pytest.raises(PublishConflict):
        publish(settings, two)


def test_dropped_table_disappears_with_the_publish(settings: Settings, add_persons: Add, count: Count) -> None:
    first = open_branch(settings, "first")
    add_persons(first, "gaj.a", 0, 5, batch="b1")
    publish(settings, first)
    second = open_branch(settings, "second")
    open_catalog(settings, second.catalog_name).drop_table("gaj.a")
    assert count("gaj.a") == 5

    result = publish(settings, second)

    assert result.tables_changed == ["gaj.a"]
    assert count("gaj.a") == -1


def test_only_publishes_the_named_tables(settings: Settings, add_persons: Add, count: Count) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")
    add_persons(branch, "gaj.b", 0, 5, batch="b1")

    assert publish(settings, branch, only=["gaj.a"]).tables_changed == ["gaj.a"]
    assert (count("gaj.a"), count("gaj.b")) == (5, -1)
    assert publish(settings, branch).tables_changed == ["gaj.b"]


def test_open_branch_of_another_writer_is_refused(settings: Settings) -> None:
    open_branch(settings, "run")

    with pytest.raises(BranchInUse, match="take it over"):
        open_branch(settings, "run")


@pytest.mark.parametrize("name", ["main", "", "UPPER", "a@1", "a b", "../x"])
def test_impossible_branch_names_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(BranchError, match="branch name"):
        open_branch(settings, name)


def test_takeover_continues_the_work_and_locks_out_the_old_writer(
    settings: Settings, con: Connection, add_persons: Add, count: Count
) -> None:
    old = open_branch(settings, "run")
    add_persons(old, "gaj.a", 0, 5, batch="b1")
    old_table = open_catalog(settings, old.catalog_name).load_table("gaj.a")
    late_files = write_files(con, old_table, _one_person())

    new = open_branch(settings, "run", takeover=True)

    assert new.token == old.token + 1
    assert count("gaj.a", "run") == 5
    with pytest.raises(StaleWriter, match="taken over"):
        append_files(old_table, late_files, batch_id="late")
    with pytest.raises(StaleWriter, match="taken over"):
        publish(settings, old)
    assert publish(settings, new).tables_changed == ["gaj.a"]
    assert count("gaj.a") == 5


def test_without_the_fencing_guard_the_old_writer_gets_through(
    settings: Settings, con: Connection, add_persons: Add, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "fencing")
    old = open_branch(settings, "run")
    add_persons(old, "gaj.a", 0, 5, batch="b1")
    old_table = open_catalog(settings, old.catalog_name).load_table("gaj.a")
    late_files = write_files(con, old_table, _one_person())
    open_branch(settings, "run", takeover=True)

    assert append_files(old_table, late_files, batch_id="late")
    publish(settings, old)

    assert count("gaj.a") == 6


def test_guards_stay_on_outside_tests(settings: Settings, add_persons: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITYBRAIN_TEST", raising=False)
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "fencing")
    old = open_branch(settings, "run")
    open_branch(settings, "run", takeover=True)

    with pytest.raises(StaleWriter):
        publish(settings, old)


def test_stale_writer_creating_a_table_stays_out_of_the_branch(
    settings: Settings, add_persons: Add, count: Count
) -> None:
    old = open_branch(settings, "run")
    new = open_branch(settings, "run", takeover=True)

    with suppress(StaleWriter):
        add_persons(old, "gaj.ghost", 0, 5, batch="b1")

    assert count("gaj.ghost", "run") == -1
    assert publish(settings, new).tables_changed == []


def test_lost_acknowledgement_gives_the_same_result_again(settings: Settings, add_persons: Add) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")

    first = publish(settings, branch)
    other = open_branch(settings, "other")
    add_persons(other, "mzj.b", 0, 5, batch="b1")
    publish(settings, other)

    assert publish(settings, branch) == first
    assert len(publish_history(settings)) == 2


def test_blocked_branch_keeps_main_and_its_reason_and_cannot_be_published(
    settings: Settings, add_persons: Add, count: Count
) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")

    mark_blocked(settings, branch, "gaj.a: 3 rows have no code")

    with pytest.raises(BranchError, match="3 rows have no code"):
        publish(settings, branch)
    [info] = list_branches(settings)
    assert (info.state, info.reason, info.tables_changed) == ("blocked", "gaj.a: 3 rows have no code", ["gaj.a"])
    assert (count("gaj.a"), count("gaj.a", "run")) == (-1, 5)


def test_finished_branch_opens_anew_from_main(settings: Settings, add_persons: Add, count: Count) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")
    mark_blocked(settings, branch, "no")

    again = open_branch(settings, "run")

    assert again.token == branch.token + 1
    assert count("gaj.a", "run") == -1
    with pytest.raises(StaleWriter):
        mark_blocked(settings, branch, "late")


def test_dropped_branch_is_gone_for_readers_and_writers(settings: Settings, add_persons: Add, count: Count) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")

    drop_branch(settings, branch)

    with pytest.raises(UnknownBranch):
        count("gaj.a", "run")
    with pytest.raises(StaleWriter, match="dropped"):
        publish(settings, branch)


def test_old_published_branches_are_dropped_and_open_ones_stay(settings: Settings, add_persons: Add) -> None:
    done, working = open_branch(settings, "done"), open_branch(settings, "working")
    add_persons(done, "gaj.a", 0, 5, batch="b1")
    add_persons(working, "gaj.b", 0, 5, batch="b1")
    publish(settings, done)

    assert drop_published(settings, opened_before="9999") == ["done"]
    assert {info.name: info.state for info in list_branches(settings)} == {"done": "dropped", "working": "open"}


def test_publish_log_shows_main_as_it_was(settings: Settings, add_persons: Add, con: Connection) -> None:
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 5, batch="b1")
    first = publish(settings, branch)
    at_first = branch_pointers(settings)
    add_persons(branch, "gaj.a", 5, 9, batch="b2")
    second = publish(settings, branch)

    assert [entry.snapshot for entry in publish_history(settings)] == [second.snapshot, first.snapshot]
    assert pointers_at(settings, first.snapshot) == at_first
    assert pointers_at(settings, second.snapshot) == branch_pointers(settings)
    with pytest.raises(BranchError, match="no publish"):
        pointers_at(settings, "0000")


def test_committed_table_survives_a_catalog_opened_by_another_process(settings: Settings, con: Connection) -> None:
    branch = open_branch(settings, "run")
    schema: dict[str, Any] = {"type": "struct", "fields": [{"id": 1, "name": "a", "type": "long", "required": False}]}
    first = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.a", schema)
    second = ensure_table(open_catalog(settings, branch.catalog_name), "gaj.a", schema)

    assert first.metadata_location == second.metadata_location


def _one_person() -> str:
    return (
        "select '999999' as person_id, 1::integer as age, 1.00::decimal(12, 2) as income,"
        " timestamp '2026-01-01' as updated_at, 'late' as _batch_id, 1::bigint as _row"
    )
