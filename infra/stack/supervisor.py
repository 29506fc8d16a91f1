"""The process that keeps a stack up: it starts each server, asks after it, and starts it again when it crashed.

One thread watches one server. A server outlives its supervisor: the next one finds it by pid and start time and goes on.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from infra.cli.output import UserError
from infra.host.files import keep_small
from infra.host.processes import Service, end, end_left, is_running, start, tail
from infra.stack.build import build_services
from infra.stack.places import StackPlaces
from infra.stack.service import StackService, Unhealthy
from infra.stack.settings import StackSettings
from infra.stack.state import Board, Known, Phase, read_wanted

RETRY_SIGNAL = signal.SIGHUP

log = structlog.get_logger()


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds."""

    poll: float = 0.4  # between looks at a process
    probe: float = 0.3  # between questions to a server that starts
    check: float = 15.0  # between questions to a server that serves
    again: float = 1.0  # between questions to one that did not answer the last
    first_backoff: float = 0.5
    last_backoff: float = 20.0
    stop: float = 45.0
    crashes: int = 5  # as many within the window, and it is given up
    window: float = 300.0


class Watch:
    """One server, from waiting for what it needs until it is told to stop."""

    def __init__(
        self, service: StackService, board: Board, places: StackPlaces, stopping: threading.Event, patience: Patience
    ) -> None:
        self.service, self.name = service, service.name
        self._board, self._places, self._stopping, self._patience = board, places, stopping, patience
        self._crashes: deque[float] = deque()
        self._process: Service | None = None

    def run(self) -> None:
        """Keep the server up until told to stop; whatever goes wrong ends here, recorded."""
        self._adopt()
        while not self._stopping.is_set():
            try:
                self._wait_for_needs()
                if self._stopping.is_set():
                    break
                reason = self._live()
            except UserError as fault:  # what a person must mend does not mend itself
                self._give_up(str(fault))
                return
            except Exception as fault:  # a watch that dies silently would leave a server unwatched
                reason = str(fault) or type(fault).__name__
            if self._stopping.is_set():
                break
            if not self._may_try_again(reason):
                return
        self._stop()

    def _adopt(self) -> None:
        """Take over a server that an earlier supervisor left running."""
        known = self._board.get(self.name)
        if known.runs(self.name, self._places):
            self._process = known.process(self.name, self._places)
            log.info("adopted", service=self.name, pid=known.pid)
        else:
            self._board.put(self.name, Known(phase=Phase.WAITING, since=time.time(), restarts=known.restarts))

    def _wait_for_needs(self) -> None:
        while not self._stopping.is_set():
            lacking = [need for need in self.service.needs if self._board.get(need).phase is not Phase.HEALTHY]
            if not lacking:
                return
            if self._process is not None and is_running(self._process):
                return
            if self._board.get(self.name).phase is not Phase.RESTARTING:
                self._board.change(self.name, phase=Phase.WAITING, reason=f"waits for {', '.join(lacking)}")
            self._stopping.wait(self._patience.poll)

    def _live(self) -> str:
        """Start the server unless it runs, then stay with it until it ends; return why it ended."""
        if self._process is None or not is_running(self._process):
            self._start()
        assert self._process is not None
        self._become_healthy(self._process)
        asked, pause = time.monotonic(), self._patience.check
        while not self._stopping.wait(self._patience.poll):
            if not is_running(self._process):
                return "it ended by itself"
            if time.monotonic() - asked >= pause:
                pause = self._patience.check if self._ask() else self._patience.again
                keep_small(self._places.log(self.name))
                asked = time.monotonic()
        return ""

    def _start(self) -> None:
        if self._process is not None:
            end_left(self._process)
        known = self._board.change(self.name, phase=Phase.STARTING, since=time.time(), reason="", pid=0, started="")
        self.service.prepare()
        launch = self.service.launch()
        self._process = start(
            self.name,
            launch.command,
            environment=launch.environment,
            log=self._places.log(self.name),
            folder=self.service.folder,
            account=launch.account,
        )
        self._board.put(
            self.name,
            Known(Phase.STARTING, self._process.pid, self._process.started, time.time(), known.restarts),
        )
        log.info("started", service=self.name, pid=self._process.pid)

    def _become_healthy(self, process: Service) -> None:
        """Ask until the server answers, then make in it what others expect.

        Raises:
            Unhealthy: it ended, or took too long.
        """
        deadline = time.monotonic() + self.service.start_seconds
        reason = "it was not asked yet"
        while not self._stopping.is_set():
            if not is_running(process):
                raise Unhealthy(f"it ended while it started; the end of its log:\n{tail(process)}")
            if time.monotonic() > deadline:
                end(process, self.service.stop_signal, self._patience.stop)
                raise Unhealthy(f"it did not serve within {self.service.start_seconds:.0f} s: {reason}")
            try:
                self.service.check()
                self.service.furnish()
            except Unhealthy as fault:
                reason = str(fault)
                self._board.change(self.name, reason=reason)
                self._stopping.wait(self._patience.probe)
                continue
            self._board.change(self.name, phase=Phase.HEALTHY, since=time.time(), reason="")
            log.info("healthy", service=self.name, pid=process.pid)
            return

    def _ask(self) -> bool:
        """Ask a server that serves, and say if it answers; one that does not is said to be unhealthy, and left to its work."""
        before = self._board.get(self.name)
        try:
            self.service.check()
        except Unhealthy as fault:
            if before.phase is Phase.HEALTHY:
                log.warning("unhealthy", service=self.name, reason=str(fault))
                self._board.change(self.name, phase=Phase.UNHEALTHY, since=time.time(), reason=str(fault))
            return False
        if before.phase is not Phase.HEALTHY:
            log.info("healthy again", service=self.name)
            self._board.change(self.name, phase=Phase.HEALTHY, since=time.time(), reason="")
        return True

    def _may_try_again(self, reason: str) -> bool:
        """Wait a little longer after each crash; say no after too many in a short time."""
        now = time.monotonic()
        self._crashes.append(now)
        while self._crashes and now - self._crashes[0] > self._patience.window:
            self._crashes.popleft()
        known = self._board.get(self.name)
        if len(self._crashes) >= self._patience.crashes:
            self._give_up(reason)
            return False
        backoff = min(self._patience.first_backoff * 2 ** (len(self._crashes) - 1), self._patience.last_backoff)
        log.warning("restarting", service=self.name, reason=reason, seconds=backoff)
        self._board.put(
            self.name, Known(Phase.RESTARTING, since=time.time(), restarts=known.restarts + 1, reason=reason)
        )
        self._stopping.wait(backoff)
        return True

    def _give_up(self, reason: str) -> None:
        """Say it loudly, and leave nothing half alive."""
        if self._process is not None:
            end(self._process, self.service.stop_signal, self._patience.stop)
        restarts = self._board.get(self.name).restarts
        self._board.put(self.name, Known(Phase.FAILED, since=time.time(), restarts=restarts, reason=reason))
        log.error("given up", service=self.name, reason=reason)

    def _stop(self) -> None:
        if self._process is not None:
            end(self._process, self.service.stop_signal, self._patience.stop)
            log.info("stopped", service=self.name, pid=self._process.pid)
        self._board.put(self.name, Known(Phase.STOPPED, since=time.time()))


