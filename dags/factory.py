"""Make the DAGs: one ingest per contract, one per topic library, one that finds lost events, one for upkeep.

Airflow parses this every few minutes and before every task, so it only reads contracts: no engine is imported and the
lakehouse is not touched. What a task does lives in ``dags.tasks``, which imports engines when the task runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable
from airflow.sdk.bases.timetable import BaseTimetable

from catalog.contract.city_time import CITY_TIMEZONE
from catalog.contract.load import many_new_objects
from catalog.contract.model import Contract
from catalog.derive.schedule import ingestion_schedule
from dags import tasks
from dags.documentation import ingest_doc, operation_doc, topic_doc
from dags.lineage import IngestOperator, StepOperator
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, Inputs
from lakehouse.pipeline.topics import topics_to_wait_for, upstream_topics

SWEEP, MAINTENANCE = "sweep_lost_events", "maintenance"
CATALOGUE_NAME = "政务数据目录与治理"

# A look around without an event: events may be lost, and the data of departments that deliver nothing age as well.
TOPIC_CRON, CATALOGUE_CRON = "30 6 * * *", "30 7 * * *"
SWEEP_CRON, MAINTENANCE_CRON = "*/15 * * * *", "0 22 * * *"

# When slots are short: the more topics wait for a topic, the earlier it comes; its data come in just before it is built;
# the catalogue, which spans all, comes after them. So a topic is built once, and while others' data still come in.
TOPIC_PRIORITY, FOR_EACH_THAT_WAITS, INGEST_BEFORE_TOPIC = 50, 10, 5
CATALOGUE_PRIORITY, UPKEEP_PRIORITY = 20, 1

DEFAULTS: dict[str, Any] = {
    "owner": "citybrain",
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    "weight_rule": "absolute",
}


def all_dags(inputs: Inputs, *, only: str | None = None) -> dict[str, DAG]:
    """Return every DAG by its id; or none but ``only``, which is all that a task of it needs."""
    upstream = {topic: upstream_topics(topic, inputs) for topic in inputs.topics}
    waits_for = topics_to_wait_for(upstream)
    priorities = _topic_priorities(waits_for)
    makers = {**_ingest_dags(inputs, priorities), **_topic_dags(inputs, upstream, waits_for, priorities)}
    makers |= {SWEEP: partial(sweep_dag, inputs.topics), MAINTENANCE: maintenance_dag}
    with many_new_objects():
        return {dag_id: make() for dag_id, make in makers.items() if only in (None, dag_id)}


def _ingest_dags(inputs: Inputs, priorities: Mapping[str, int]) -> dict[str, Callable[[], DAG]]:
    departments = inputs.vocabulary.departments
    return {
        tasks.ingest_dag_id(contract.key): partial(
            ingest_dag,
            contract,
            departments[contract.dept].name,
            priorities.get(contract.topic, TOPIC_PRIORITY) + INGEST_BEFORE_TOPIC,
            released=contract.key in inputs.approved,
        )
        for contract in inputs.contracts.values()
    }


def _topic_dags(
    inputs: Inputs,
    upstream: Mapping[str, Sequence[str]],
    waits_for: Mapping[str, Sequence[str]],
    priorities: Mapping[str, int],
) -> dict[str, Callable[[], DAG]]:
    names = {**inputs.vocabulary.categories.topics, CATALOGUE_TOPIC: CATALOGUE_NAME}
    return {
        tasks.topic_dag_id(topic): partial(
            topic_dag,
            topic,
            names[topic],
            inputs.of_topic(topic),
            upstream[topic],
            waits_for[topic],
            priorities[topic],
        )
        for topic in inputs.topics
    }


def _topic_priorities(waits_for: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the priority of each topic by how many others wait for it, among which the catalogue, for all, does not count."""
    waiting = Counter(name for topic, before in waits_for.items() if topic != CATALOGUE_TOPIC for name in before)
    priorities = {topic: TOPIC_PRIORITY + FOR_EACH_THAT_WAITS * waiting[topic] for topic in waits_for}
    return {**priorities, CATALOGUE_TOPIC: CATALOGUE_PRIORITY}


def raw_asset(key: str) -> Asset:
    """Return the asset that says: something of resource ``<dept>.<resource>`` came in."""
    return Asset(uri=f"citybrain://raw/{key.replace('.', '/')}", name=f"raw.{key}", group="raw")


def topic_asset(topic: str) -> Asset:
    """Return the asset that says: a topic library was published."""
    return Asset(uri=f"citybrain://topic/{topic}", name=f"topic.{topic}", group="topic")


def lost_asset(topic: str) -> Asset:
    """Return the asset that says: a topic is behind, and no event had started it."""
    return Asset(uri=f"{tasks.LOST_URI}{topic}", name=f"lost.{topic}", group="lost")


