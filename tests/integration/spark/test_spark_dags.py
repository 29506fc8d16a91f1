"""Airflow submits the jobs, and ends what it submitted."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow.sdk.exceptions import AirflowFailException

from dags.spark import SparkJobOperator, spark_dags
from spark_jobs import submission
from spark_jobs.submission import JobFailed, Submission

pytestmark = pytest.mark.integration

# A process that has a child outside its process group, as Spark's Python workers are.
STRAY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); print('up', flush=True); time.sleep(600)"],
                         stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, file=sys.stderr, flush=True)
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(600)
"""


def _stand_in(monkeypatch: pytest.MonkeyPatch, program: str, *arguments: str) -> None:
    """Let a small program stand in for a job."""
    plain = submission.subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        return plain([sys.executable, "-c", program, *arguments], **options)

    monkeypatch.setattr(submission.subprocess, "Popen", popen)


def test_dags_are_there_in_the_cluster_profile_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITYBRAIN_PROFILE", raising=False)
    assert spark_dags() == {}
    monkeypatch.setenv("CITYBRAIN_PROFILE", "cluster")
    found = spark_dags()
    assert {name: sorted(dag.task_ids) for name, dag in found.items()} == {
        "maintenance_spark": ["resolve_entities", "rollup_readings"],
        "backfill_spark": ["backfill_resource"],
    }
    assert all(task.job in submission.JOBS for dag in found.values() for task in dag.tasks)


def test_result_of_a_job_is_that_of_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "print('chatter'); print('{\"rows\": 3}')")
    task = SparkJobOperator(task_id="t", job="rollup_readings")
    assert task.execute({}) == {"rows": 3}


@pytest.mark.parametrize(("code", "fault"), [(2, AirflowFailException), (3, AirflowFailException), (1, JobFailed)])
def test_only_faults_that_may_pass_are_retried(
    code: int, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps({"ok": False, "error": "no such folder"})
    _stand_in(monkeypatch, f"print('''{said}'''); raise SystemExit({code})")
    with pytest.raises(fault, match="no such folder"):
        SparkJobOperator(task_id="t", job="backfill_resource").execute({})


def _started_stray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Submission, psutil.Process]:
    told = tmp_path / "child"
    _stand_in(monkeypatch, STRAY, str(told))
    running = Submission("rollup_readings", [])
    deadline = time.monotonic() + 60
    while not (told.exists() and told.read_text()):
        assert time.monotonic() < deadline
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(running.pid).wait(timeout=0.1)
    return running, psutil.Process(int(told.read_text()))


def test_stopped_task_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    task = SparkJobOperator(task_id="t", job="rollup_readings")
    task._submission, stray = _started_stray(monkeypatch, tmp_path)
    task.on_kill()
    assert not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE
    assert not psutil.pid_exists(task._submission.pid)


def test_job_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running, stray = _started_stray(monkeypatch, tmp_path)
    with pytest.raises(JobFailed, match="took longer") as late:
        running.result(timeout=0.1)
    assert late.value.exit_code == -signal.SIGTERM
    assert not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE


def test_unknown_job_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no job"):
        Submission("rm", ["-rf"])
