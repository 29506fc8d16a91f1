"""The parts: pinned in one place, checked by checksum, found on the machine or named when missing, all at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.output import UserError
from infra.stack import prerequisites
from infra.stack.parts import MINIO_VERSION, Parts, Pins, cache_folder, verify
from infra.stack.places import RECIPES

ALL = ("postgres", "minio", "nessie", "trino", "seaweedfs")


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, parts: Parts, tmp_path: Path) -> Parts:
    """A machine on which nothing is installed."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setenv("CITYBRAIN_JAVA_HOME", str(empty))
    monkeypatch.setattr(prerequisites, "POSTGRES_FOLDERS", empty)
    monkeypatch.setattr(prerequisites, "GO_FOLDER", empty)
    monkeypatch.setattr("infra.stack.parts.sys.executable", str(empty / "python"))
    return parts


def test_everything_that_is_missing_is_told_at_once_with_what_installs_it(bare_machine: Parts) -> None:
    lacks = bare_machine.missing(ALL)

    assert {lack.what.split()[0] for lack in lacks} == {"PostgreSQL", "Java", "Maven", "Go", "SeaweedFS"}
    assert all("install" in lack.install or "sync" in lack.install for lack in lacks)


def test_only_what_the_wanted_services_need_is_missed(bare_machine: Parts) -> None:
    assert [lack.what.split()[0] for lack in bare_machine.missing(["postgres"])] == ["PostgreSQL"]


def test_maven_and_go_are_not_missed_when_the_parts_are_there(bare_machine: Parts) -> None:
    for path in (bare_machine.trino, bare_machine.nessie, *bare_machine.spark_jars, bare_machine.minio):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert {lack.what.split()[0] for lack in bare_machine.missing(["minio", "nessie", "trino"])} == {"Java"}


@pytest.mark.parametrize(
    ("release", "version"), [('JAVA_VERSION="25.0.3"', 25), ('JAVA_VERSION="17.0.15"', 17), ("", 0)]
)
def test_the_version_of_a_java_is_read_from_its_release(tmp_path: Path, release: str, version: int) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    (tmp_path / "release").write_text(f'IMPLEMENTOR="x"\n{release}\n', encoding="utf-8")

    assert prerequisites.java_version(tmp_path) == version


def test_a_java_that_is_too_old_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    (tmp_path / "release").write_text('JAVA_VERSION="21.0.1"\n', encoding="utf-8")
    monkeypatch.setenv("CITYBRAIN_JAVA_HOME", str(tmp_path))

    assert prerequisites.java_home() is None


def test_the_cache_is_shared_by_homes_and_follows_the_users_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == tmp_path / "citybrain" / "stack"


def test_every_java_part_has_its_checksum_and_the_version_that_is_pinned() -> None:
    pins = Pins.read()
    listed = [line.split()[1] for line in (RECIPES / "checksums.sha256").read_text(encoding="utf-8").splitlines()]

    parts = Parts(Path("cache"), pins)
    assert sorted(listed) == sorted(
        [f"trino-server-{pins.trino}.tar.gz", parts.nessie.name, *(jar.name for jar in parts.spark_jars)]
    )
    assert all(vars(pins).values())


def test_minio_is_pinned_to_one_commit() -> None:
    assert Parts(Path("cache"), Pins.read()).minio.parent.name.endswith(MINIO_VERSION[-12:])


@pytest.fixture
def listing(tmp_path: Path) -> Callable[[bytes, bytes], Path]:
    """Write a file, and a list with the checksum of other content."""

    def write(held: bytes, expected: bytes) -> Path:
        (tmp_path / "part.jar").write_bytes(held)
        sums = tmp_path / "sums"
        sums.write_text(f"{hashlib.sha256(expected).hexdigest()}  part.jar\n", encoding="utf-8")
        return sums

    return write


def test_a_part_that_is_what_it_should_be_is_accepted(tmp_path: Path, listing: Callable[[bytes, bytes], Path]) -> None:
    verify(tmp_path, listing(b"good", b"good"))


def test_a_part_that_was_tampered_with_is_refused(tmp_path: Path, listing: Callable[[bytes, bytes], Path]) -> None:
    with pytest.raises(UserError, match=r"part\.jar is not what it should be"):
        verify(tmp_path, listing(b"bad", b"good"))


def test_a_part_that_did_not_come_is_refused(tmp_path: Path, listing: Callable[[bytes, bytes], Path]) -> None:
    sums = listing(b"good", b"good")
    (tmp_path / "part.jar").unlink()

    with pytest.raises(UserError, match="was not fetched"):
        verify(tmp_path, sums)


def test_a_download_that_fails_says_why_and_leaves_nothing_half(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mvn").write_text("#!/bin/sh\necho could not resolve trino-server\nexit 1\n", encoding="utf-8")
    (tools / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")

    with pytest.raises(UserError, match="could not resolve trino-server"):
        parts.fetch(["trino"], lambda _: None)

    assert not parts.trino.exists()
    assert not list(parts.cache.glob("fetching-*"))