def ingest_dag(contract: Contract, provider: str, priority: int, *, released: bool) -> DAG:
    """Return the DAG that takes in one resource, as often as its update cycle asks.

    ``released``: it was approved in the catalogue of this installation, so that nobody has to start it in Airflow as well.
    """
    schedule = ingestion_schedule(contract)
    with _dag(
        tasks.ingest_dag_id(contract.key),
        _at(schedule.cron),
        title=contract.name,
        tags=["ingest", f"dept:{contract.dept}", f"topic:{contract.topic}"],
        doc=ingest_doc(contract, provider, schedule),
        priority=priority,
        released=released,
    ) as dag:
        IngestOperator(
            task_id=tasks.ingest.__name__,
            python_callable=tasks.ingest,
            op_kwargs={"resource_key": contract.key},
            outlets=[raw_asset(contract.key)],
            source=contract.key,
            writes=[contract.key],
        )
    return dag


def topic_dag(
    topic: str,
    name: str,
    contracts: Iterable[Contract],
    upstream: Sequence[str],
    waits_for: Sequence[str],
    priority: int,
) -> DAG:
    """Return the DAG that builds, checks and publishes one topic library.

    It starts when one of its resources came in or a topic that it reads was published; the catalogue reads them all.
    """
    keys = sorted(contract.key for contract in contracts)
    is_catalogue = topic == CATALOGUE_TOPIC
    with _dag(
        tasks.topic_dag_id(topic),
        _any_or_time(
            [*map(raw_asset, keys), *map(topic_asset, upstream), lost_asset(topic)],
            CATALOGUE_CRON if is_catalogue else TOPIC_CRON,
        ),
        title=name,
        tags=["topic", f"topic:{topic}"],
        doc=topic_doc(topic, name, keys, upstream),
        priority=priority,
    ) as dag:
        built = StepOperator(
            task_id=tasks.transform.__name__,
            python_callable=tasks.transform,
            op_kwargs={"topic": topic, "waits_for": list(waits_for)},
            reads=keys,
        )
        branch = built.output
        outlets = [] if is_catalogue else [topic_asset(topic)]
        checked = _task(tasks.check, branch=branch, topic=topic)
        checked >> _task(tasks.publish, branch=branch, topic=topic, outlets=outlets)
    return dag


def sweep_dag(topics: Iterable[str]) -> DAG:
    """Return the DAG that starts the topics whose event was lost: an event is a hint, not a queue.

    It starts them by an event of their own, and not as TriggerDagRunOperator would: Airflow 3.3 does not count the end
    of such a run, and may hold back the events of that topic until the next parse.
    """
    with _dag(
        SWEEP,
        _at(SWEEP_CRON),
        title="补漏：重新触发丢失事件的主题",
        tags=["operations"],
        doc=operation_doc(SWEEP),
        priority=UPKEEP_PRIORITY,
    ) as dag:
        find = BranchPythonOperator(task_id=tasks.find_lost_topics.__name__, python_callable=tasks.find_lost_topics)
        find >> [
            _task(tasks.wake, task_id=tasks.wake_task_id(topic), topic=topic, outlets=[lost_asset(topic)])
            for topic in topics
        ]
    return dag


def maintenance_dag() -> DAG:
    """Return the daily upkeep: compact, expire, look for orphans, verify; and beside it what the sharing desk has due."""
    with _dag(
        MAINTENANCE,
        _at(MAINTENANCE_CRON),
        title="湖仓日常维护",
        tags=["operations"],
        doc=operation_doc(MAINTENANCE),
        priority=UPKEEP_PRIORITY,
    ) as dag:
        _task(tasks.maintain)
        _task(tasks.tick_sharing)
    return dag


def _task(
    function: Callable[..., Any], *, task_id: str | None = None, outlets: Sequence[Asset] = (), **arguments: Any
) -> PythonOperator:
    """Return the task that calls ``function`` and is named like it, or ``task_id``."""
    return PythonOperator(
        task_id=task_id or function.__name__, python_callable=function, op_kwargs=arguments, outlets=list(outlets)
    )


def _any_or_time(assets: list[Asset], cron: str) -> BaseTimetable:
    """Start on any one update (those that come during a run lead to one more run, not to many), and by time."""
    return AssetOrTimeSchedule(timetable=_at(cron), assets=AssetAny(*assets))


def _at(cron: str) -> BaseTimetable:
    """Start at the next time, never at one that is past: Airflow else makes up for a recent one when a DAG is new."""
    return CronTriggerTimetable(cron, timezone=CITY_TIMEZONE, run_immediately=timedelta(0))


def _dag(
    dag_id: str,
    schedule: BaseTimetable,
    *,
    title: str,
    tags: list[str],
    doc: str,
    priority: int,
    released: bool = False,
) -> DAG:
    """Return an empty DAG; unless it is released, Airflow's own setting says whether a new one is paused."""
    return DAG(
        dag_id,
        schedule=schedule,
        catchup=False,
        max_active_runs=1,
        dag_display_name=f"{title} {dag_id}",
        description=title,
        tags=tags,
        doc_md=doc,
        is_paused_upon_creation=False if released else None,
        default_args={**DEFAULTS, "priority_weight": priority},
    )
