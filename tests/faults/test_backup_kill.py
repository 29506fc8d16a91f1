"""kill -9 in a backup and in a restore: no backup that looks whole, no part of a city that looks like all of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from forked import Command, citybrain, killed_at
from published_tables import published_tables
from small_lake import every_file, home_content, lake_content, make_small_lake

from lakehouse.backup import EmbeddedStore, WrongInput, back_up, check_backup, find_backup, restore
from lakehouse.branches import list_branches
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.connect.unfinished import UnfinishedRestore
from lakehouse.tables import verify

pytestmark = pytest.mark.faults
TABLES_UNDER_WAY = 12  # of the run that a backup is taken from in its middle: some are there, most are not


def make_settings(home: Path) -> Settings:
    return Settings(home=home, threads=2, memory_limit="500MB")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("lake") / "home")
    make_small_lake(settings)
    return settings


def take(home: Path, place: Path) -> None:
    settings = make_settings(home)
    back_up(settings, EmbeddedStore(settings), place)


def give_back(home: Path, place: Path) -> None:
    settings = make_settings(home)
    assert restore(settings, EmbeddedStore(settings), place).ok


@pytest.mark.parametrize("fault", ["backup-store", "backup-objects:1", "backup-objects:9", "backup-manifest"])
def test_a_killed_backup_is_none_and_the_next_one_is_whole(fault: str, lake: Settings, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    killed_at(fault, take, lake.root, place)
    left = [entry.name for entry in place.iterdir() if entry.name != ".lock"]
    assert [name.endswith(".partial") for name in left] == [True]
    for source in (place, place / left[0]):
        with pytest.raises(WrongInput):
            find_backup(source)

    take(lake.root, place)
    assert [entry.name for entry in place.iterdir() if entry.name.endswith(".partial")] == []
    check_backup(find_backup(place))
    give_back(tmp_path / "home", place)
    assert lake_content(make_settings(tmp_path / "home")) == lake_content(lake)


@pytest.mark.parametrize(
    "fault", ["restore-files:1", "restore-files:9", "restore-placing:1", "restore-placing:3", "restore-placing:5"]
)
def test_a_killed_restore_opens_no_door_and_is_done_by_running_it_again(
    fault: str, lake: Settings, tmp_path: Path
) -> None:
    place, home = tmp_path / "backups", tmp_path / "home"
    take(lake.root, place)
    killed_at(fault, give_back, home, place)

    settings = make_settings(home)
    for door in (branch_pointers, list_branches, verify):
        with pytest.raises(UnfinishedRestore, match="run the same"):
            door(settings)

    give_back(home, place)
    assert not settings.restoring.exists()
    assert lake_content(settings) == lake_content(lake)
    assert home_content(settings) == home_content(lake)


def test_without_the_guard_a_killed_restore_is_taken_for_a_city(
    lake: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the guard off, the home opens and has nothing."""
    place, home = tmp_path / "backups", tmp_path / "home"
    take(lake.root, place)
    killed_at("restore-placing:1", give_back, home, place)
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "unfinished-restore")
    assert branch_pointers(make_settings(home)) == {}


def test_an_unfinished_restore_is_not_mixed_with_another_backup(lake: Settings, tmp_path: Path) -> None:
    take(lake.root, tmp_path / "one")
    killed_at("restore-files:3", give_back, tmp_path / "home", tmp_path / "one")
    other = make_settings(tmp_path / "other")
    give_back(other.root, tmp_path / "one")
    take(other.root, tmp_path / "two")
    with pytest.raises(WrongInput, match="is not finished"):
        give_back(tmp_path / "home", tmp_path / "two")


def wait_for_work(home: Path, run: Command) -> None:
    """Wait until the run's branch has some tables."""
    settings = Settings(home=home)
    while run.is_running:
        if settings.catalog_db.exists():
            changed = [table for branch in list_branches(settings) for table in branch.tables_changed]
            if len(changed) >= TABLES_UNDER_WAY:
                return
        time.sleep(0.05)
    raise AssertionError(run.end().stderr)


def test_a_backup_from_the_middle_of_a_run_is_a_city_on_which_the_run_can_be_done_again(
    tmp_path: Path, small_city: Path, parsed_home: Callable[[Path], Path]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    command = ("run", "--source", str(small_city), "--json")
    run = Command(parsed_home(first), *command)
    wait_for_work(first, run)
    take(first, tmp_path / "backups")
    assert run.is_running, "the run had ended: nothing was shown"
    done = run.end()
    assert done.returncode == 0, done.stderr or done.stdout

    give_back(second, tmp_path / "backups")
    restored = Settings(home=second)
    assert branch_pointers(restored) == {}, "nothing was published yet"
    assert [branch.state for branch in list_branches(restored)] == ["open"]
    assert verify(restored, deep=True).ok
    again = citybrain(parsed_home(second), *command)
    assert again.returncode == 0, again.stderr or again.stdout
    assert published_tables(restored) == published_tables(Settings(home=first))
    assert every_file(first / "landing").keys() == every_file(second / "landing").keys()
