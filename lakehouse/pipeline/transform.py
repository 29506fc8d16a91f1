"""Let dbt build on a branch: lay out its database, run it, and commit its marts to the branch.

dbt works in a DuckDB file of the run's own: views over the branch's tables, the contracts as tables, and what it
builds. Only marts are committed, and only those whose content changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import structlog
from filelock import FileLock

from catalog.contract.load import CATALOG_ROOT
from catalog.contract.model import Contract
from catalog.derive.tables import TABLE_COLUMNS, contract_tables
from lakehouse.branches import Branch
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import SCRATCH_PREFIX, branch_pointers
from lakehouse.connect.duck import Connection, attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.pipeline import lineage
from lakehouse.pipeline.dbt_process import (
    MANIFEST,
    DbtResult,
    built_tables,
    dbt_cache,
    read_manifest,
    run_build,
    run_command,
    said,
    target_of,
)
from lakehouse.pipeline.dbt_trino import trino_environment
from lakehouse.pipeline.errors import PipelineError
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, Inputs
from lakehouse.pipeline.lineage import LINEAGE_COLUMNS, LINEAGE_TABLE, column_edges
from lakehouse.pipeline.ops_tables import OUTCOMES, QUALITY, ops_columns
from lakehouse.pipeline.project import NOT_CODE, lay_project, project_of
from lakehouse.pipeline.topics import PROJECT
from lakehouse.tables import replace_with_query

COMMITTED_KINDS = ("table", "incremental")
_CODE = {".sql", ".yml", ".yaml", ".py"}

log = structlog.get_logger(__name__)


class LineageFault(RuntimeError):
    """The project's column lineage cannot be told; without it nothing is built."""


__all__ = [
    "DbtResult",
    "build_path",
    "commit_models",
    "input_fingerprint",
    "prepare_build",
    "run_dbt",
    "write_dbt_docs",
]


def build_path(settings: Settings, branch: Branch) -> Path:
    """Return where the build database of a branch lies."""
    return settings.runs / branch.name / "build.duckdb"


def prepare_build(settings: Settings, branch: Branch, inputs: Inputs) -> Path:
    """Make a fresh build database over what the branch shows now, and lay out the project that dbt is to build in it.

    A resource without a table reads as empty.
    """
    database = build_path(settings, branch)
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    lay_project(database, inputs)
    con = open_duckdb(database, settings=settings)
    try:
        present = set(attach_branch(con, settings, branch.name))
        for contract in inputs.readable.values():
            if contract.key not in present:
                columns = {prop.name: prop.physical_type for prop in contract.properties}
                _create_empty(con, contract.key, {**columns, "_batch_id": "varchar", "_row": "bigint"})
        for identifier in {OUTCOMES, QUALITY} - present:
            _create_empty(con, identifier, ops_columns(identifier))
        for table, rows in contract_tables(inputs.contracts, inputs.vocabulary).items():
            _create_filled(con, f"contract.{table}", TABLE_COLUMNS[table], rows)
        _create_empty(con, LINEAGE_TABLE, LINEAGE_COLUMNS)
    finally:
        con.close()
    return database


def run_dbt(settings: Settings, branch: Branch, database: Path, *, topic: str | None = None) -> DbtResult:
    """Run ``dbt build`` on a build database: everything, or the marts of one topic with all that they need."""
    log.info("dbt starts", branch=branch.name, topic=topic)
    if topic in {None, CATALOGUE_TOPIC}:
        try:
            _load_lineage(settings, database)
        except LineageFault as fault:
            return DbtResult(False, 0, 0, 0.0, [str(fault)])
    return run_build(settings, database, selection_of(topic))


def selection_of(topic: str | None) -> list[str]:
    """Return what dbt is to build for a topic, in its own words; nothing stands for everything."""
    return [] if topic is None else [f"+path:models/marts/{folder}" for folder in mart_schemas(topic)]


def mart_schemas(topic: str) -> list[str]:
    """Return the schemas whose marts a topic builds."""
    return ["governance", "catalogue"] if topic == CATALOGUE_TOPIC else [topic]


def built_marts(database: Path, topic: str | None) -> list[str]:
    """Return ``schema.table`` of the marts (of one topic) that the last build on this database made."""
    return [
        name
        for name in built_tables(database, COMMITTED_KINDS)
        if not name.startswith(SCRATCH_PREFIX) and (topic is None or name.partition(".")[0] in mart_schemas(topic))
    ]


def commit_models(settings: Settings, branch: Branch, database: Path, *, topic: str | None = None) -> list[str]:
    """Commit the marts of a build (of one topic) to the branch; return the identifiers whose content changed."""
    catalog = open_catalog(settings, branch.catalog_name)
    wanted = built_marts(database, topic)
    con = open_duckdb(database, read_only=True, settings=settings)
    try:
        return [name for name in wanted if replace_with_query(con, catalog, name, f"select * from {name}")]
    finally:
        con.close()


