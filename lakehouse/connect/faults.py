"""Named places where a test kills the process, and the switches that turn one guard off for a negative control.

Both are for tests only and do nothing unless their environment variable is set.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal

FaultName = Literal[
    "after-data-files",
    "after-metadata",
    "after-commit",
    "in-publish",
    "between-stores",
    "after-publish",
    "backup-store",
    "backup-objects",
    "backup-manifest",
    "restore-files",
    "restore-databases",
    "restore-placing",
]
GuardName = Literal["batch-id", "publish-transaction", "fencing", "intent", "kept-files", "unfinished-restore"]

_passages: Counter[str] = Counter()


def fault_point(name: FaultName) -> None:
    """Kill this process when ``CITYBRAIN_FAULT`` names this point (``name`` or ``name:N``, its Nth passage)."""
    wanted = os.environ.get("CITYBRAIN_FAULT")
    if not wanted:
        return
    wanted_name, _, nth = wanted.partition(":")
    if wanted_name != name:
        return
    _passages[name] += 1
    if _passages[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def guard_off(name: GuardName) -> bool:
    """Tell whether a test switched this guard off; refused outside tests (``CITYBRAIN_TEST=1``)."""
    if os.environ.get("CITYBRAIN_UNSAFE_SKIP_GUARD") != name:
        return False
    return os.environ.get("CITYBRAIN_TEST") == "1"
