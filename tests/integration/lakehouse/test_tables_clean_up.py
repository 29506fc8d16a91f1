"""The clean-up that production runs: only of a lakehouse that is whole, only what is old, never while a backup copies."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli.main import app
from infra.cli.output import UserError
from lakehouse.branches import open_branch, publish
from lakehouse.connect.duck import Connection
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.kept_files import files_kept
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.steps import maintenance_step
from lakehouse.tables import write_files

pytestmark = pytest.mark.integration
TWO_DAYS = 2 * 24 * 3600


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=2, memory_limit="500MB")


@pytest.fixture
def lost(settings: Settings, con: Connection, add_persons: Callable[..., bool]) -> Path:
    """A file that nobody needs, two days old, beside a published table."""
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 10, batch="a1")
    publish(settings, branch)
    table = open_catalog(settings, "main").load_table("gaj.a")
    [written] = write_files(
        con,
        table,
        "select * from (select '1' as person_id, 1 as age, 1.5::decimal(12, 2) as income,"
        " timestamp '2026-01-01' as updated_at, 'b' as _batch_id, 1::bigint as _row)",
    )
    path = Path(written.removeprefix("file://"))
    os.utime(path, (time.time() - TWO_DAYS,) * 2)
    return path


def _clean(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(app, ["clean", "--json", *words], env={"CITYBRAIN_HOME": str(settings.home)})


def test_maintenance_removes_what_nobody_has_needed_for_a_day(settings: Settings, lost: Path) -> None:
    done = maintenance_step(settings)

    assert (done["removed"], done["orphaned"], done["faults"]) == (1, 0, [])
    assert not lost.exists()
    assert maintenance_step(settings)["removed"] == 0


def test_nothing_is_removed_of_a_lakehouse_that_is_not_whole(settings: Settings, lost: Path) -> None:
    [needed] = [path for path in lost.parents[1].rglob("*.parquet") if path != lost]
    kept = needed.read_bytes()
    needed.unlink()

    done = maintenance_step(settings)
    assert done["faults"]
    assert done["removed"] == 0
    assert "not whole" in str(_clean(settings).exception)
    assert lost.exists()

    needed.write_bytes(kept)
    assert _clean(settings).exit_code == 0
    assert not lost.exists()


def test_nothing_is_removed_while_a_backup_copies(settings: Settings, lost: Path) -> None:
    with files_kept(settings):
        assert maintenance_step(settings)["removed"] == 0
        assert isinstance(_clean(settings).exception, UserError)
    assert lost.exists()


def test_a_dry_run_lists_and_removes_nothing(settings: Settings, lost: Path) -> None:
    listed = json.loads(_clean(settings, "--dry-run").stdout)

    assert [Path(path.removeprefix("file://")) for path in listed["paths"]] == [lost]
    assert not listed["removed"]
    assert lost.exists()
    assert json.loads(_clean(settings, "--dry-run", "--older-than", "72").stdout)["files"] == 0
