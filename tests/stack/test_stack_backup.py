"""The drill with servers: a stack with data is backed up and lost; a fresh stack of another home gets all of it back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_stack import SERVERS, new_home, quick_stack_up, refuse_missing
from small_lake import api_keys, home_content, lake_content, make_small_lake
from typer.testing import CliRunner, Result

from infra.cli.main import app
from infra.cli.output import UserError
from infra.stack.control import stack_down
from infra.stack.places import StackPlaces
from lakehouse.branches import open_branch, publish
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.kept_files import FilesInUse, files_kept, files_removable
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import open_trino
from lakehouse.connect.unfinished import UnfinishedRestore
from lakehouse.tables import remove_orphans, replace_with_query, verify

pytestmark = pytest.mark.stack
UNAVAILABLE, WRONG_INPUT = 1, 2


@pytest.fixture
def homes() -> Iterator[list[Settings]]:
    """Two homes, of which one at a time has servers that run."""
    refuse_missing(SERVERS)
    places = [new_home("citybrain-drill-") for _ in range(2)]
    yield [Settings(home=place, profile="cluster", threads=2, memory_limit="500MB") for place in places]
    for place in places:
        stack_down(StackPlaces(place))
        shutil.rmtree(place)


def citybrain(settings: Settings, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "citybrain"), *words, "--json"],
        env={**os.environ, "CITYBRAIN_HOME": str(settings.root), "CITYBRAIN_PROFILE": "cluster", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def command(settings: Settings, *words: str) -> Result:
    """Run a command in this process; a known error is its exit code and message."""
    surroundings = {"CITYBRAIN_HOME": str(settings.root), "CITYBRAIN_PROFILE": "cluster"}
    result = CliRunner().invoke(app, [*words, "--json"], env=surroundings)
    if isinstance(result.exception, UserError):
        result.exit_code = result.exception.exit_code
    return result


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr or done.stdout
    return json.loads(done.stdout)


def trino_rows(settings: Settings) -> dict[str, list[Any]]:
    """Return every published table as Trino reads it."""
    catalog = cluster_settings(settings).reader_catalog
    with open_trino(settings, catalog) as con:
        return {
            name: sorted(map(repr, con.execute(f"select * from {name}").fetchall()))
            for name in branch_pointers(settings)
        }


def publish_count(settings: Settings) -> None:
    branch = open_branch(settings, "run", takeover=True)
    with open_duckdb(settings=settings) as con:
        catalog = open_catalog(settings, branch.catalog_name)
        replace_with_query(con, catalog, "population.person_count", "select 'x' as name, 1::bigint as n")
    publish(settings, branch)


def test_a_fresh_stack_gets_a_lost_one_back(
    homes: list[Settings], tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    first, second = homes
    quick_stack_up(StackPlaces(first.root), only=SERVERS)
    make_small_lake(first)
    backups = tmp_path / "backups"
    taken = json.loads(command(first, "backup", str(backups)).stdout)
    again = json.loads(command(first, "backup", str(backups)).stdout)
    assert again["copied_files"] == 2, "the two databases; every object is shared"
    with files_kept(first), pytest.raises(FilesInUse, match="backup"):
        remove_orphans(first, minimum_age_seconds=0)
    with files_removable(first):
        refused = command(first, "backup", str(backups))
        assert refused.exit_code == UNAVAILABLE
        assert "clean-up" in str(refused.exception)
    before = (lake_content(first), trino_rows(first), home_content(first), api_keys(first))
    secret = cluster_settings(first).database_uri.get_secret_value()
    stack_down(StackPlaces(first.root))

    begun = time.monotonic()
    quick_stack_up(StackPlaces(second.root), only=SERVERS)
    up = time.monotonic()
    killed = citybrain(second, "restore", str(backups), CITYBRAIN_FAULT="restore-databases")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with pytest.raises(UnfinishedRestore, match="run the same"):
        branch_pointers(second)

    report = answer(citybrain(second, "restore", str(backups)))
    verified = answer(citybrain(second, "verify"))
    record_testsuite_property("cluster_drill_seconds", {"stack_up": round(up - begun, 1), "restore": report["seconds"]})

    assert (verified["faults"], verified["orphaned"]) == ([], [])
    assert (report["tables"], report["rows"]) == (taken["tables"], taken["rows"])
    assert (lake_content(second), trino_rows(second), home_content(second), api_keys(second)) == before
    assert cluster_settings(second).database_uri.get_secret_value() != secret, "a new machine has new passwords"

    in_use = command(second, "restore", str(backups))
    assert in_use.exit_code == WRONG_INPUT
    assert "is not empty" in str(in_use.exception)
    publish_count(second)
    assert trino_rows(second)["population.person_count"] == ["('x', 1)"]
    assert verify(second).ok

    for entry in ("landing", "runs", "page-token.key"):
        place = second.root / entry
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    in_use = command(second, "restore", str(backups))
    assert in_use.exit_code == WRONG_INPUT
    assert "servers without data" in str(in_use.exception)
