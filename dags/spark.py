"""The DAGs that submit Spark jobs, in the cluster profile: a small city needs none, and no Java either.

A task runs the same entry that a person runs (``python -m spark_jobs.<job>``) in a process of its own, which ends with the
task: when it is done, when it takes too long, and when somebody stops it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, Param
from airflow.sdk.exceptions import AirflowFailException

from catalog.contract.city_time import CITY_TIMEZONE
from dags.factory import DEFAULTS, TOPIC_PRIORITY, UPKEEP_PRIORITY

if TYPE_CHECKING:
    from spark_jobs.submission import Submission

UPKEEP_CRON = "0 23 * * *"
TIME_LIMIT = timedelta(hours=6)
_FINAL = (2, 3)  # exit codes after which a retry would find the same: wrong input, refused by a guard

_UPKEEP_DOC = """
## Spark 日常计算 Spark upkeep

Rolls device readings up by hour and day, for the days that changed, and resolves who is the same person among all
registers. Both publish their own tables only. See `docs/spark.md`.
"""
_BACKFILL_DOC = """
## 历史数据补录 Backfill

Takes in years of history of one resource onto `inbound`, with the verdicts of ingestion; the topic publishes it. Trigger it
with the resource (`dept/resource`) and the place of the files (a folder that every worker sees, or an `s3://` prefix).
Running it again is safe. See `docs/spark.md`.
"""


class SparkJobOperator(BaseOperator):  # type: ignore[misc]  # Airflow is not followed by mypy here
    """Run a job of ``spark_jobs``; its result is the task's."""

    template_fields: Sequence[str] = ("arguments",)

    def __init__(self, *, job: str, arguments: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.arguments = list(arguments)
        self._submission: Submission | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Submit the job and wait for its end, whatever that is."""
        from spark_jobs.submission import JobFailed, Submission

        self._submission = Submission(self.job, [argument for argument in self.arguments if argument])
        try:
            return self._submission.result()
        except JobFailed as failed:
            if failed.exit_code in _FINAL:
                raise AirflowFailException(str(failed)) from failed
            raise
        finally:
            self._submission.end()

    def on_kill(self) -> None:
        """End the job with the task."""
        if self._submission is not None:
            self._submission.end()


def spark_dags() -> dict[str, DAG]:
    """Return the DAGs by id; none in the embedded profile."""
    if os.environ.get("CITYBRAIN_PROFILE") != "cluster":
        return {}
    return {dag.dag_id: dag for dag in (_upkeep_dag(), _backfill_dag())}


def _upkeep_dag() -> DAG:
    timetable = CronTriggerTimetable(UPKEEP_CRON, timezone=CITY_TIMEZONE, run_immediately=timedelta(0))
    with _dag("maintenance_spark", "Spark 日常计算", _UPKEEP_DOC, UPKEEP_PRIORITY, schedule=timetable) as dag:
        # One after the other: each takes the memory that a driver is given.
        _job("rollup_readings", "--publish") >> _job("resolve_entities", "--publish")
    return dag


def _backfill_dag() -> DAG:
    params = {
        "resource": Param("", type="string", title="资源 resource", description="dept/resource"),
        "source": Param("", type="string", title="来源 source", description="folder or s3:// prefix"),
    }
    with _dag("backfill_spark", "历史数据补录", _BACKFILL_DOC, TOPIC_PRIORITY, schedule=None, params=params) as dag:
        _job("backfill_resource", "{{ params.resource }}", "{{ params.source }}")
    return dag


def _job(job: str, *arguments: str) -> SparkJobOperator:
    return SparkJobOperator(task_id=job, job=job, arguments=arguments, execution_timeout=TIME_LIMIT)


def _dag(dag_id: str, title: str, doc: str, priority: int, **more: Any) -> DAG:
    return DAG(
        dag_id,
        catchup=False,
        max_active_runs=1,
        dag_display_name=f"{title} {dag_id}",
        description=title,
        tags=["operations", "spark"],
        doc_md=doc,
        default_args={**DEFAULTS, "priority_weight": priority},
        **more,
    )
