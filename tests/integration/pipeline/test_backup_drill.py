"""The drill: a city is backed up, its machine is lost, an empty one gets it back. Timed, by the command line only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from copied_home import copy_home
from forked import Command
from published_tables import published_tables
from small_lake import every_file

from lakehouse.branches import publish_history
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.tables import history

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Lost:
    """A city of which only a backup and the departments' deliveries are left, and what it showed."""

    home: Path
    city: Path
    backups: Path
    facts: dict[str, Any]
    tables: dict[str, list[str]]
    past: list[tuple[str, list[str]]]
    snapshots: dict[str, list[Any]]
    landing: dict[str, bytes]


def citybrain(home: Path, *words: str) -> Any:
    """Run a command and return its JSON."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "citybrain"), *words, "--json"],
        env={**os.environ, "CITYBRAIN_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return json.loads(done.stdout)


def run(home: Path, city: Path) -> Any:
    """Run the city on a home and return the report."""
    done = Command(home, "run", "--source", str(city), "--json").end()
    assert done.returncode == 0, done.stderr or done.stdout
    return json.loads(done.stdout)


def past(settings: Settings) -> list[tuple[str, list[str]]]:
    return [(kept.published_at, kept.tables_changed) for kept in publish_history(settings)]


def snapshots(settings: Settings) -> dict[str, list[Any]]:
    return {name: history(settings, name) for name in branch_pointers(settings)}


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory, small_city: Path, small_home: Path) -> Lost:
    place = tmp_path_factory.mktemp("drill")
    home, backups = place / "machine" / "home", place / "backups"
    settings = copy_home(small_home, home, place / "first")
    facts = citybrain(home, "backup", str(backups))
    found = Lost(
        home,
        small_city,
        backups,
        facts,
        published_tables(settings),
        past(settings),
        snapshots(settings),
        every_file(settings.landing),
    )
    shutil.rmtree(home.parent)
    return found


def same_place(lost: Lost, _tmp_path: Path) -> Path:
    return lost.home


def another_place(_lost: Lost, tmp_path: Path) -> Path:
    return tmp_path / "another machine" / "citybrain-home"


@pytest.mark.parametrize("place", [same_place, another_place])
def test_an_empty_machine_gets_the_city_back(
    place: Callable[[Lost, Path], Path],
    lost: Lost,
    tmp_path: Path,
    parsed_home: Callable[[Path], Path],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    begun = time.monotonic()
    home = place(lost, tmp_path)
    settings = Settings(home=home)

    report = citybrain(home, "restore", str(lost.backups))
    verified = citybrain(home, "verify", "--deep")
    seconds = time.monotonic() - begun

    assert report["ok"]
    assert report["seconds"] > 0
    record_testsuite_property(f"embedded_drill_seconds.{place.__name__}", round(seconds, 1))
    assert (verified["faults"], verified["orphaned"]) == ([], [])
    assert (report["tables"], report["rows"]) == (lost.facts["tables"], lost.facts["rows"])
    assert published_tables(settings) == lost.tables
    assert past(settings) == lost.past
    assert published_tables(settings, publish_history(settings)[-1].snapshot) == lost.tables
    assert snapshots(settings) == lost.snapshots
    assert every_file(settings.landing) == lost.landing

    again = run(parsed_home(home), lost.city)
    assert again["tables_changed"] == 0
    assert published_tables(settings) == lost.tables
    shutil.rmtree(home)
