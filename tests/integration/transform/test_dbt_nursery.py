"""dbt runs in a process of its own that ends with the command, whoever else ends before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lakehouse.pipeline.dbt_nursery import DbtCommand, run_dbt_command
from lakehouse.pipeline.topics import PROJECT

pytestmark = pytest.mark.integration
SECONDS = 120

# In a fork, as a task of Airflow is: a process that imported all this has a thread of some library.
_FORKABLE = """
import multiprocessing, threading
from lakehouse.pipeline import dbt_nursery
before = dbt_nursery.can_fork()
import lakehouse.pipeline.dbt_warm
def task():
    alone = dbt_nursery.can_fork()
    release = threading.Event()
    other = threading.Thread(target=release.wait)
    other.start()
    print(before, alone, dbt_nursery.can_fork(), flush=True)
    release.set()
    other.join()
process = multiprocessing.get_context("fork").Process(target=task)
process.start()
process.join()
"""

_FORKED = """
import multiprocessing, os, sys
from pathlib import Path
import psutil
import lakehouse.pipeline.dbt_warm
from lakehouse.pipeline.dbt_nursery import DbtCommand, run_dbt_command
def task():
    done = run_dbt_command(DbtCommand(["--version"], Path(sys.argv[1]), dict(os.environ)))
    (nursery,) = psutil.Process().children()
    print(done.returncode, "duckdb" in done.stdout, "-m" in nursery.cmdline(), flush=True)
process = multiprocessing.get_context("fork").Process(target=task)
process.start()
process.join()
"""

_ENDLESS = """
import os, sys
from pathlib import Path
from lakehouse.pipeline.dbt_nursery import DbtCommand, run_dbt_command
folder, project = Path(sys.argv[1]), sys.argv[2]
query = "select count(*) from range(1000000000000) as a(i) where i % 7 = 3"
arguments = ["show", "--inline", query, "--project-dir", project, "--profiles-dir", project, "--target-path", str(folder / "dbt")]
run_dbt_command(DbtCommand(arguments, folder, {**os.environ, "CITYBRAIN_BUILD_DB": "build.duckdb"}))
"""


def _command(folder: Path, *arguments: str) -> DbtCommand:
    return DbtCommand(list(arguments), folder, {**os.environ, "CITYBRAIN_BUILD_DB": "build.duckdb"})


def test_a_command_says_what_the_executable_says_and_ends_as_it_does(tmp_path: Path) -> None:
    done = run_dbt_command(_command(tmp_path, "--version"))
    assert done.returncode == 0
    assert "duckdb" in done.stdout
    wrong = run_dbt_command(_command(tmp_path, "parse", "--project-dir", str(tmp_path / "nowhere")))
    assert wrong.returncode == 2
    assert "nowhere" in wrong.stdout


@pytest.mark.parametrize(("level", "has_details"), [("info", False), ("debug", True)])
def test_the_log_has_what_its_level_asks_for(tmp_path: Path, level: str, has_details: bool) -> None:
    """At the level of a run nothing words what nobody reads; who looks for a fault has all of it."""
    project = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(tmp_path / "dbt")]
    command = _command(tmp_path, "--log-path", str(tmp_path), "show", "--inline", "select 42 as answer", *project)
    command.environment["DBT_LOG_LEVEL_FILE"] = level

    done = run_dbt_command(command)

    told = (tmp_path / "dbt.log").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stdout
    assert "42" in done.stdout
    assert "[info " in told
    assert ("[debug]" in told) is has_details


def test_nothing_of_dbt_stays_in_the_caller(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from lakehouse.pipeline.dbt_nursery import DbtCommand, run_dbt_command\n"
        f"done = run_dbt_command(DbtCommand(['--version'], Path({str(tmp_path)!r}), dict(os.environ)))\n"
        "print(done.returncode, any(name.split('.')[0] == 'dbt' for name in sys.modules), os.getcwd())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False", os.getcwd()]


def test_a_process_is_forked_only_while_it_has_one_thread_and_dbt_imported() -> None:
    done = subprocess.run([sys.executable, "-c", _FORKABLE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]


def test_a_task_forks_for_dbt_and_both_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FORKED, str(tmp_path)], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    assert done.stdout.split() == ["0", "True", "False"]


def test_killing_the_caller_ends_the_command_as_well(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ENDLESS, str(tmp_path), str(PROJECT)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as caller:
        below = _two_below(caller)
        caller.send_signal(signal.SIGKILL)
        caller.wait()
        _, alive = psutil.wait_procs(below, timeout=SECONDS)
    assert not alive


def _two_below(caller: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Wait for nursery and command; return both."""
    watched = psutil.Process(caller.pid)
    while caller.poll() is None:
        below = watched.children(recursive=True)
        if len(below) >= 2:
            return below
    raise AssertionError("the caller ended by itself")
