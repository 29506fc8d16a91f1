"""Processes forked from one that has imported everything: a real one each, to be killed, without seconds of imports each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any


def processes() -> ForkServerContext:
    """Return what starts such processes; every test file takes it from here, since a session has one to fork from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warm_commands"])
    return context


def run_forked(work: Callable[..., None], *arguments: Any, **environment: str) -> int:
    """Do the work in a process of its own; return its exit code, negative for the signal that ended it."""
    process = processes().Process(target=_work, args=({**os.environ, **environment}, work, arguments))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def killed_at(fault: str, work: Callable[..., None], *arguments: Any, skip_guard: str = "") -> None:
    """Do the work in a process of its own that is killed at the fault point."""
    armed = {"CITYBRAIN_FAULT": fault, "CITYBRAIN_TEST": "1", "CITYBRAIN_UNSAFE_SKIP_GUARD": skip_guard}
    assert run_forked(work, *arguments, **armed) == -signal.SIGKILL, f"not killed at {fault}"


class Command:
    """``citybrain`` with these words on a home, in a process of its own, as its executable would do it."""

    def __init__(self, home: Path, *words: str, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="citybrain-command-")
        self._words = words
        surroundings = {**os.environ, "CITYBRAIN_HOME": str(home), **environment}
        self._process = processes().Process(target=_command, args=(surroundings, words, Path(self._folder.name)))
        self._process.start()

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def end(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end; return its exit code, negative for the signal that ended it, and what it printed."""
        self._process.join()
        assert self._process.exitcode is not None
        said = [(Path(self._folder.name) / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        self._folder.cleanup()
        return subprocess.CompletedProcess(self._words, self._process.exitcode, *said)


def citybrain(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return Command(home, *words, **environment).end()


def _work(environment: Mapping[str, str], work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    _surround(environment)
    work(*arguments)


def _command(environment: Mapping[str, str], words: tuple[str, ...], folder: Path) -> None:
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        with (folder / name).open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    _surround(environment)
    sys.argv = ["citybrain", *words]
    from infra.cli.main import run
    from lakehouse.pipeline.dbt_nursery import have_dbt_at_hand

    have_dbt_at_hand()  # by a fork, which it can be while there is one thread
    run()


def _surround(environment: Mapping[str, str]) -> None:
    """The process that this one was forked from has the environment of the test that needed it first."""
    os.environ.clear()
    os.environ.update(environment)
