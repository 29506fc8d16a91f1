"""Let dbt build on a branch: lay out its database, run it, and commit its marts to the branch.

dbt works in a DuckDB file of the run's own: views over the branch's tables, the contracts as tables, and what it
builds. Only marts are committed, and only those whose content changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import structlog

from catalog.contract.load import CATALOG_ROOT
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.tables import TABLE_COLUMNS, contract_tables
from lakehouse.branches import Branch
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.duck import Connection, attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC
from lakehouse.pipeline.ops_tables import OUTCOMES, QUALITY, ops_columns
from lakehouse.pipeline.topics import PROJECT
from lakehouse.tables import replace_with_query

TARGET = "dbt"
COMMITTED_KINDS = ("table", "incremental")
_PARTIAL_PARSE = "partial_parse.msgpack"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DbtResult:
    """How a build ended: number of models and tests run, and every failure in words."""

    ok: bool
    models: int
    tests: int
    seconds: float
    failures: list[str] = field(default_factory=list)


def build_path(settings: Settings, branch: Branch) -> Path:
    """Return where the build database of a branch lies."""
    return settings.runs / branch.name / "build.duckdb"


def prepare_build(
    settings: Settings, branch: Branch, contracts: Mapping[str, Contract], vocabulary: Vocabulary
) -> Path:
    """Make a fresh build database over what the branch shows now; a resource without a table reads as empty."""
    database = build_path(settings, branch)
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    con = open_duckdb(database, settings=settings)
    try:
        present = set(attach_branch(con, settings, branch.name))
        for contract in contracts.values():
            if contract.key not in present:
                columns = {prop.name: prop.physical_type for prop in contract.properties}
                _create_empty(con, contract.key, {**columns, "_batch_id": "varchar", "_row": "bigint"})
        for identifier in {OUTCOMES, QUALITY} - present:
            _create_empty(con, identifier, ops_columns(identifier))
        for table, rows in contract_tables(contracts, vocabulary).items():
            _create_filled(con, f"contract.{table}", TABLE_COLUMNS[table], rows)
    finally:
        con.close()
    return database


def run_dbt(settings: Settings, branch: Branch, database: Path, *, topic: str | None = None) -> DbtResult:
    """Run ``dbt build`` on a build database: everything, or the marts of one topic with all that they need."""
    target = database.parent / TARGET
    target.mkdir(exist_ok=True)
    cache = settings.root / "dbt-cache" / _PARTIAL_PARSE
    if cache.exists():
        shutil.copyfile(cache, target / _PARTIAL_PARSE)
    started = time.monotonic()
    selection = [] if topic is None else ["--select", *(f"+path:models/marts/{folder}" for folder in _folders(topic))]
    done = _dbt(settings, database, ["build", *selection])
    seconds = time.monotonic() - started
    log.info("dbt ended", branch=branch.name, topic=topic, code=done.returncode, seconds=round(seconds, 1))
    if (target / _PARTIAL_PARSE).exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        fresh = cache.with_name(f"{_PARTIAL_PARSE}.{branch.name}")
        shutil.copyfile(target / _PARTIAL_PARSE, fresh)
        fresh.replace(cache)
    return _result(target, done, seconds)


def commit_models(settings: Settings, branch: Branch, database: Path, *, topic: str | None = None) -> list[str]:
    """Commit the marts of a build (of one topic) to the branch; return the identifiers whose content changed."""
    catalog = open_catalog(settings, branch.catalog_name)
    con = open_duckdb(database, read_only=True, settings=settings)
    try:
        wanted = [name for name in _marts(database.parent / TARGET) if topic is None or name.split(".")[0] in _folders(topic)]
        return [name for name in wanted if replace_with_query(con, catalog, name, f"select * from {name}")]
    finally:
        con.close()


def write_dbt_docs(settings: Settings, branch: Branch) -> Path:
    """Write dbt's documentation of the branch's build as one page that needs no network; return its path."""
    database = build_path(settings, branch)
    done = _dbt(settings, database, ["docs", "generate", "--static", "--no-compile"])
    page = database.parent / TARGET / "static_index.html"
    if done.returncode or not page.exists():
        raise RuntimeError(f"dbt docs generate failed: {done.stdout[-2000:]}")
    place = settings.docs / "dbt"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(page, place / "index.html")
    return place / "index.html"


def input_fingerprint(settings: Settings, branch: str, contracts: Mapping[str, Contract], resources: Iterable[str]) -> str:
    """Return a hash of all that a build of ``resources`` looks at: their tables, the contracts, the project, the suites."""
    pointers = branch_pointers(settings, branch)
    seen: dict[str, Any] = {
        "tables": {key: pointers.get(key) for key in sorted(resources)},
        "contracts": {key: contracts[key].model_dump_json() for key in sorted(contracts)},
        "files": _files_hash([PROJECT, CATALOG_ROOT / "vocabulary", CATALOG_ROOT / "derive", CATALOG_ROOT.parent / "expectations"]),
    }
    return hashlib.blake2b(json.dumps(seen, sort_keys=True).encode(), digest_size=16).hexdigest()


def _files_hash(roots: list[Path]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix in {".sql", ".yml", ".yaml", ".py"} and path.is_file():
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _folders(topic: str) -> list[str]:
    return ["governance", "catalogue"] if topic == CATALOGUE_TOPIC else [topic]


def _dbt(settings: Settings, database: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run dbt in a process of its own: it keeps global state, and its memory is gone when it ends."""
    folder = database.parent
    command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "--log-path", str(folder / "logs"), *arguments]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(folder / TARGET)]
    environment = {
        **os.environ,
        "CITYBRAIN_BUILD_DB": str(database),
        "CITYBRAIN_MEMORY_LIMIT": settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)


