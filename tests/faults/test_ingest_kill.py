"""A process killed anywhere while it takes in deliveries, then a plain re-run: the rows of an undisturbed run, none twice."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catalog.contract.load import load_contracts
from lakehouse.branches import open_branch
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.faults
PERMIT = "gaj.residence_permit"
CHILD = """
import sys
from pathlib import Path
from catalog.contract.load import load_contracts, load_vocabulary
from lakehouse.branches import open_branch
from lakehouse.connect.settings import Settings
from lakehouse.ingest import ingest_resource
from lakehouse.sources import SourceSystem
settings = Settings()
branch = open_branch(settings, "work", takeover=True)
source = SourceSystem.from_dir(Path(sys.argv[1]))
for outcome in ingest_resource(settings, branch, load_contracts()[sys.argv[2]], load_vocabulary(), source):
    print("outcome", outcome.batch_id, outcome.status, outcome.received, outcome.accepted, outcome.quarantined, outcome.deduplicated)
"""
# The first delivery commits quarantine, then table; the second merges. The metadata of new tables passes as well.
PASSAGES = {"after-data-files": (1, 2, 4), "after-metadata": (2, 5), "after-commit": (1, 2, 3)}
POINTS = [f"{name}:{passage}" for name, passages in PASSAGES.items() for passage in passages]


def deliver(root: Path) -> None:
    """Two days: the second changes a row, repeats one and brings another bad one."""
    contract = load_contracts()[PERMIT]
    good = ["11010519491231002X", "张三", "110105000000", "330102001001", "2026-06-20", "2030-06-20"]
    days = {
        "20260624_20260625020000": [["JZ1", *good], ["JZ2", *good], ["JZ3", "bad", *good[1:]]],
        "20260625_20260626020000": [
            ["JZ1", good[0], "李四", *good[2:]],
            ["JZ2", *good],
            ["JZ4", *good],
            ["JZ5", "bad", *good[1:]],
        ],
    }
    folder = root / "gaj" / "residence_permit"
    folder.mkdir(parents=True)
    for name, rows in days.items():
        with (folder / f"residence_permit_{name}.csv").open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows([[prop.physical_name for prop in contract.properties], *rows])


def run(root: Path, home: Path, fault: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "CITYBRAIN_FAULT"}
    environment |= {"CITYBRAIN_HOME": str(home)} | ({"CITYBRAIN_FAULT": fault} if fault else {})
    command = [sys.executable, "-c", CHILD, str(root), PERMIT]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def outcomes_of(result: subprocess.CompletedProcess[str]) -> list[str]:
    return sorted(line for line in result.stdout.splitlines() if line.startswith("outcome "))


def state(home: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    settings = Settings(home=home)
    con = open_duckdb(settings=settings)
    attach_branch(con, settings, "work")
    rows = con.execute(f"select * from {PERMIT} order by permit_no").fetchall()
    refused = con.execute("select * from ops.quarantine order by batch_id, row_number").fetchall()
    con.close()
    return rows, refused


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Any, ...], list[str]]:
    base = tmp_path_factory.mktemp("undisturbed")
    deliver(base / "source")
    open_branch(Settings(home=base / "home"), "work")
    result = run(base / "source", base / "home")
    assert result.returncode == 0, result.stderr
    return base / "source", state(base / "home"), outcomes_of(result)


@pytest.mark.parametrize("fault", POINTS)
def test_a_rerun_after_a_kill_ends_like_an_undisturbed_run(
    tmp_path: Path, undisturbed: tuple[Path, tuple[Any, ...], list[str]], fault: str
) -> None:
    source, expected, outcomes = undisturbed
    open_branch(Settings(home=tmp_path), "work")
    killed = run(source, tmp_path, fault)
    assert killed.returncode in (0, -signal.SIGKILL)
    again = run(source, tmp_path)
    assert again.returncode == 0, again.stderr
    assert state(tmp_path) == expected
    assert outcomes_of(again) == outcomes, "accounting survives the kill"


def test_the_faults_really_kill(tmp_path: Path, undisturbed: tuple[Path, tuple[Any, ...], list[str]]) -> None:
    open_branch(Settings(home=tmp_path), "work")
    codes = {
        run(undisturbed[0], tmp_path / point, point).returncode for point in ("after-data-files:1", "after-commit:1")
    }
    assert codes == {-signal.SIGKILL}


def test_without_the_guard_a_killed_batch_is_held_twice(
    tmp_path: Path, undisturbed: tuple[Path, tuple[Any, ...], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, expected, _ = undisturbed
    open_branch(Settings(home=tmp_path), "work")
    assert run(source, tmp_path, "after-commit:1").returncode == -signal.SIGKILL
    monkeypatch.setenv("CITYBRAIN_TEST", "1")
    monkeypatch.setenv("CITYBRAIN_UNSAFE_SKIP_GUARD", "batch-id")
    assert run(source, tmp_path).returncode == 0
    assert len(state(tmp_path)[1]) > len(expected[1]), "the quarantine committed before the kill is there twice"
