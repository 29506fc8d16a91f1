"""How slow this machine is: a promise in seconds is made for the machine that figures in the documentation are from."""

from __future__ import annotations

import time

STEPS = 500_000
SECONDS = 0.03  # that such a machine takes for these steps, at the least


def slowness() -> float:
    """Return how many times longer this machine takes now; 1.0 where it is as fast or faster."""
    return max(1.0, min(_seconds() for _ in range(3)) / SECONDS)


def _seconds() -> float:
    started, total = time.process_time(), 0
    for step in range(STEPS):
        total += step * step % 7
    return time.process_time() - started