def write_dbt_docs(settings: Settings, branch: Branch) -> Path:
    """Write dbt's documentation of the branch's build as one page that needs no network; return its path.

    Raises:
        PipelineError: the branch has no build, or dbt could not write the page.
    """
    database = build_path(settings, branch)
    if not (target_of(database) / MANIFEST).exists():
        raise PipelineError(f"branch {branch.name} has no build to document; run the pipeline first")
    page = target_of(database) / "static_index.html"
    done = _generate_docs(settings, branch, database)
    if done.returncode or not page.exists():
        raise PipelineError(f"dbt docs generate failed: {said(done)}")
    place = settings.docs / "dbt"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(page, place / "index.html")
    return place / "index.html"


def _generate_docs(settings: Settings, branch: Branch, database: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["docs", "generate", "--static", "--no-compile"]
    if settings.profile == "embedded":
        return run_command(settings, database, arguments)
    from lakehouse.connect.trino import branch_catalog

    with branch_catalog(settings, branch.catalog_name) as catalog:
        trino = trino_environment(cluster_settings(settings), catalog)
        return run_command(settings, database, arguments, trino=trino)


def input_fingerprint(
    settings: Settings, branch: str, contracts: Mapping[str, Contract], resources: Iterable[str]
) -> str:
    """Return a hash of all that a build of ``resources`` looks at: their tables, the contracts, the project, the suites."""
    pointers = branch_pointers(settings, branch)
    code = [PROJECT, CATALOG_ROOT / "vocabulary", CATALOG_ROOT / "derive", CATALOG_ROOT.parent / "expectations"]
    seen: dict[str, Any] = {
        "tables": {key: pointers.get(key) for key in sorted(resources)},
        "contracts": {key: contracts[key].model_dump_json() for key in sorted(contracts)},
        "files": _files_hash(code),
        "as_of": str(settings.as_of_date),
    }
    return _hash(seen)


def _load_lineage(settings: Settings, database: Path) -> None:
    """Put the project's column lineage into the build database."""
    rows = lineage_rows(settings, database)
    con = open_duckdb(database, settings=settings)
    try:
        con.execute(f"delete from {LINEAGE_TABLE}")
        _insert(con, LINEAGE_TABLE, LINEAGE_COLUMNS, rows)
    finally:
        con.close()


def lineage_rows(settings: Settings, database: Path) -> list[dict[str, Any]]:
    """Return the rows of the column lineage of a build's project, by the names that its columns have on DuckDB.

    It depends on the project alone, so the project is compiled for it once per version: on a DuckDB file of its own whatever
    the build runs on, so that both profiles call things by the same names, and so that nothing changes in the build.

    Raises:
        LineageFault: the project does not compile, or a model cannot be read.
    """
    project = project_of(database)
    kept = dbt_cache(settings) / f"lineage-{_lineage_version(project)}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            beside = database.parent / "lineage" / database.name
            beside.parent.mkdir(parents=True, exist_ok=True)
            done = run_command(settings, beside, ["compile"], project=project)
            if done.returncode:
                raise LineageFault(f"dbt 编译失败 (compile failed): {said(done)}")
            try:
                edges = column_edges(read_manifest(beside), _described_columns())
            except ValueError as error:
                raise LineageFault(str(error)) from error
            fresh = kept.with_suffix(".new")
            fresh.write_text(json.dumps(edges), encoding="utf-8")
            fresh.replace(kept)
    return [dict(zip(LINEAGE_COLUMNS, edge, strict=True)) for edge in json.loads(kept.read_text(encoding="utf-8"))]


def _lineage_version(project: Path) -> str:
    """Return a hash of all that column lineage depends on: the project, its reader, the tables it does not describe."""
    reader = Path(lineage.__file__).read_text(encoding="utf-8")
    return _hash({"project": _files_hash([project]), "reader": reader, "described": _described_columns()})


def _described_columns() -> dict[str, list[str]]:
    """Return the columns of the tables that the project does not describe itself."""
    known = {f"contract.{table}": list(columns) for table, columns in TABLE_COLUMNS.items()}
    known |= {identifier: list(ops_columns(identifier)) for identifier in (OUTCOMES, QUALITY)}
    return {**known, LINEAGE_TABLE: list(LINEAGE_COLUMNS)}


def _files_hash(roots: Sequence[Path]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for root in roots:
        for path in sorted(root.rglob("*")):
            below = path.relative_to(root)
            if path.suffix in _CODE and not NOT_CODE & set(below.parts) and path.is_file():
                digest.update(str(below).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _hash(seen: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(seen, sort_keys=True).encode(), digest_size=16).hexdigest()


def _create_empty(con: Connection, identifier: str, columns: Mapping[str, str]) -> None:
    schema, _, table = identifier.partition(".")
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    con.execute(f'create schema if not exists "{schema}"')
    con.execute(f'create table "{schema}"."{table}" ({declared})')


def _create_filled(con: Connection, identifier: str, columns: Mapping[str, str], rows: list[dict[str, Any]]) -> None:
    _create_empty(con, identifier, columns)
    _insert(con, identifier, columns, rows)


def _insert(con: Connection, identifier: str, columns: Mapping[str, str], rows: list[dict[str, Any]]) -> None:
    if rows:
        con.register("rows", pa.Table.from_pylist(rows))
        names = ", ".join(f'"{name}"' for name in columns)
        con.execute(f"insert into {identifier} ({names}) select {names} from rows")
        con.unregister("rows")
