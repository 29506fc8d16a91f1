"""kill -9 at every named point of a run, then the same command again: the same rows as an undisturbed run, none twice."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from few_deliveries import generate_small_city
from forked import citybrain

from lakehouse.connect.settings import Settings
from lakehouse.query import open_reader

pytestmark = pytest.mark.faults
PEOPLE = 200
POINTS = ("after-data-files:3", "after-metadata:5", "after-commit:4", "in-publish", "after-publish")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, test_seed: int) -> Path:
    folder = tmp_path_factory.mktemp("city")
    generate_small_city(folder, seed=test_seed, people=PEOPLE)
    return folder


def run(home: Path, city: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return citybrain(home, "run", "--source", str(city), "--json", CITYBRAIN_TEST="1", **environment)


def contents(home: Path) -> dict[str, list[Any]]:
    """Return every published table as sorted rows."""
    with open_reader(Settings(home=home)) as reader:
        return {
            name: sorted(
                map(str, reader.arrow(f'select * from "{name.replace(".", chr(34) + "." + chr(34))}"').to_pylist())
            )
            for name in reader.tables()
        }


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, city: Path, parsed_home: Callable[[Path], Path]
) -> dict[str, list[Any]]:
    home = parsed_home(tmp_path_factory.mktemp("undisturbed"))
    done = run(home, city)
    assert done.returncode == 0, done.stderr
    return contents(home)


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_is_mended_by_running_again(
    point: str, tmp_path: Path, city: Path, undisturbed: dict[str, list[Any]], parsed_home: Callable[[Path], Path]
) -> None:
    killed = run(parsed_home(tmp_path), city, CITYBRAIN_FAULT=point)
    assert killed.returncode == -signal.SIGKILL, f"the fault point {point} was never passed: {killed.stderr[-2000:]}"
    again = run(tmp_path, city)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["published"]
    assert contents(tmp_path) == undisturbed


def test_without_the_publish_transaction_a_kill_leaves_half_a_publish(
    tmp_path: Path, city: Path, undisturbed: dict[str, list[Any]], parsed_home: Callable[[Path], Path]
) -> None:
    """Negative control: the guard off, the same kill shows readers some tables of the publish and not the others."""
    killed = run(
        parsed_home(tmp_path), city, CITYBRAIN_FAULT="in-publish", CITYBRAIN_UNSAFE_SKIP_GUARD="publish-transaction"
    )
    assert killed.returncode == -signal.SIGKILL
    shown = contents(tmp_path)
    assert 0 < len(shown) < len(undisturbed)