class Supervisor:
    """All watches of one home."""

    def __init__(
        self,
        places: StackPlaces,
        services: Iterable[StackService],
        wanted: Callable[[], list[str]],
        patience: Patience | None = None,
    ) -> None:
        self._places, self._wanted, self._patience = places, wanted, patience or Patience()
        self._services = {service.name: service for service in services}
        self._board = Board(places)
        self._stops = {name: threading.Event() for name in self._services}
        self._threads: dict[str, threading.Thread] = {}
        self._ending, self._retrying = threading.Event(), threading.Event()

    def request_retry(self) -> None:
        """Let ``run`` try those again that were given up."""
        self._retrying.set()

    def request_end(self) -> None:
        """Let ``run`` stop everything and return."""
        self._ending.set()

    def run(self) -> None:
        """Watch what is wanted until told to end; then stop the servers, those that others need last."""
        while not self._ending.wait(self._patience.poll):
            if self._retrying.is_set():
                self._retrying.clear()
                self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
            for name in self._wanted():
                if name in self._services and name not in self._threads:
                    self._watch(name)
        self._stop_all()

    def _watch(self, name: str) -> None:
        watch = Watch(self._services[name], self._board, self._places, self._stops[name], self._patience)
        thread = threading.Thread(target=watch.run, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def _stop_all(self) -> None:
        left = set(self._threads)
        while left:
            needed = {need for name in left for need in (*self._services[name].needs, *self._services[name].uses)}
            layer = sorted(left - needed) or sorted(left)
            for name in layer:
                self._stops[name].set()
            for name in layer:
                self._threads[name].join()
            left -= set(layer)


def main(home: str) -> None:
    """Supervise the stack of a home until told to end by a signal."""
    places = StackPlaces(Path(home))
    settings = StackSettings.load(places)
    if settings is None:
        sys.exit(f"{places.settings} is missing: start the stack with `citybrain stack up`")
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    supervisor = Supervisor(places, build_services(places, settings).values(), lambda: read_wanted(places))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.request_end())
    signal.signal(RETRY_SIGNAL, lambda *_: supervisor.request_retry())
    supervisor.run()


if __name__ == "__main__":
    main(sys.argv[1])