def _result(target: Path, done: subprocess.CompletedProcess[str], seconds: float) -> DbtResult:
    results = target / "run_results.json"
    if not results.exists():
        return DbtResult(False, 0, 0, seconds, [f"dbt did not start: {(done.stdout + done.stderr)[-2000:].strip()}"])
    rows = json.loads(results.read_text(encoding="utf-8"))["results"]
    kinds = [row["unique_id"].split(".")[0] for row in rows]
    failures = [
        f"dbt {row['unique_id'].split('.', 2)[2]}：{row['status']} {(row['message'] or '').strip()}"
        for row in rows
        if row["status"] in {"error", "fail", "runtime error"}
    ]
    if done.returncode and not failures:
        failures = [f"dbt failed: {done.stdout[-2000:].strip()}"]
    tests = sum(kind in {"test", "unit_test"} for kind in kinds)
    return DbtResult(not failures, kinds.count("model"), tests, seconds, failures)


def _marts(target: Path) -> list[str]:
    """Return the identifiers of the marts that the last build really built."""
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    rows = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    built = [nodes[row["unique_id"]] for row in rows if row["status"] == "success" and row["unique_id"] in nodes]
    marts = [node for node in built if node.get("config", {}).get("materialized") in COMMITTED_KINDS]
    return sorted(f"{node['schema']}.{node['alias']}" for node in marts)


def _create_empty(con: Connection, identifier: str, columns: Mapping[str, str]) -> None:
    schema, _, table = identifier.partition(".")
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    con.execute(f'create schema if not exists "{schema}"')
    con.execute(f'create table "{schema}"."{table}" ({declared})')


def _create_filled(con: Connection, identifier: str, columns: Mapping[str, str], rows: list[dict[str, Any]]) -> None:
    _create_empty(con, identifier, columns)
    if rows:
        con.register("rows", pa.Table.from_pylist(rows))
        names = ", ".join(f'"{name}"' for name in columns)
        con.execute(f"insert into {identifier} ({names}) select {names} from rows")
        con.unregister("rows")
