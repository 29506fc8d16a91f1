"""The tasks of the DAGs: each calls one step of ``lakehouse.pipeline`` and says how it ended.

Engines are imported inside the functions, so that parsing the DAGs stays cheap. Arguments and results are plain JSON
values. Nothing is named after a run or its date: a run started by an asset has no logical date.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakehouse.connect.settings import Settings
    from lakehouse.sources import SourceSystem

SOURCE_VARIABLE = "CITYBRAIN_SOURCE"
API_URL_VARIABLE = "CITYBRAIN_API_URL"
ACTIVE = ["queued", "running"]
COMING_SECONDS, POLL_SECONDS = 3.0, 0.25
BEING_BUILT_SECONDS = 6.0  # about what a topic takes
BEHIND_TOPICS = 15  # niceness: on a busy machine the topics go on, for which others wait, and the doors answer
LOST_URI = "citybrain://lost/"

log = structlog.get_logger(__name__)


def ingest(resource_key: str) -> dict[str, Any]:
    """Take in one resource onto ``inbound``; only an unreachable source is worth a retry."""
    from lakehouse.pipeline.steps import ingest_step

    os.nice(BEHIND_TOPICS)
    settings = _settings()
    source = _source(settings)
    done: dict[str, Any] = _with_clear_failure(lambda: ingest_step(settings, resource_key, source))
    batches = done["batches"]
    for batch in batches:
        say = log.warning if batch["status"] == "failed" or batch["quarantined"] else log.info
        say("batch", **{name: batch[name] for name in ("delivery", "status", "received", "accepted", "quarantined")})
    return {"resource": resource_key, "batches": len(batches), "accepted": sum(b["accepted"] for b in batches)}


def transform(topic: str, waits_for: list[str]) -> str:
    """Open a branch with what ``inbound`` has for the topic, audit it there, let dbt build; return the branch's name.

    The run is skipped when there is nothing new. What is about to come in, or to be published of the topics that come
    before, comes first: its end starts this topic again. When that fails or is blocked the sweep does, and what the
    sweep starts does not wait for data.
    """
    from lakehouse.pipeline.dbt_nursery import have_dbt_at_hand
    from lakehouse.pipeline.steps import open_topic_branch, transform_step

    have_dbt_at_hand()  # first of all: who has looked at the lakehouse has threads, and would import dbt anew
    settings = _settings()
    _wait_or_skip(topic, waits_for)
    opened = open_topic_branch(settings, topic)
    branch = opened["branch"]
    if branch is None:
        raise AirflowSkipException("nothing to do 无新数据: main has all that inbound has for this topic")
    log.info("branch opened", branch=branch, pending=opened["pending"])
    try:
        verdict = _with_clear_failure(lambda: transform_step(settings, branch, topic))
    except Exception:
        _drop(settings, branch)  # a retry opens another
        raise
    _unblocked(verdict, branch)
    return str(branch)


def check(branch: str, topic: str) -> dict[str, Any]:
    """Audit the topic's marts; a blocking failure ends the run and leaves ``main`` as it was."""
    from lakehouse.pipeline.steps import check_step

    return _unblocked(_with_clear_failure(lambda: check_step(_settings(), branch, topic)), branch)


def publish(branch: str, topic: str) -> dict[str, Any]:
    """Publish the branch in one step."""
    from lakehouse.pipeline.steps import publish_step

    published: dict[str, Any] = _with_clear_failure(lambda: publish_step(_settings(), branch, topic))
    log.info("published", **published)
    return published


def find_lost_topics() -> list[str]:
    """Return the ids of the tasks that wake the topics which have something to publish and no active run."""
    from lakehouse.pipeline.steps import pending_topics

    waiting = pending_topics(_settings())
    return [wake_task_id(topic) for topic in waiting if not _is_active(topic_dag_id(topic))]


def wake_task_id(topic: str) -> str:
    """Return the id of the task that starts a topic whose event was lost."""
    return f"wake_{topic}"


def wake(topic: str) -> None:
    """Start a topic: the end of this task is the event."""
    log.info("event was lost, topic is started", topic=topic)


def maintain() -> dict[str, Any]:
    """Compact, expire, look for orphans and verify; the run fails when something is missing or wrong."""
    from lakehouse.pipeline.steps import maintenance_step

    done: dict[str, Any] = maintenance_step(_settings())
    if done["faults"]:
        raise AirflowFailException(f"the lakehouse is not whole, see citybrain verify: {'; '.join(done['faults'])}")
    return done


