"""The pipeline in the steps that an orchestrator runs: plain arguments in, plain JSON values out.

Ingest commits on the standing branch ``inbound``; a topic opens a branch of its own from ``main``, adopts its
resources from ``inbound``, transforms, checks and publishes. Every step may be run again after any failure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import structlog

from lakehouse.branches import (
    Branch,
    PublishConflict,
    PublishResult,
    adopt,
    diverged,
    drop_branch,
    join_branch,
    mark_blocked,
    open_branch,
    publish,
    rebase,
)
from lakehouse.connect.database import MAIN
from lakehouse.connect.kept_files import FilesInUse
from lakehouse.connect.settings import Settings
from lakehouse.ingest import ingest_resource
from lakehouse.pipeline.building import Built, check, schemas_of, transform
from lakehouse.pipeline.dbt_nursery import have_dbt_at_hand
from lakehouse.pipeline.errors import PipelineError
from lakehouse.pipeline.fingerprints import built_before, remember_build
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, Inputs, load_inputs
from lakehouse.pipeline.ops_tables import (
    OUTCOMES,
    QUALITY,
    read_ops,
    record_outcomes,
    record_quality,
    recorded_deliveries,
)
from lakehouse.pipeline.outbox import keep_outcomes, kept_outcomes, settle_outcomes
from lakehouse.pipeline.report import write_report
from lakehouse.pipeline.run import new_name
from lakehouse.pipeline.topics import build_order
from lakehouse.pipeline.transform import write_dbt_docs
from lakehouse.sources import SourceSystem
from lakehouse.tables import maintain, remove_orphans, verify

INBOUND = "inbound"
PUBLISH_ATTEMPTS = 20
RETRYABLE = ("source.unreachable",)

log = structlog.get_logger(__name__)


def ingest_step(settings: Settings, resource_key: str, source: SourceSystem) -> dict[str, Any]:
    """Ingest one resource onto the standing branch; return its batches.

    Raises:
        PipelineError: the source cannot be reached; a retry may help.
    """
    inputs = load_inputs(checked=False, approved=settings.contracts)
    contract = inputs.named(resource_key)[0]
    inbound = join_branch(settings, INBOUND)
    rebase(settings, inbound, _tables_of([resource_key]))
    known = [row for row in read_ops(settings, MAIN, OUTCOMES) if row["resource"] == resource_key]
    # Only what is published may keep a delivery from being read: an unpublished batch can be gone with a rebase.
    outcomes = ingest_resource(settings, inbound, contract, inputs.vocabulary, source, known_outcomes=known)
    recorded = recorded_deliveries(known) | {o.delivery_key for o in kept_outcomes(settings, [resource_key])}
    keep_outcomes(settings, [outcome for outcome in outcomes if outcome.delivery_key not in recorded])
    unreachable = [outcome for outcome in outcomes if outcome.rule in RETRYABLE]
    if unreachable:
        raise PipelineError(f"{resource_key}: {unreachable[0].reason}")
    return {"resource": resource_key, "batches": [outcome.to_json() for outcome in outcomes]}


def pending_topics(settings: Settings, among: Collection[str] | None = None) -> list[str]:
    """Return the topics (``among`` some) that have something to publish, or whose inputs changed since they were last built.

    They are in the order in which each is to be built once only.
    """
    inputs = load_inputs(checked=False, approved=settings.contracts)
    return [
        topic
        for topic in build_order(inputs)
        if (among is None or topic in among)
        and (_pending(settings, inputs, topic) or not _is_built(settings, inputs, topic))
    ]


def open_topic_branch(settings: Settings, topic: str) -> dict[str, Any]:
    """Open a branch with what ``inbound`` has for ``topic`` that ``main`` lacks; ``branch`` is None when nothing is new."""
    inputs = load_inputs(checked=False, approved=settings.contracts)
    pending = _pending(settings, inputs, topic)
    outcomes = kept_outcomes(settings, _resources(inputs, topic))
    if not pending and not outcomes and _is_built(settings, inputs, topic):
        return {"branch": None, "pending": []}
    branch = open_branch(settings, new_name(f"topic_{topic}"))
    adopt(settings, branch, INBOUND, pending)
    record_outcomes(settings, branch, outcomes)
    log.info("topic opened", topic=topic, branch=branch.name, pending=len(pending))
    return {"branch": branch.name, "pending": pending}


def transform_step(settings: Settings, branch: str, topic: str) -> dict[str, Any]:
    """Audit the topic's resources on the branch and let dbt build the topic's models."""
    inputs = load_inputs(checked=False, approved=settings.contracts)
    held = join_branch(settings, branch)
    outcomes = kept_outcomes(settings, _resources(inputs, topic))
    return _verdict(settings, held, transform(settings, held, inputs, outcomes, topic))


def check_step(settings: Settings, branch: str, topic: str) -> dict[str, Any]:
    """Audit the topic's marts and commit them to the branch."""
    held = join_branch(settings, branch)
    return _verdict(
        settings, held, check(settings, held, load_inputs(checked=False, approved=settings.contracts), topic)
    )


