"""A job in a process of its own, for whoever orchestrates: with a time limit, and ended with all that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import structlog

JOBS = ("backfill_resource", "compact_table", "resolve_entities", "rollup_readings")
STOP_SECONDS = 20.0

log = structlog.get_logger(__name__)


class JobFailed(RuntimeError):
    """A job ended without success; ``exit_code`` says in which way (see ``spark_jobs.job``)."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Submission:
    """One run of a job. What it logs goes to this process's stderr; no argument may be secret."""

    def __init__(self, job: str, arguments: Sequence[str]) -> None:
        if job not in JOBS:
            raise ValueError(f"there is no job {job!r}; there are {', '.join(JOBS)}")
        self.job = job
        # A session of its own: Spark's Python workers leave the process group, but not the session.
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"spark_jobs.{job}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process that leads the session."""
        return self._process.pid

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the end and return the result.

        Raises:
            JobFailed: the job did not succeed, or took longer than ``timeout`` seconds and was ended.
        """
        try:
            said, _ = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise JobFailed(f"{self.job} took longer than {timeout:g} s and was ended", -signal.SIGTERM) from None
        finally:
            self.end()
        result = _last_json(said)
        if self._process.returncode != 0:
            message = (
                result.get("error") or _reasons(result) or f"{self.job} ended with code {self._process.returncode}"
            )
            raise JobFailed(message, self._process.returncode)
        return result

    def end(self) -> None:
        """End every process of the session, first asking, then not; none is left when this returns."""
        running = _session(self.pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in running:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            _, running = psutil.wait_procs(running, timeout=STOP_SECONDS)
        self._process.poll()


def _session(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _last_json(said: str) -> dict[str, Any]:
    lines = said.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reasons(result: dict[str, Any]) -> str:
    return "; ".join(
        f"{b['delivery']}: {b['reason']}" for b in result.get("batches", []) if b.get("status") == "failed"
    )
