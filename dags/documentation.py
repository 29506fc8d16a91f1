"""What the Airflow UI says about a DAG: the resource in Chinese, who provides it, how often, and where to look."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.contract.model import Contract
from catalog.derive.schedule import Schedule

SHARE_TYPES = {1: "无条件共享", 2: "有条件共享", 3: "不予共享"}

OPERATIONS = {
    "sweep_lost_events": """
## 补漏 Sweep for lost events

An asset event is a hint, not a queue: it can get lost. Every 15 minutes this asks the lakehouse which topics have
something that `main` lacks, and starts those that have no active run.
""",
    "maintenance": """
## 湖仓日常维护 Maintenance

Packs small files, expires old snapshots, looks for orphaned files and walks catalog, metadata, manifests and files.
Tables with unpublished work are left for the next day. See `docs/operations.md`.

Beside it the sharing desk records grants that ended, rechecks corrected data and reminds of limits: `docs/desk.md`.
""",
}


def ingest_doc(contract: Contract, provider: str, schedule: Schedule) -> str:
    """Return the documentation of an ingest DAG, from its contract."""
    gov = contract.gov
    return f"""
## {contract.name}

{contract.description.purpose}

| | |
|---|---|
| 提供单位 provider | {provider} (`{contract.dept}`) |
| 资源代码 code | {gov.resource_code} |
| 更新周期 cycle | {gov.update_cycle}，`{schedule.cron}` {schedule.timezone} |
| 共享类型 sharing | {SHARE_TYPES[gov.share_type]} |
| 来源 source | {gov.source.kind}，{gov.source.mode} |
| 主题 topic | `{contract.topic}` |
| 合同 contract | `catalog/contracts/{contract.dept}/{contract.resource}.odcs.yaml` {contract.version} |

Takes in what the department delivered since the last time and commits it to the branch `inbound`. Bad rows go to
quarantine with their reason; running it again changes nothing.
"""


def topic_doc(topic: str, name: str, keys: Iterable[str], upstream: Iterable[str]) -> str:
    """Return the documentation of a topic DAG."""
    listed = "\n".join([*(f"- `{key}`" for key in keys), *(f"- 主题 topic `{other}`" for other in upstream)])
    return f"""
## {name}

Opens a branch from `main`, adopts what came in on `inbound`, transforms (dbt), checks (Great Expectations) and
publishes all tables in one step. When a blocking check fails the run fails with the reason, `main` stays as it was,
and the branch stays for inspection. With nothing new, the tasks are skipped: 无新数据 nothing to do.

Publishes the marts `{topic}.*`. 数据来源 built from:

{listed}
"""


def operation_doc(dag_id: str) -> str:
    """Return the documentation of an upkeep DAG."""
    return OPERATIONS[dag_id]
