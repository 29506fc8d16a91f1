"""Run the arms of a benchmark against each other: every repetition of every arm in a fresh process, interleaved.

A fresh process gives an honest peak memory, and no arm profits from what another left in memory. Arms are
interleaved (ours, floor, peer, ours, floor, …), so that a slow minute of the machine hits them all.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from multiprocessing.connection import Connection as Pipe
from typing import Any

OURS = "ours"
FLOOR = "floor"
DEFAULT_VERSIONS = ("citybrain", "duckdb", "pyarrow", "pyiceberg")


@dataclass(frozen=True)
class ArmResult:
    """What one repetition of an arm gives back.

    ``seconds`` is the measured part only, without set-up; ``outcome`` is compared between arms (None: not comparable);
    ``notes`` are kept with the arm.
    """

    seconds: float
    outcome: Any = None
    notes: dict[str, Any] = field(default_factory=dict)


Arm = Callable[[], ArmResult]


class ArmFailed(RuntimeError):
    """An arm ended without a result."""


def measure(work: Callable[[], Any], outcome: Callable[[Any], Any] | None = None) -> ArmResult:
    """Time one call; ``outcome`` makes the comparable result of what it returned, outside the measured time."""
    started = time.perf_counter()
    value = work()
    seconds = time.perf_counter() - started
    return ArmResult(seconds, outcome(value) if outcome else None)


def run_arms(
    name: str,
    params: Mapping[str, Any],
    arms: Mapping[str, Arm],
    repeat: int = 5,
    *,
    versions: tuple[str, ...] = DEFAULT_VERSIONS,
    once: frozenset[str] = frozenset(),
    figures: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run ``repeat`` interleaved rounds and return the benchmark in the form of ``citybrain bench --json``.

    Arms are picklable callables (module-level functions or ``functools.partial`` of them), because each repetition
    runs in a spawned process; they are named ``ours``, ``floor`` and ``peer:<name>``. An arm in ``once`` runs in the
    first round only (a slow peer). ``figures`` makes what is kept with an arm of the notes of all its repetitions,
    instead of the last notes. ``ratios`` are other seconds / our seconds, of the medians: above 1.0 we are faster.
    """
    runs: dict[str, list[tuple[ArmResult, float]]] = {arm: [] for arm in arms}
    for round_number in range(repeat):
        for arm, function in arms.items():
            if round_number and arm in once:
                continue
            if progress:
                progress(f"{name}: {arm}, round {round_number + 1} of {repeat}")
            runs[arm].append(run_isolated(function))
    return {
        "name": name,
        "params": dict(params) | {"repeat": repeat},
        "arms": {arm: _summary(results, figures) for arm, results in runs.items()},
        "ratios": _ratios(runs),
        "equal": _all_equal(runs),
        "versions": {package: version(package) for package in versions},
    }


def run_isolated(arm: Arm) -> tuple[ArmResult, float]:
    """Run an arm once in a spawned process; return its result and its peak memory in MiB."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(arm, sender))
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        answer = "the process ended without a result (killed, or out of memory)"
    process.join()
    if isinstance(answer, str):
        raise ArmFailed(answer)
    result, peak_mib = answer
    return result, peak_mib


def _child(arm: Arm, sender: Pipe) -> None:
    try:
        result = arm()
    except Exception:  # the parent reports it; the child has nobody to raise to
        sender.send(traceback.format_exc())
        return
    # ru_maxrss is in KiB on Linux; children of the arm (a command-line peer) count as well.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    sender.send((result, max(own, children) / 1024))


def _summary(
    results: list[tuple[ArmResult, float]], figures: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None
) -> dict[str, Any]:
    seconds = [result.seconds for result, _ in results]
    summary: dict[str, Any] = {
        "seconds": [round(value, 4) for value in seconds],
        "median": round(statistics.median(seconds), 4),
        "spread": round(max(seconds) - min(seconds), 4),
        "peak_mib": round(max(peak for _, peak in results), 1),
    }
    if figures:
        return summary | figures([result.notes for result, _ in results])
    notes = results[-1][0].notes
    return summary | ({"notes": notes} if notes else {})


def _ratios(runs: dict[str, list[tuple[ArmResult, float]]]) -> dict[str, float]:
    medians = {arm: statistics.median(result.seconds for result, _ in results) for arm, results in runs.items()}
    return {arm: round(median / medians[OURS], 3) for arm, median in medians.items() if arm != OURS}


def _all_equal(runs: dict[str, list[tuple[ArmResult, float]]]) -> bool:
    outcomes = [result.outcome for results in runs.values() for result, _ in results if result.outcome is not None]
    return all(outcome == outcomes[0] for outcome in outcomes)
