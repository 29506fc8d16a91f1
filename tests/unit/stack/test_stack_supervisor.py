"""The supervisor: it starts what is wanted, starts again what crashed, gives up what crashes on, and stops in order."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from small_server import SmallServer

from infra.cli.output import UserError
from infra.host.ports import bindable
from infra.stack.control import stack_down
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.service import Launch, StackService, Unhealthy
from infra.stack.settings import StackSettings
from infra.stack.state import Known, Phase, read_state
from infra.stack.supervisor import Patience, Supervisor

PATIENCE = Patience(
    poll=0.02, probe=0.02, check=0.05, again=0.05, first_backoff=0.02, last_backoff=0.1, stop=5, crashes=3, window=60
)
WAIT_SECONDS = 20.0


@pytest.fixture
def make(places: StackPlaces, stack_settings: StackSettings, parts: Parts) -> Callable[..., StackService]:
    """Make a small server of a class, on a free port."""

    def build(kind: type[SmallServer] = SmallServer, **changes: object) -> StackService:
        described = type(kind.__name__, (kind,), {"port": bindable(0), **changes})
        server: StackService = described(places, stack_settings, parts)
        return server

    return build


@contextmanager
def supervised(places: StackPlaces, *services: StackService, names: list[str] | None = None) -> Iterator[Supervisor]:
    wanted = names if names is not None else [service.name for service in services]
    supervisor = Supervisor(places, services, lambda: wanted, PATIENCE)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.request_end()
        thread.join()


def wait_for(places: StackPlaces, name: str, fits: Callable[[Known], bool]) -> Known:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        known = read_state(places).get(name, Known())
        if fits(known):
            return known
        threading.Event().wait(0.01)
    raise AssertionError(f"{name} did not come to that: {read_state(places).get(name)}")


def is_healthy(known: Known) -> bool:
    return known.phase is Phase.HEALTHY


def test_a_wanted_service_comes_to_serve_and_is_stopped_in_the_end(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:
    service = make()

    with supervised(places, service):
        known = wait_for(places, "small", is_healthy)
        service.check()

    assert not known.runs("small", places)
    assert read_state(places)["small"].phase is Phase.STOPPED
    with pytest.raises(Unhealthy):
        service.check()


def test_what_is_not_wanted_is_not_started(places: StackPlaces, make: Callable[..., StackService]) -> None:
    other = make(name="other")

    with supervised(places, make(), other, names=["small"]):
        wait_for(places, "small", is_healthy)

    assert "other" not in read_state(places)


def test_a_killed_service_is_started_again(places: StackPlaces, make: Callable[..., StackService]) -> None:
    with supervised(places, make()):
        first = wait_for(places, "small", is_healthy)
        os.kill(first.pid, signal.SIGKILL)
        second = wait_for(places, "small", lambda known: is_healthy(known) and known.pid != first.pid)

    assert second.restarts == 1


def test_children_that_a_killed_service_left_are_gone_before_it_is_started_again(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    with supervised(places, make(program=child + SmallServer.program)):
        first = wait_for(places, "small", is_healthy)
        children = psutil.Process(first.pid).children()
        os.kill(first.pid, signal.SIGKILL)
        wait_for(places, "small", lambda known: is_healthy(known) and known.pid != first.pid)

        assert len(children) == 1
        assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE


def test_a_service_that_crashes_on_is_given_up_with_the_end_of_its_log(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:
    service = make(program="raise SystemExit('the disk is full')")

    with supervised(places, service):
        known = wait_for(places, "small", lambda known: known.phase is Phase.FAILED)

    assert "the disk is full" in known.reason
    assert known.restarts == PATIENCE.crashes - 1


def test_what_was_given_up_is_tried_again_when_asked(
    places: StackPlaces, make: Callable[..., StackService], tmp_path: Path
) -> None:
    repaired = tmp_path / "repaired"
    guard = f"import os, sys; os.path.exists({str(repaired)!r}) or sys.exit(1); "
    service = make(program=guard + SmallServer.program)

    with supervised(places, service) as supervisor:
        wait_for(places, "small", lambda known: known.phase is Phase.FAILED)
        repaired.touch()
        supervisor.request_retry()
        wait_for(places, "small", is_healthy)


def test_a_service_that_never_answers_is_killed_and_given_up(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:
    service = make(program="import time; time.sleep(600)", start_seconds=0.1)

    with supervised(places, service):
        known = wait_for(places, "small", lambda known: known.phase is Phase.FAILED)

    assert "did not serve within" in known.reason


def test_a_service_waits_for_what_it_needs_and_is_stopped_before_it(
    places: StackPlaces, make: Callable[..., StackService], tmp_path: Path
) -> None:
    gate, order = tmp_path / "gate", tmp_path / "order"
    note = (
        "import signal, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *_: (open({order!r}, 'a').write('{name} '), sys.exit(0)));"
    )

    class Needed(SmallServer):
        name = "needed"
        program = note.format(order=str(order), name="needed") + SmallServer.program

        def check(self) -> None:
            super().check()
            if not gate.exists():
                raise Unhealthy("not yet")

    needing = make(needs=("needed",), program=note.format(order=str(order), name="small") + SmallServer.program)

    with supervised(places, make(Needed), needing):
        waiting = wait_for(places, "small", lambda known: known.reason == "waits for needed")
        assert waiting.pid == 0
        gate.touch()
        wait_for(places, "small", is_healthy)

    assert order.read_text().split() == ["small", "needed"]


def test_a_service_that_stops_answering_is_said_to_be_unhealthy_and_left_to_its_work(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:
    with supervised(places, make()):
        first = wait_for(places, "small", is_healthy)
        os.kill(first.pid, signal.SIGSTOP)
        wait_for(places, "small", lambda known: known.phase is Phase.UNHEALTHY)
        os.kill(first.pid, signal.SIGCONT)
        again = wait_for(places, "small", is_healthy)

    assert again.pid == first.pid


def test_a_new_supervisor_takes_over_what_still_runs(places: StackPlaces, make: Callable[..., StackService]) -> None:
    service = make()
    first = Supervisor(places, [service], lambda: ["small"], PATIENCE)
    threading.Thread(target=first.run, daemon=True).start()  # it is never told to end, as if it had been killed
    before = wait_for(places, "small", is_healthy)

    with supervised(places, service):
        known = wait_for(places, "small", lambda known: is_healthy(known) and known.since > before.since)
        assert known.pid == before.pid

    assert not before.runs("small", places)
    first.request_end()


def test_what_only_a_person_can_mend_is_given_up_at_once(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:

    class Closed(SmallServer):
        def prepare(self) -> None:
            raise UserError("the folder is closed")

    with supervised(places, make(Closed)):
        known = wait_for(places, "small", lambda known: known.phase is Phase.FAILED)

    assert (known.reason, known.restarts) == ("the folder is closed", 0)


def test_a_fault_that_nobody_foresaw_does_not_leave_a_service_unwatched(
    places: StackPlaces, make: Callable[..., StackService]
) -> None:
    tries: list[int] = []

    class Odd(SmallServer):
        def launch(self) -> Launch:
            tries.append(1)
            if len(tries) == 1:
                raise OSError("odd")
            return super().launch()

    with supervised(places, make(Odd)):
        known = wait_for(places, "small", is_healthy)

    assert known.restarts == 1


def test_the_record_is_whole_whenever_it_is_read(places: StackPlaces, make: Callable[..., StackService]) -> None:
    with supervised(places, make(), make(name="second")):
        seen = [read_state(places) for _ in range(300)]
        wait_for(places, "second", is_healthy)

    assert all(set(state) <= {"small", "second"} for state in seen)


def test_two_commands_do_not_change_a_stack_at_once(places: StackPlaces) -> None:

    places.root.mkdir(parents=True)
    with FileLock(places.lock), pytest.raises(UserError, match="another command"):
        stack_down(places)
