"""The whole pipeline on one branch: ingest, check, transform, check, publish in one step, or stay blocked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from catalog.contract.model import Contract
from lakehouse.branches import Branch, current_snapshot, diverged, drop_branch, mark_blocked, open_branch, publish
from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome, ingest_order, ingest_resource
from lakehouse.pipeline.building import build
from lakehouse.pipeline.dbt_nursery import have_dbt_at_hand
from lakehouse.pipeline.fingerprints import EVERYTHING, built_before, remember_build
from lakehouse.pipeline.inputs import Inputs, load_inputs
from lakehouse.pipeline.ops_tables import OUTCOMES, read_ops, record_outcomes
from lakehouse.pipeline.report import RunReport, write_report
from lakehouse.sources import SourceSystem

Progress = Callable[[str, int, int], None]

log = structlog.get_logger(__name__)


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Show no progress."""


def run_pipeline(
    settings: Settings, source: SourceSystem, *, only: str | None = None, progress: Progress = quiet
) -> RunReport:
    """Take in every delivery, build and check everything on a branch of its own, and publish it in one step.

    ``main`` changes at the very end or not at all. Whatever goes wrong before, the same call again is safe.

    Raises:
        WrongInput: the contracts are faulty, or ``only`` names none.
    """
    started = time.monotonic()
    have_dbt_at_hand()
    inputs = load_inputs(approved=settings.contracts)
    wanted = inputs.named(only)
    branch = open_branch(settings, new_name("run"))
    log.info("run started", branch=branch.name, resources=len(wanted))
    outcomes = ingest_all(settings, branch, inputs, wanted, source, progress)
    report = _conclude(settings, branch, inputs, outcomes, progress)
    log.info("run ended", branch=branch.name, published=report["published"], tables=report["tables_changed"])
    return RunReport(
        branch=branch.name,
        batches=[outcome.to_json() for outcome in outcomes],
        seconds=time.monotonic() - started,
        **report,
    )


def new_name(prefix: str) -> str:
    """Return a branch name that sorts by time and that no other run has."""
    return f"{prefix}_{datetime.now(UTC):%Y%m%d_%H%M%S}_{secrets.token_hex(3)}"


def ingest_all(
    settings: Settings,
    branch: Branch,
    inputs: Inputs,
    wanted: Sequence[Contract],
    source: SourceSystem,
    progress: Progress = quiet,
) -> list[BatchOutcome]:
    """Ingest the wanted resources onto the branch, those that others are checked against first."""
    by_key = {contract.key: contract for contract in wanted}
    ordered = [by_key[key] for key in ingest_order(inputs.contracts) if key in by_key]
    known = read_ops(settings, branch.catalog_name, OUTCOMES)
    outcomes: list[BatchOutcome] = []
    for done, contract in enumerate(ordered, start=1):
        mine = [row for row in known if row["resource"] == contract.key]
        outcomes += ingest_resource(settings, branch, contract, inputs.vocabulary, source, known_outcomes=mine)
        progress("ingest", done, len(ordered))
    return outcomes


def _conclude(
    settings: Settings, branch: Branch, inputs: Inputs, outcomes: list[BatchOutcome], progress: Progress
) -> dict[str, Any]:
    """Build, check and publish what is on the branch; return the report's verdict."""
    recorded = record_outcomes(settings, branch, outcomes)
    refused = _all_refused(outcomes)
    data_changed = set(diverged(settings, branch.name)) - {OUTCOMES}
    if refused or (not data_changed and built_before(settings, branch.name, inputs, EVERYTHING)):
        return _publish_outcomes(settings, branch, recorded, refused)
    built = build(settings, branch, inputs, outcomes, progress)
    if built.blocking:
        return _block(settings, branch, outcomes, built.blocking)
    result = publish(settings, branch)
    remember_build(settings, branch.name, inputs, EVERYTHING)
    progress("publish", 1, 1)
    return _verdict(result.snapshot, len(result.tables_changed))


def _publish_outcomes(settings: Settings, branch: Branch, recorded: int, refused: str | None) -> dict[str, Any]:
    """No data changed: keep what there is to say about the deliveries, and nothing else."""
    changed = publish(settings, branch, only=[OUTCOMES]).tables_changed if recorded else []
    drop_branch(settings, branch)
    return _verdict(current_snapshot(settings), len(changed), refused, published=refused is None)


def _block(settings: Settings, branch: Branch, outcomes: Sequence[BatchOutcome], blocking: list[str]) -> dict[str, Any]:
    reason = "; ".join(blocking[:3]) + (f"; … {len(blocking)} in all" if len(blocking) > 3 else "")
    mark_blocked(settings, branch, reason)
    facts = {"branch": branch.name, "batches": [outcome.to_json() for outcome in outcomes]}
    path = write_report(settings.runs / branch.name, facts, blocking)
    verdict = _verdict(current_snapshot(settings), 0, reason, published=False)
    return {**verdict, "blocked": True, "blocking": blocking, "report_path": str(path)}


def _verdict(snapshot: str, changed: int, reason: str | None = None, *, published: bool = True) -> dict[str, Any]:
    return {
        "published": published,
        "blocked": False,
        "reason": reason,
        "snapshot": snapshot,
        "tables_changed": changed,
        "blocking": [],
        "report_path": None,
    }


def _all_refused(outcomes: Sequence[BatchOutcome]) -> str | None:
    """Say why nothing that was asked for could be taken in; None as soon as one delivery could."""
    if not outcomes or any(outcome.status != "failed" for outcome in outcomes):
        return None
    first = outcomes[0]
    return f"no delivery could be taken in: {first.resource} {first.delivery}: {first.rule} {first.reason}"
