"""Backup and restore on the embedded profile: whole, private, incremental, refusing what is damaged or in the way."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_lake import LANDED_BYTES, api_keys, every_file, home_content, lake_content, make_small_lake
from typer.testing import CliRunner, Result

from infra.cli.main import app
from infra.cli.output import UserError
from lakehouse.backup import BackupFailed, DamagedBackup, EmbeddedStore, WrongInput, back_up, restore
from lakehouse.branches import drop_branch, open_branch, publish
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.kept_files import FilesInUse, files_removable
from lakehouse.connect.settings import Settings
from lakehouse.tables import remove_orphans, replace_with_query, verify

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that these tests only read."""
    settings = make_settings(tmp_path_factory.mktemp("lake") / "home")
    make_small_lake(settings)
    return settings


@pytest.fixture
def changing(lake: Settings, tmp_path: Path) -> Settings:
    """A home of this test's own with the same data: brought there by a restore, since a home cannot be copied."""
    settings = make_settings(tmp_path / "changing")
    give_back(settings, take(lake, tmp_path / "first"))
    return settings


def make_settings(home: Path) -> Settings:
    return Settings(home=home, threads=2, memory_limit="500MB")


def take(settings: Settings, destination: Path) -> Path:
    return Path(back_up(settings, EmbeddedStore(settings), destination).path)


def give_back(settings: Settings, source: Path) -> Any:
    return restore(settings, EmbeddedStore(settings), source)


def command(home: Path, *words: str) -> Result:
    """Run a command as a person does; a known error is its exit code and message."""
    result = CliRunner().invoke(app, list(words), env={"CITYBRAIN_HOME": str(home)})
    if isinstance(result.exception, UserError):
        result.exit_code = result.exception.exit_code
    return result


def test_a_restored_home_shows_all_that_the_first_one_showed(lake: Settings, tmp_path: Path) -> None:
    """Into another folder, so every location in every file of metadata is another one."""
    place = take(lake, tmp_path / "backups")
    restored = make_settings(tmp_path / "a folder with another, longer name" / "家")

    report = give_back(restored, place)

    assert report.ok, report.faults
    assert report.is_moved
    assert lake_content(restored) == lake_content(lake)
    assert home_content(restored) == home_content(lake)
    assert api_keys(restored) == api_keys(lake)
    assert verify(restored, deep=True).ok
    mentions = [name for name, content in every_file(restored.warehouse).items() if str(lake.root).encode() in content]
    assert mentions == [], "metadata still names the first home"


def test_a_home_at_the_same_path_is_the_same_to_the_byte(changing: Settings, tmp_path: Path) -> None:
    place = take(changing, tmp_path / "backups")
    before, files = lake_content(changing), every_file(changing.warehouse)
    shutil.rmtree(changing.root)

    report = give_back(changing, place)

    assert report.ok
    assert not report.is_moved
    assert every_file(changing.warehouse) == files
    assert lake_content(changing) == before


def test_work_goes_on_in_a_moved_home(lake: Settings, tmp_path: Path) -> None:
    restored = make_settings(tmp_path / "moved")
    give_back(restored, take(lake, tmp_path / "backups"))
    with open_duckdb(settings=restored) as con:
        publish_new_count(restored, con)
    assert verify(restored, deep=True).ok
    assert restored.root.exists()
    again = make_settings(tmp_path / "again")
    assert give_back(again, take(restored, tmp_path / "backups")).ok


def publish_new_count(settings: Settings, con: Any) -> None:
    branch = open_branch(settings, "run")
    catalog = open_catalog(settings, branch.catalog_name)
    replace_with_query(con, catalog, "population.person_count", "select 'x' as name, 1::bigint as n")
    publish(settings, branch)


