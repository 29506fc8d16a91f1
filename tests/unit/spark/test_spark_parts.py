"""Finding Java and jars, and how a job speaks and ends."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from lakehouse.branches import StaleWriter
from lakehouse.pipeline.errors import WrongInput as PipelineWrongInput
from spark_jobs.errors import MissingPart, Refused, WrongInput
from spark_jobs.jars import find_jars, newer_hadoop
from spark_jobs.java import find_java, legacy_security_works
from spark_jobs.job import parser, run_job


def _java(folder: Path, name: str, version: str) -> Path:
    home = folder / name
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch()
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n', encoding="utf-8")
    return home


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose Javas are those of one folder."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("spark_jobs.java._FOLDERS", (str(tmp_path),))
    return tmp_path


def test_newest_java_with_a_security_manager_is_preferred(only: Path) -> None:
    for name, version in (("a", "17.0.15"), ("b", "25.0.1"), ("c", "21.0.2"), ("d", "11.0.1")):
        _java(only, name, version)
    assert find_java().version == 21


def test_java_that_hadoop_has_to_be_newer_for_is_taken_when_it_is_the_only_one(only: Path) -> None:
    _java(only, "b", "25.0.1")
    assert find_java().version == 25
    assert not legacy_security_works(25)


def test_missing_java_says_how_to_get_one(only: Path) -> None:
    _java(only, "old", "11.0.1")
    with pytest.raises(MissingPart, match="no Java 17") as missing:
        find_java()
    assert "apt-get install" in missing.value.hint


def test_named_java_that_is_too_old_is_refused(only: Path) -> None:
    with pytest.raises(MissingPart, match="holds no Java 17"):
        find_java(_java(only, "old", "11.0.1"))


def test_jars_come_from_the_cache_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "citybrain" / "stack" / "iceberg-spark-4.1_2.13-1.12.0"
    folder.mkdir(parents=True)
    names = ["iceberg-spark-runtime-4.1_2.13-1.12.0.jar", "iceberg-aws-bundle-1.12.0.jar"]
    for name in names:
        (folder / name).touch()
    assert [jar.name for jar in find_jars()] == names


@pytest.mark.parametrize("find", [find_jars, newer_hadoop])
def test_missing_jars_are_named_with_the_command_that_brings_them(
    find: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingPart, match=r"\.jar") as missing:
        find()  # type: ignore[operator]
    assert "citybrain stack up" in missing.value.hint


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (WrongInput("no such file", hint="look again"), 2),
        (PipelineWrongInput("no contract", hint="see contracts"), 2),
        (MissingPart("no Java"), 2),
        (Refused("rows would change"), 3),
        (StaleWriter("taken over"), 3),
        (ValueError("first line\nsecond line"), 1),
    ],
)
def test_fault_ends_with_words_a_code_and_one_line_of_json(
    fault: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: argparse.Namespace) -> dict[str, object]:
        raise fault

    assert run_job(parser("test", "a test"), run, []) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert str(fault).splitlines()[0] in said.err
    assert json.loads(said.out.splitlines()[-1])["exit_code"] == code


def test_result_is_the_last_line_and_says_whether_it_worked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job(parser("test", "a test"), lambda _: {"rows": 3}, []) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"rows": 3}
    assert run_job(parser("test", "a test"), lambda _: {"ok": False}, []) == 2


@pytest.mark.parametrize("name", ["backfill_resource", "compact_table", "resolve_entities", "rollup_readings"])
def test_every_job_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib import import_module

    with pytest.raises(SystemExit) as done:
        import_module(f"spark_jobs.{name}").main(["--help"])
    assert done.value.code == 0
    assert "exit codes: 0 done" in capsys.readouterr().out
