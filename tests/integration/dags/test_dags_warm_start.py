"""What the process that tasks are forked from does beforehand: each in a process of its own, since it cannot be undone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.branches import join_branch
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.steps import INBOUND

pytestmark = pytest.mark.integration

END = """
import os, sys, time, types
import psutil
from airflow.sdk.execution_time.supervisor import PsutilTracker, WatchedSubprocess

at_once = WatchedSubprocess._check_subprocess_exit
import dags.warm_start

closing, closed = os.pipe()
child = os.fork()
if child == 0:
    os.close(closed)  # the last that it had open, a moment before it is gone
    time.sleep(0.1)
    os._exit(7)
os.close(closed)
os.read(closing, 1)
log = types.SimpleNamespace(warning=lambda *_, **__: None)
tracker = PsutilTracker(psutil.Process(child))
task = types.SimpleNamespace(_exit_code=None, _open_sockets={}, _process=tracker, process_log=log)
print(at_once(task), WatchedSubprocess._check_subprocess_exit(task))
"""

IMPORTS = """
import sys
from pathlib import Path
import airflow.sdk.execution_time.task_runner
import dags.warm_start
import tests.small_lake
from lakehouse.connect.settings import Settings

known = set(sys.modules)
tests.small_lake.make_small_lake(Settings(home=Path(sys.argv[1])))
imported = {name.partition(".")[0] for name in set(sys.modules) - known}
print(*sorted(imported & {"airflow", "pyarrow", "pyiceberg", "pyroaring"}), "and no more")
"""

DBT = """
import multiprocessing, sys, types
from pathlib import Path
import psutil
import airflow.sdk.execution_time.task_runner
import dags.warm_start
from dags import tasks
from lakehouse.pipeline import dbt_nursery, steps

found = []

def build(*_):
    too_late = not dbt_nursery.can_fork()
    dbt_nursery.have_dbt_at_hand()
    (nursery,) = psutil.Process().children()
    found[:] = too_late, "-m" in nursery.cmdline()
    return {"blocked": False, "reason": None}

def task():
    steps.transform_step = build
    context = {"ti": types.SimpleNamespace(get_dr_count=lambda **_: 0), "triggering_asset_events": {}}
    tasks.get_current_context = lambda: context
    tasks.transform("population", ["city_operation"])
    print(*found, flush=True)

process = multiprocessing.get_context("fork").Process(target=task)
process.start()
process.join()
"""


def _said(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_the_end_of_a_task_is_seen_when_its_process_is_gone_and_not_a_heartbeat_later() -> None:
    assert _said(END) == "None 7"  # the first is what Airflow finds by itself


def test_a_task_finds_imported_what_tables_are_read_and_written_with(tmp_path: Path) -> None:
    assert _said(IMPORTS, str(tmp_path)) == "and no more"


def test_a_topic_gets_dbt_by_a_fork_before_it_looks_at_the_lakehouse(published_home: Path, tmp_path: Path) -> None:
    home = shutil.copytree(published_home, tmp_path / "home")
    join_branch(Settings(home=home), INBOUND)
    too_late, was_imported_anew = _said(DBT, CITYBRAIN_HOME=str(home)).split()
    assert (too_late, was_imported_anew) == ("True", "False")
