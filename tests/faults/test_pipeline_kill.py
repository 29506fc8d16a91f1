"""kill -9 at the named points of a run, and the same command again each time: the same rows as undisturbed, none twice."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from forked import citybrain
from published_tables import published_tables

from lakehouse.branches import publish_history
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.faults
BEFORE_PUBLISH = ("after-data-files:3", "after-metadata:5", "after-commit:4", "in-publish")


def run(home: Path, city: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return citybrain(home, "run", "--source", str(city), "--json", CITYBRAIN_TEST="1", **environment)


def killed_run(home: Path, city: Path, point: str, **environment: str) -> None:
    killed = run(home, city, CITYBRAIN_FAULT=point, **environment)
    assert killed.returncode == -signal.SIGKILL, f"the fault point {point} was never passed: {killed.stderr[-2000:]}"


@pytest.fixture(scope="module")
def undisturbed(small_home: Path) -> dict[str, list[str]]:
    return published_tables(Settings(home=small_home))


def test_a_run_killed_at_one_point_after_the_other_is_mended_by_running_again(
    tmp_path: Path, small_city: Path, undisturbed: dict[str, list[str]], parsed_home: Callable[[Path], Path]
) -> None:
    """Every run finds what all killed before it have left. (One kill and one run, also after a publish: see the lakehouse's.)"""
    home = parsed_home(tmp_path)
    for point in BEFORE_PUBLISH:
        killed_run(home, small_city, point)
        assert published_tables(Settings(home=home)) == {}

    again = run(home, small_city)

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["published"]
    assert published_tables(Settings(home=home)) == undisturbed
    assert len(publish_history(Settings(home=home))) == 1


def test_without_the_publish_transaction_a_kill_leaves_half_a_publish(
    tmp_path: Path, small_city: Path, undisturbed: dict[str, list[str]], parsed_home: Callable[[Path], Path]
) -> None:
    """Negative control: the guard off, the same kill shows readers some tables of the publish and not the others."""
    home = parsed_home(tmp_path)
    killed_run(home, small_city, "in-publish", CITYBRAIN_UNSAFE_SKIP_GUARD="publish-transaction")
    assert 0 < len(published_tables(Settings(home=home))) < len(undisturbed)
