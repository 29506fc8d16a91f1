"""What dbt is asked to do on a build database, and how it ended; it runs in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from lakehouse.connect.settings import Settings
from lakehouse.pipeline.dbt_nursery import DbtCommand, run_dbt_command
from lakehouse.pipeline.project import project_of

TARGET = "dbt"
MANIFEST = "manifest.json"
_AS_OF_DATE = "CITYBRAIN_AS_OF_DATE"  # for the models: the day itself, where CITYBRAIN_AS_OF may say `today`
_PARTIAL_PARSE = "partial_parse.msgpack"
_KEPT = {"embedded": _PARTIAL_PARSE, "cluster": "partial_parse_cluster.msgpack"}
_RUN_RESULTS = "run_results.json"
_BAD = {"error", "fail", "runtime error"}
_TESTS = {"test", "unit_test"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DbtResult:
    """How a build ended: number of models and tests run, and every failure in words."""

    ok: bool
    models: int
    tests: int
    seconds: float
    failures: list[str] = field(default_factory=list)


def target_of(database: Path) -> Path:
    """Return the folder of dbt's artefacts beside a build database."""
    return database.parent / TARGET


def dbt_cache(settings: Settings) -> Path:
    """Return the folder of what dbt can use again from one run to the next; losing it costs time only."""
    return settings.root / "dbt-cache"


def run_build(
    settings: Settings, database: Path, selection: list[str], *, trino: Mapping[str, str] | None = None
) -> DbtResult:
    """Run ``dbt build`` on what ``selection`` names, everything when it is empty.

    Unit tests judge the models, not the data: the project's own tests run them, a run on data does not.
    """
    started = time.monotonic()
    (target_of(database) / _RUN_RESULTS).unlink(missing_ok=True)
    selected = ["--select", *selection] if selection else []
    done = run_command(settings, database, ["build", "--exclude-resource-type", "unit_test", *selected], trino=trino)
    result = _read_result(target_of(database), done, time.monotonic() - started)
    log.info("dbt ended", ok=result.ok, models=result.models, tests=result.tests, seconds=round(result.seconds, 1))
    return result


def run_command(
    settings: Settings,
    database: Path,
    arguments: list[str],
    *,
    trino: Mapping[str, str] | None = None,
    project: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one dbt command on a build database, with the parsed project of an earlier run when there is one.

    With ``trino``, the environment that says how to reach a branch's catalog, it runs there; artefacts are kept beside
    ``database`` all the same. ``project`` is the one laid out for this build unless another is named.
    """
    project = project or project_of(database)
    folder, target = database.parent, target_of(database)
    target.mkdir(parents=True, exist_ok=True)
    engine = "embedded" if trino is None else "cluster"
    cached = dbt_cache(settings) / _KEPT[engine]
    if cached.exists() and not (target / _PARTIAL_PARSE).exists():
        shutil.copyfile(cached, target / _PARTIAL_PARSE)
    common = ["--no-use-colors", "--log-path", str(folder / "logs"), "--target", engine]
    common += ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    environment = {
        **os.environ,
        # Relative to the run's folder: an absolute path would be another profile in every run, and dbt parses anew for it.
        "CITYBRAIN_BUILD_DB": database.name,
        "CITYBRAIN_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "info"),
        **(trino or {}),
    }
    environment.pop(_AS_OF_DATE, None)
    if settings.as_of_date:
        environment[_AS_OF_DATE] = str(settings.as_of_date)
    # A manifest written after parsing would name another catalog than the command's own, which is written after it.
    parsing = [] if trino is None else ["parse", "--no-write-json", *common]
    done = run_dbt_command(DbtCommand([*arguments, *common], folder, environment, parsing))
    if (target / _PARTIAL_PARSE).exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        fresh = cached.with_name(f"{cached.name}.{folder.name}")
        shutil.copyfile(target / _PARTIAL_PARSE, fresh)
        fresh.replace(cached)
    return done


def read_manifest(database: Path) -> dict[str, Any]:
    """Return the manifest that the last command on this database left."""
    manifest: dict[str, Any] = json.loads((target_of(database) / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def built_tables(database: Path, kinds: tuple[str, ...]) -> list[str]:
    """Return ``schema.table`` of the models of these materializations that the last build really built, sorted."""
    nodes = read_manifest(database)["nodes"]
    rows = json.loads((target_of(database) / _RUN_RESULTS).read_text(encoding="utf-8"))["results"]
    built = [nodes[row["unique_id"]] for row in rows if row["status"] == "success" and row["unique_id"] in nodes]
    wanted = [node for node in built if node.get("config", {}).get("materialized") in kinds]
    return sorted(f"{node['schema']}.{node['alias']}" for node in wanted)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what a command printed."""
    return (done.stdout + done.stderr).strip()[-2000:]


def _read_result(target: Path, done: subprocess.CompletedProcess[str], seconds: float) -> DbtResult:
    results = target / _RUN_RESULTS
    if not results.exists():
        return DbtResult(False, 0, 0, seconds, [f"dbt 没有启动 (did not start): {said(done)}"])
    rows = json.loads(results.read_text(encoding="utf-8"))["results"]
    kinds = [row["unique_id"].split(".")[0] for row in rows]
    failures = [_words(row) for row in rows if row["status"] in _BAD]
    if done.returncode and not failures:
        failures = [f"dbt 失败 (failed): {said(done)}"]
    tests = sum(kind in _TESTS for kind in kinds)
    return DbtResult(not failures, kinds.count("model"), tests, seconds, failures)


def _words(row: Mapping[str, Any]) -> str:
    """Say which model or test failed, and why, without dbt's stack of macros."""
    kind, _, name = row["unique_id"].split(".", 2)
    message = (row["message"] or "").strip().split("\n  > in ")[0].strip()
    if kind == "unit_test":
        return f"dbt 单元测试 (unit test) {name} 未通过: {message}"
    if kind == "test":
        count = f"{row['failures']} 行不符 (rows)，" if row.get("failures") else ""
        return f"dbt 检验 (test) {name.rsplit('.', 1)[0]} 未通过: {count}{message}"
    return f"dbt 模型 (model) {name} 未能建成: {message}"
