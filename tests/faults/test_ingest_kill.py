"""A process killed anywhere while it takes in deliveries, then a plain re-run: the rows of an undisturbed run, none twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from forked import killed_at, run_forked

from catalog.contract.load import load_contracts, load_vocabulary
from lakehouse.branches import open_branch
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.ingest import ingest_resource
from lakehouse.sources import SourceSystem

pytestmark = pytest.mark.faults
PERMIT = "gaj.residence_permit"
OUTCOMES = "outcomes.json"
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


def ingest(root: Path, home: Path) -> None:
    """Take in what was delivered, as one process does; its last act is to say what became of each batch."""
    settings = Settings(home=home)
    branch = open_branch(settings, "work", takeover=True)
    contract, source = load_contracts()[PERMIT], SourceSystem.from_dir(root)
    outcomes = ingest_resource(settings, branch, contract, load_vocabulary(), source)
    counts = ("batch_id", "status", "received", "accepted", "quarantined", "deduplicated")
    told = [[outcome.to_json()[name] for name in counts] for outcome in outcomes]
    (home / OUTCOMES).write_text(json.dumps(told), encoding="utf-8")


def outcomes_of(home: Path) -> list[list[Any]]:
    return sorted(json.loads((home / OUTCOMES).read_text(encoding="utf-8")))


def state(home: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    settings = Settings(home=home)
    con = open_duckdb(settings=settings)
    attach_branch(con, settings, "work")
    rows = con.execute(f"select * from {PERMIT} order by permit_no").fetchall()
    refused = con.execute("select * from ops.quarantine order by batch_id, row_number").fetchall()
    con.close()
    return rows, refused


Undisturbed = tuple[Path, tuple[Any, ...], list[list[Any]]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    base = tmp_path_factory.mktemp("undisturbed")
    deliver(base / "source")
    open_branch(Settings(home=base / "home"), "work")
    assert run_forked(ingest, base / "source", base / "home") == 0
    return base / "source", state(base / "home"), outcomes_of(base / "home")


@pytest.mark.parametrize("fault", POINTS)
def test_a_rerun_after_a_kill_ends_like_an_undisturbed_run(
    tmp_path: Path, undisturbed: Undisturbed, fault: str
) -> None:
    source, expected, outcomes = undisturbed
    open_branch(Settings(home=tmp_path), "work")
    killed_at(fault, ingest, source, tmp_path)
    assert not (tmp_path / OUTCOMES).exists()
    assert run_forked(ingest, source, tmp_path) == 0
    assert state(tmp_path) == expected
    assert outcomes_of(tmp_path) == outcomes, "accounting survives the kill"


def test_without_the_guard_a_killed_batch_is_held_twice(tmp_path: Path, undisturbed: Undisturbed) -> None:
    source, expected, _ = undisturbed
    open_branch(Settings(home=tmp_path), "work")
    killed_at("after-commit:1", ingest, source, tmp_path)
    unguarded = {"CITYBRAIN_TEST": "1", "CITYBRAIN_UNSAFE_SKIP_GUARD": "batch-id"}
    assert run_forked(ingest, source, tmp_path, **unguarded) == 0
    assert len(state(tmp_path)[1]) > len(expected[1]), "the quarantine committed before the kill is there twice"