def test_a_second_backup_copies_only_what_changed(changing: Settings, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    first = back_up(changing, EmbeddedStore(changing), backups)
    with open_duckdb(settings=changing) as con:
        publish_new_count(changing, con)
    second = back_up(changing, EmbeddedStore(changing), backups)

    assert first.copied_files == first.files
    new = every_file(Path(second.path)).keys() - every_file(Path(first.path)).keys()
    databases = {"catalog/catalog.db", "home/app.db"}
    assert second.copied_files == len(new | databases)
    shared = next(Path(second.path).glob("home/landing/*/*/*"))
    assert shared.stat().st_ino == (Path(first.path) / shared.relative_to(second.path)).stat().st_ino
    shutil.rmtree(first.path)
    assert give_back(make_settings(tmp_path / "restored"), backups).ok, "each backup stands alone"


def test_a_backup_is_private_and_has_nothing_that_is_made_again(lake: Settings, tmp_path: Path) -> None:
    place = take(lake, tmp_path / "backups")
    entries = [place, *place.rglob("*")]
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in entries if entry.is_dir()} == {0o700}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in entries if entry.is_file()} == {0o600}
    assert {entry.name for entry in (place / "home").iterdir()} == {"app.db", "landing", "page-token.key", "runs"}
    restored = make_settings(tmp_path / "restored")
    give_back(restored, place)
    assert stat.S_IMODE(restored.root.stat().st_mode) == 0o700
    assert stat.S_IMODE((restored.root / "page-token.key").stat().st_mode) == 0o600


def damage_file(place: Path) -> str:
    victim = sorted(place.glob("objects/gaj/person/data/*.parquet"))[0]
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    return str(victim.relative_to(place))


def remove_file(place: Path) -> str:
    victim = next(place.glob("home/landing/*/*/*"))
    victim.unlink()
    return str(victim.relative_to(place))


def cut_manifest(place: Path) -> str:
    os.truncate(place / "manifest.json", (place / "manifest.json").stat().st_size // 2)
    return "manifest.json"


@pytest.mark.parametrize("damage", [damage_file, remove_file, cut_manifest])
def test_a_damaged_backup_is_refused_by_name_and_nothing_is_touched(
    damage: Callable[[Path], str], lake: Settings, tmp_path: Path
) -> None:
    place = take(lake, tmp_path / "backups")
    named = damage(place)
    home = tmp_path / "restored"

    for words in (("restore", str(place), "--check-only"), ("restore", str(place))):
        result = command(home, *words)
        assert result.exit_code == 1
        assert named in str(result.exception)
    assert not home.exists()


def rewrite_manifest(place: Path, **changes: Any) -> None:
    path = place / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), encoding="utf-8")


def test_what_cannot_be_restored_here_is_wrong_input(lake: Settings, tmp_path: Path) -> None:
    place = take(lake, tmp_path / "backups")
    with pytest.raises(WrongInput, match="is not empty: "):
        give_back(lake, place)
    assert command(lake.root, "restore", str(place)).exit_code == 2
    home = tmp_path / "new"
    assert command(home, "restore", str(tmp_path / "nothing")).exit_code == 2
    assert command(home, "restore", f"{place}.partial").exit_code == 2
    rewrite_manifest(place, version=2)
    newer = command(home, "restore", str(place))
    assert newer.exit_code == 2
    assert "newer citybrain" in str(newer.exception)
    assert not home.exists()