def publish_step(settings: Settings, branch: str, topic: str) -> dict[str, Any]:
    """Publish the branch in one step; the ops tables that other topics publish too are written again on conflict."""
    if topic == CATALOGUE_TOPIC:
        have_dbt_at_hand()
    inputs = load_inputs(checked=False, approved=settings.contracts)
    held = join_branch(settings, branch)
    outcomes = kept_outcomes(settings, _resources(inputs, topic))
    schemas = schemas_of(inputs, topic)
    keys = set(_resources(inputs, topic))
    rows = [
        row
        for row in read_ops(settings, held.catalog_name, QUALITY)
        if row["table_name"] in keys or row["table_name"].split(".")[0] in schemas
    ]
    for attempt in range(1, PUBLISH_ATTEMPTS + 1):
        try:
            result = publish(settings, held)
            break
        except PublishConflict as conflict:
            if attempt == PUBLISH_ATTEMPTS or not rebase(settings, held, [OUTCOMES, QUALITY]):
                raise PipelineError(str(conflict)) from conflict
            record_outcomes(settings, held, outcomes)
            record_quality(settings, held, rows)
    return _settle(settings, inputs, topic, held, result)


def maintenance_step(settings: Settings) -> dict[str, Any]:
    """Compact, expire, verify, and remove what nobody needs; ``faults`` names what is missing or wrong.

    Of a lakehouse that is not whole nothing is removed, nor while a backup copies it.
    """
    done = maintain(settings)
    report = verify(settings)
    removed = _clean_up(settings) if report.ok else 0
    orphaned = len(report.orphaned) - removed
    return {**asdict(done), "removed": removed, "orphaned": orphaned, "faults": [str(fault) for fault in report.faults]}


def _clean_up(settings: Settings) -> int:
    try:
        return len(remove_orphans(settings))
    except FilesInUse as busy:
        log.warning("nothing was cleaned up", reason=str(busy))
        return 0


def _settle(settings: Settings, inputs: Inputs, topic: str, held: Branch, result: PublishResult) -> dict[str, Any]:
    recorded = recorded_deliveries(read_ops(settings, MAIN, OUTCOMES))
    kept = kept_outcomes(settings, _resources(inputs, topic))
    settle_outcomes(settings, [outcome for outcome in kept if outcome.delivery_key in recorded])
    remember_build(settings, held.name, inputs, topic)
    if topic == CATALOGUE_TOPIC:
        write_dbt_docs(settings, held)
    drop_branch(settings, held)
    return {"published": True, "tables_changed": result.tables_changed, "snapshot": result.snapshot, "reason": None}


def _verdict(settings: Settings, branch: Branch, built: Built) -> dict[str, Any]:
    if not built.blocking:
        return {"blocked": False, "reason": None, "models": built.models}
    reason = "; ".join(built.blocking[:3])
    mark_blocked(settings, branch, reason)
    path = write_report(settings.runs / branch.name, {"branch": branch.name}, built.blocking)
    return {"blocked": True, "reason": reason, "report": str(path), "models": []}


def _pending(settings: Settings, inputs: Inputs, topic: str) -> list[str]:
    mine = set(_tables_of(_resources(inputs, topic)))
    return [identifier for identifier in diverged(settings, INBOUND) if identifier in mine]


def _is_built(settings: Settings, inputs: Inputs, topic: str) -> bool:
    return built_before(settings, MAIN, inputs, topic)


def _resources(inputs: Inputs, topic: str) -> list[str]:
    return [contract.key for contract in inputs.of_topic(topic)]


def _tables_of(resources: list[str]) -> list[str]:
    return [*resources, *(f"quarantine.{key.replace('.', '_')}" for key in resources)]
