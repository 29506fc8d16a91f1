"""The manifest of a backup: what was cut off or changed anywhere says so; and which backup of a folder is the newest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.backup import BackupFailed, DamagedBackup, Manifest, WrongInput, find_backup
from lakehouse.backup.manifest import FILE_NAME, StoredFile, read_manifest, write_manifest

MANIFEST = Manifest(
    name="20260101T000000Z",
    profile="embedded",
    created="2026-01-01T00:00:00.000+00:00",
    citybrain="0.1.0",
    home="/srv/城市",
    warehouse="/srv/城市/warehouse",
    snapshot="0123456789abcdef",
    tables={"gaj.person": 3},
    files=[StoredFile(path="objects/gaj/person/a.parquet", size=7, blake3="0" * 64, modified=1.5)],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_manifest(tmp_path, MANIFEST)
    return tmp_path


def test_a_manifest_is_read_as_it_was_written(folder: Path) -> None:
    assert read_manifest(folder) == MANIFEST
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_manifest_that_is_cut_off_anywhere_is_refused(folder: Path, share: float) -> None:
    whole = (folder / FILE_NAME).read_bytes().rstrip()
    (folder / FILE_NAME).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DamagedBackup):
        read_manifest(folder)
    (folder / FILE_NAME).write_bytes(whole)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_manifest_with_one_other_byte_is_refused_or_says_the_same(folder: Path, data: st.DataObject) -> None:
    whole = (folder / FILE_NAME).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    (folder / FILE_NAME).write_bytes(whole[:at] + bytes([other]) + whole[at + 1 :])
    try:
        assert read_manifest(folder) == MANIFEST  # other white space
    except BackupFailed:
        pass
    finally:
        (folder / FILE_NAME).write_bytes(whole)


def test_a_newer_version_is_told_from_damage(folder: Path) -> None:
    found = json.loads((folder / FILE_NAME).read_bytes())
    (folder / FILE_NAME).write_text(json.dumps({**found, "version": 2}))
    with pytest.raises(WrongInput, match="newer citybrain"):
        read_manifest(folder)


def test_something_else_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="is no backup"):
        read_manifest(tmp_path)
    (tmp_path / FILE_NAME).write_text('{"checksum": "", "name": "npm"}')
    with pytest.raises(DamagedBackup, match="not the manifest of a citybrain backup"):
        read_manifest(tmp_path)


def test_the_newest_whole_backup_is_found(tmp_path: Path) -> None:
    for name in ("20260101T000000Z", "20260102T000000Z", "20260103T000000Z.partial"):
        (tmp_path / name).mkdir()
        write_manifest(tmp_path / name, MANIFEST)
    (tmp_path / "20260104T000000Z").mkdir()
    assert find_backup(tmp_path).name == "20260102T000000Z"
    assert find_backup(tmp_path / "20260101T000000Z").name == "20260101T000000Z"
    for nothing in ("20260103T000000Z.partial", "20260104T000000Z", "gone"):
        with pytest.raises(WrongInput):
            find_backup(tmp_path / nothing)
