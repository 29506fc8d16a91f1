"""What tests fork instead of starting: it does what the executable does, and starts with everything imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from forked import citybrain, run_forked

pytestmark = pytest.mark.integration
HEAVY = ("duckdb", "pyiceberg", "great_expectations", "dbt.cli.main", "lakehouse.pipeline.run")


@pytest.mark.parametrize(
    "words",
    [("contract", "lint"), ("branches", "--json"), ("run", "--source", "nowhere", "--json"), ("run", "--sauce", "x")],
    ids=["answer", "json", "wrong input", "wrong word"],
)
def test_it_says_and_returns_what_the_executable_does(words: tuple[str, ...], tmp_path: Path) -> None:
    executable = [str(Path(sys.executable).parent / "citybrain"), *words]
    surroundings = {**os.environ, "CITYBRAIN_HOME": str(tmp_path)}
    plain = subprocess.run(executable, env=surroundings, capture_output=True, text=True, check=False)
    forked = citybrain(tmp_path, *words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_it_has_the_environment_that_it_is_given_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_OF_THIS_TEST", "yes")
    assert run_forked(exit_with_environment, CITYBRAIN_NUMBER="3") == 3
    monkeypatch.delenv("CITYBRAIN_OF_THIS_TEST")
    assert run_forked(exit_with_environment, CITYBRAIN_NUMBER="3") == 1


def exit_with_environment() -> None:
    sys.exit(int(os.environ["CITYBRAIN_NUMBER"]) if "CITYBRAIN_OF_THIS_TEST" in os.environ else 1)


def test_everything_is_imported_before_it_begins() -> None:
    assert run_forked(exit_with_imports) == len(HEAVY)


def exit_with_imports() -> None:
    sys.exit(sum(name in sys.modules for name in HEAVY))
