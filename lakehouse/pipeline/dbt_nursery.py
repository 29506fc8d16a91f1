"""dbt in a process of its own, forked from one that has dbt imported already: the nursery.

dbt keeps global state and takes memory, and both are gone when a command's process ends. To import it takes seconds, so
the command's process is not a new one: it is forked from a process that did nothing but import dbt. That one is made once
per process that needs it, and ends with it. It is a fork too where that is safe - a task of Airflow starts with dbt
imported and one thread; a fork of a process with threads could inherit a lock that nobody opens any more.
"""

from __future__ import annotations

import gc
import io
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.util import Finalize
from pathlib import Path

import psutil

WARM = "lakehouse.pipeline.dbt_warm"
OUTPUT = "dbt-output.txt"
COLLECT_AFTER = 50_000  # new objects, where Python has 700: dbt makes a great many and ends soon
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class DbtCommand:
    """A command line without the word ``dbt``, the folder that it runs in, and its whole environment.

    With ``parsing``, another command line, the project is parsed by that one; see ``dbt_branch``.
    """

    arguments: list[str]
    folder: Path
    environment: dict[str, str]
    parsing: list[str] = field(default_factory=list)


class _Nursery:
    """The caller's end of a nursery."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        ours, theirs = socket.socketpair()
        if can_fork():
            self._forked(ours, theirs)
        else:
            self._process = self._spawned(theirs)
        theirs.close()
        self._orders = Connection(ours.detach())
        # Before multiprocessing waits for its children at the end of this process, or each would wait for the other.
        Finalize(self, self._orders.close, exitpriority=1)
        self._lock = threading.Lock()

    def run(self, command: DbtCommand) -> int:
        """Run one command to its end and return its exit code; when this is interrupted, so is the command."""
        with self._lock:
            try:
                self._orders.send(command)
                code: int = self._orders.recv()
            except BaseException:
                self._orders.close()
                raise
        return code

    @property
    def is_usable(self) -> bool:
        """Say whether this process, and not one that it was forked from, can send orders."""
        return self.pid == os.getpid() and not self._orders.closed

    @staticmethod
    def _forked(ours: socket.socket, theirs: socket.socket) -> None:
        # Its copy of our end is closed: it sees that nobody needs it any more when ours is.
        def born() -> None:
            ours.close()
            _serve(Connection(theirs.detach()))

        _FORK.Process(target=born, name="dbt-nursery", daemon=False).start()

    @staticmethod
    def _spawned(theirs: socket.socket) -> subprocess.Popen[bytes]:
        descriptor = theirs.fileno()
        command = [sys.executable, "-P", "-m", __name__, str(descriptor)]
        return subprocess.Popen(command, pass_fds=[descriptor], stdin=subprocess.DEVNULL)


_nursery: _Nursery | None = None


def have_dbt_at_hand() -> None:
    """Make the nursery now, when there is none: it imports dbt meanwhile, and later it might not be a fork any more."""
    global _nursery
    if _nursery is None or not _nursery.is_usable:
        _nursery = _Nursery()


def run_dbt_command(command: DbtCommand) -> subprocess.CompletedProcess[str]:
    """Run one dbt command; return its exit code (negative: ended by that signal) and what it printed."""
    have_dbt_at_hand()
    output = command.folder / OUTPUT
    output.unlink(missing_ok=True)
    try:
        assert _nursery is not None
        code = _nursery.run(command)
    except (EOFError, ConnectionError):
        code = -signal.SIGKILL  # somebody ended the nursery, and it took the command along
    said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    return subprocess.CompletedProcess(command.arguments, code, said, "")


def can_fork() -> bool:
    """Say whether this process may be forked for dbt: it is imported, and there is no second thread that holds a lock."""
    return WARM in sys.modules and sys.platform == "linux" and psutil.Process().num_threads() == 1


def _serve(orders: Connection) -> None:
    """Run one command after the other, each in a fork; end, with the command that runs, when nobody needs them any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    import_module(WARM)
    gc.freeze()  # a collection in a command would touch, and so copy, every page that is shared with this process
    while True:
        try:
            command: DbtCommand = orders.recv()
        except (EOFError, ConnectionError):
            return
        process = _FORK.Process(target=_run, args=(command, orders.close), name="dbt")
        process.start()
        if orders in wait([orders, process.sentinel]):
            process.kill()
            return
        process.join()
        orders.send(process.exitcode)


def _run(command: DbtCommand, hang_up: Callable[[], None]) -> None:
    """Do in this process what the executable ``dbt`` does; it ends with dbt's exit code."""
    hang_up()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(command.environment)
    os.chdir(command.folder)
    with Path(OUTPUT).open("wb", buffering=0) as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        # What was there may be Airflow's, which carries what is printed to the log of the task.
        sys.stdout = sys.stderr = io.TextIOWrapper(sink, encoding="utf-8", line_buffering=True)
        from dbt.cli.main import cli

        from lakehouse.pipeline.dbt_warm import tell_only_what_is_heard

        tell_only_what_is_heard()
        if command.parsing:
            from lakehouse.pipeline.dbt_branch import run_on_branch

            sys.exit(run_on_branch(command.parsing, command.arguments))
        cli.main(args=command.arguments, prog_name="dbt")


if __name__ == "__main__":
    # Under its real name, so that orders are what they are at the other end.
    import_module("lakehouse.pipeline.dbt_nursery")._serve(Connection(int(sys.argv[1])))