def test_another_profile_is_wrong_input(lake: Settings, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new", profile="cluster")
    with pytest.raises(WrongInput, match="embedded profile"):
        restore(settings, EmbeddedStore(settings), take(lake, tmp_path / "backups"))


def test_a_backup_of_nothing_or_into_itself_is_wrong_input(lake: Settings, tmp_path: Path) -> None:
    empty = command(tmp_path / "empty", "backup", str(tmp_path / "backups"))
    inside = command(lake.root, "backup", str(lake.root / "backups"))
    assert (empty.exit_code, inside.exit_code) == (2, 2)
    assert not (tmp_path / "empty").exists()


def test_two_backups_into_one_folder_wait_for_each_other(lake: Settings, tmp_path: Path) -> None:
    refused: list[str] = []

    def second(_stage: str, _done: int, _total: int) -> None:
        if not refused:
            with pytest.raises(BackupFailed, match="another backup") as error:
                take(lake, tmp_path)
            refused.append(str(error.value))

    back_up(lake, EmbeddedStore(lake), tmp_path, second)
    assert refused


def limited(home: Path, most: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot write a file beyond a size, which fails as a full disk does: in the middle."""
    program = str(Path(sys.executable).parent / "citybrain")
    return subprocess.run(
        [program, *words],
        env={**os.environ, "CITYBRAIN_HOME": str(home)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk_leaves_neither_a_backup_nor_a_part_of_a_city(lake: Settings, tmp_path: Path) -> None:
    backups, home = tmp_path / "backups", tmp_path / "home"
    failed = limited(lake.root, LANDED_BYTES // 2, "backup", str(backups))
    assert failed.returncode == 1
    assert "磁盘已满" in failed.stderr
    assert [entry.name for entry in backups.iterdir()] == [".lock"]

    take(lake, backups)
    failed = limited(home, LANDED_BYTES // 2, "restore", str(backups))
    assert failed.returncode == 1
    assert "磁盘已满" in failed.stderr
    assert list(home.iterdir()) == []
    assert command(home, "restore", str(backups)).exit_code == 0


def sqlite_full() -> sqlite3.OperationalError:
    fault = sqlite3.OperationalError("database or disk is full")
    fault.sqlite_errorcode = sqlite3.SQLITE_FULL
    return fault


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "no space"), OSError(errno.EDQUOT, "quota"), sqlite_full()])
def test_no_space_and_no_quota_say_so(fault: Exception, lake: Settings, tmp_path: Path) -> None:
    def full(_stage: str, _done: int, _total: int) -> None:
        raise fault

    with pytest.raises(BackupFailed, match="磁盘已满"):
        back_up(lake, EmbeddedStore(lake), tmp_path, full)


def clean_up_during(settings: Settings, destination: Path, clean_up: Callable[[], None]) -> Path:
    """Take a backup; once its catalog is fixed, let a branch that it shows go, and clean up."""
    done: list[bool] = []

    def progress(stage: str, _done: int, _total: int) -> None:
        if stage.startswith("目录库") and not done:
            done.append(True)
            drop_branch(settings, "inbound")
            clean_up()

    return Path(back_up(settings, EmbeddedStore(settings), destination, progress).path)


def test_no_file_is_cleaned_up_during_a_backup(changing: Settings, tmp_path: Path) -> None:
    def clean_up() -> None:
        with pytest.raises(FilesInUse, match="backup"):
            remove_orphans(changing, minimum_age_seconds=0)

    place = clean_up_during(changing, tmp_path / "backups", clean_up)
    assert give_back(make_settings(tmp_path / "restored"), place).ok
    assert remove_orphans(changing, minimum_age_seconds=0), "afterwards it may go on"


def test_without_the_lock_a_clean_up_ruins_the_backup(
    changing: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the guard off, the kept catalog points to files that are not in the backup."""
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "kept-files")
    removed: list[Any] = []

    def clean_up() -> None:
        removed.extend(remove_orphans(changing, minimum_age_seconds=0))

    place = clean_up_during(changing, tmp_path / "backups", clean_up)
    assert removed
    report = give_back(make_settings(tmp_path / "restored"), place)
    assert not report.ok
    assert "missing" in " ".join(report.faults)


def test_a_backup_waits_until_a_clean_up_has_ended(lake: Settings, tmp_path: Path) -> None:
    with files_removable(lake), pytest.raises(FilesInUse, match="clean-up"):
        take(lake, tmp_path)
    assert take(lake, tmp_path).is_dir()


def test_the_newest_backup_of_a_folder_is_taken_and_damage_is_no_base(lake: Settings, tmp_path: Path) -> None:
    first = take(lake, tmp_path)
    rewrite_manifest(first, checksum="0")
    second = back_up(lake, EmbeddedStore(lake), tmp_path)
    assert second.copied_files == second.files, "nothing is shared with a backup that cannot be read"
    facts = json.loads(command(lake.root, "restore", str(tmp_path), "--check-only", "--json").stdout)
    assert facts["name"] == second.name
    with pytest.raises(DamagedBackup, match="checksum"):
        give_back(make_settings(tmp_path / "home"), first)