def tick_sharing() -> dict[str, Any]:
    """Record grants that ended, recheck corrected data, remind of what is due; done twice it does nothing twice."""
    from catalog.api.desk_run import run_tick

    done = run_tick(_settings())
    counts = {name: len(done[name]) for name in ("expired", "rechecked", "reminded", "not_computed")}
    log.info("sharing", **counts)
    return counts


def ingest_dag_id(resource_key: str) -> str:
    """Return the id of the DAG that takes in ``<dept>.<resource>``."""
    return f"ingest_{resource_key.replace('.', '_')}"


def topic_dag_id(topic: str) -> str:
    """Return the id of the DAG that builds and publishes a topic."""
    return f"topic_{topic}"


def _wait_or_skip(topic: str, waits_for: list[str]) -> None:
    """Wait for data that are coming in, and for one topic that is being built; skip the run when there is more to wait for."""
    by_event = _started_by_event()
    if by_event and not _came_in(topic, COMING_SECONDS):
        raise AirflowSkipException("waits for 等待 data that come in 入湖: at their end this topic starts again")
    building, deadline = waits_for, time.monotonic() + BEING_BUILT_SECONDS
    while building := _before(building, by_event=by_event):
        if len(building) > 1 or time.monotonic() >= deadline:
            raise AirflowSkipException(f"waits for 等待 {', '.join(building)}: when published, this topic starts again")
        time.sleep(POLL_SECONDS)


def _before(topics: list[str], *, by_event: bool) -> list[str]:
    """Return those of ``topics`` that have something to publish and are about to."""
    from lakehouse.pipeline.steps import pending_topics

    pending = pending_topics(_settings(), topics) if topics else []
    return sorted(name for name in pending if _is_active(topic_dag_id(name)) or (by_event and not _came_in(name)))


def _started_by_event() -> bool:
    """Say whether data or a topic started this run, and not the sweep, the clock or a person, for whom all is taken as it is."""
    events = get_current_context()["triggering_asset_events"]
    return bool(events) and not any(asset.uri.startswith(LOST_URI) for asset in events)


def _came_in(topic: str, seconds: float = 0.0) -> bool:
    """Wait until no resource of the topic is being taken in or is about to be; say no when that takes longer."""
    from lakehouse.pipeline.inputs import load_inputs

    inputs, deadline = load_inputs(checked=False, approved=_settings().contracts), time.monotonic() + seconds
    coming_in = [ingest_dag_id(contract.key) for contract in inputs.of_topic(topic)]
    while coming_in:
        if not _is_active(coming_in[-1]):
            coming_in.pop()
        elif time.monotonic() >= deadline:
            return False
        else:
            time.sleep(POLL_SECONDS)
    return True


def _is_active(dag_id: str) -> bool:
    return bool(get_current_context()["ti"].get_dr_count(dag_id=dag_id, states=ACTIVE))


def _settings() -> Settings:
    from lakehouse.connect.settings import Settings

    return Settings()


def _source(settings: Settings) -> SourceSystem:
    """Return the department systems: where ``CITYBRAIN_SOURCE`` and ``CITYBRAIN_API_URL`` point to."""
    from lakehouse.sources import SourceSystem

    place = Path(os.environ.get(SOURCE_VARIABLE) or settings.root / "sample-city")
    if not place.is_dir():
        raise AirflowFailException(f"no source folder at {place}; set {SOURCE_VARIABLE} to where departments deliver")
    return SourceSystem.from_dir(place, api_url=os.environ.get(API_URL_VARIABLE))


def _with_clear_failure(step: Callable[[], Any]) -> Any:
    """Run a step; wrong input fails at once, because a retry would find the same input."""
    from lakehouse.pipeline.errors import WrongInput

    try:
        return step()
    except WrongInput as error:
        raise AirflowFailException(f"{error} → {error.hint}" if error.hint else str(error)) from error


def _drop(settings: Settings, branch: str) -> None:
    """Drop a branch after a failure, which is the one to be told."""
    from lakehouse.branches import drop_branch

    try:
        drop_branch(settings, branch)
    except Exception as fault:
        log.warning("branch stays", branch=branch, fault=str(fault))


def _unblocked(verdict: dict[str, Any], branch: str) -> dict[str, Any]:
    if verdict["blocked"]:
        raise AirflowFailException(f"已阻断 blocked, main is as it was; branch {branch} stays: {verdict['reason']}")
    return verdict
