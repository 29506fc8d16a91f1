"""The stack that the tests share: started when the first test asks for it, stopped when the last process is done with it."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import psutil
from filelock import FileLock

from infra.cli.output import UserError
from infra.stack.control import stack_down, stack_up
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.settings import ObjectStore, StackSettings
from infra.stack.status import StackStatus
from tests.conftest import skip_aloud

STACK_HOME = "CITYBRAIN_TEST_STACK_HOME"
SERVERS = ("postgres", "minio", "nessie", "trino")  # what tests share; those of Airflow start one of their own
# Without the optimising compiler and the verification of classes, whose cost a server of minutes never earns back.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote")


def stack_home() -> Path:
    """Return the home of a stack that serves: the one named in the environment, else one of this test session's own.

    The running test is skipped, aloud, when this machine lacks what a stack needs; continuous integration fails then.
    """
    named = os.environ.get(STACK_HOME)
    if not named:
        return _own_home()
    if not StackPlaces(Path(named)).cluster_file.exists():
        raise RuntimeError(f"{STACK_HOME}={named} has no stack: CITYBRAIN_HOME={named} citybrain stack up")
    return Path(named)


def refuse_missing(services: tuple[str, ...]) -> None:
    """Skip the running test when this machine lacks what these services need."""
    lacks = Parts().missing(services)
    if lacks:
        skip_aloud("; ".join(lack.what for lack in lacks), "; ".join(lack.install for lack in lacks))


def new_home(prefix: str) -> Path:
    """Return a new folder that servers which run as another user can pass through; temporary folders of pytest are closed."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    return folder


def quick_stack_up(
    places: StackPlaces, *, only: Sequence[str] = (), object_store: ObjectStore = "minio"
) -> StackStatus:
    """Start a stack; a new one has settings with which its servers start in half the processor time."""
    if not places.settings.exists():
        chosen = {"trino_java_options": (*QUICK, "-Xmn512m"), "nessie_java_options": QUICK}
        StackSettings.make(object_store).model_copy(update=chosen).save(places)
    return stack_up(places, only=only)


def _own_home() -> Path:
    refuse_missing(SERVERS)
    home, fault = _start()
    if fault:
        raise RuntimeError(f"the stack does not start: {fault}")
    return home


@lru_cache(maxsize=1)
def _start() -> tuple[Path, str]:
    """Start the stack of this test session, or find it started by another of its processes; a failure is remembered."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    place = Path(tempfile.gettempdir()) / f"citybrain-test-stack-{os.getuid()}-{run}"
    place.mkdir(mode=0o711, exist_ok=True)
    with FileLock(place / "holders.lock"):
        _write_holders(place, [*_holders(place), os.getpid()])
        atexit.register(_release, place)
        places = StackPlaces(place / "home")
        try:
            quick_stack_up(places, only=SERVERS)
        except UserError as error:
            return places.home, str(error)
    return places.home, ""


def _release(place: Path) -> None:
    """Stop the stack when no other process of the test session holds it."""
    with FileLock(place / "holders.lock"):
        left = [pid for pid in _holders(place) if pid != os.getpid()]
        _write_holders(place, left)
        if left:
            return
        stack_down(StackPlaces(place / "home"))
    shutil.rmtree(place, ignore_errors=True)


def _holders(place: Path) -> list[int]:
    record = place / "holders.json"
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else []
    return [pid for pid in known if psutil.pid_exists(pid)]


def _write_holders(place: Path, pids: list[int]) -> None:
    (place / "holders.json").write_text(json.dumps(sorted(set(pids))), encoding="utf-8")
