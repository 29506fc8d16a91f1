"""A build in Trino: dbt writes tables right on the branch, staging and intermediate ones into scratch schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import structlog
from pyiceberg.catalog import Catalog

from catalog.derive.tables import TABLE_COLUMNS, contract_tables
from lakehouse.branches import Branch
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import SCRATCH_PREFIX, branch_pointers
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino import open_trino
from lakehouse.pipeline.cluster_marts import settle_marts
from lakehouse.pipeline.dbt_process import DbtResult, run_build
from lakehouse.pipeline.dbt_trino import trino_environment
from lakehouse.pipeline.inputs import CATALOGUE_TOPIC, Inputs
from lakehouse.pipeline.lineage import LINEAGE_COLUMNS, LINEAGE_TABLE
from lakehouse.pipeline.ops_tables import OUTCOMES, QUALITY
from lakehouse.pipeline.project import lay_project
from lakehouse.pipeline.transform import (
    LineageFault,
    build_path,
    built_marts,
    lineage_rows,
    selection_of,
)
from lakehouse.tables import ensure_table

CONTRACT_SCHEMA = f"{SCRATCH_PREFIX}contract"
_ARROW = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}
_ICEBERG = {"varchar": "string", "integer": "int", "bigint": "long"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OnTrino:
    """A branch shown by a Trino catalog."""

    settings: Settings
    branch: Branch
    catalog: str

    @contextmanager
    def resources(self) -> Iterator[Any]:
        """Open a connection to the branch's catalog."""
        with open_trino(self.settings, self.catalog) as con:
            yield con

    marts = resources

    def build(self, inputs: Inputs, topic: str | None) -> DbtResult:
        """Put the contracts beside the data and run dbt."""
        log.info("dbt starts", branch=self.branch.name, topic=topic, catalog=self.catalog)
        database = build_path(self.settings, self.branch)
        try:
            self._lay_out(inputs, topic)
        except LineageFault as fault:
            return DbtResult(False, 0, 0, 0.0, [str(fault)])
        return run_build(self.settings, database, selection_of(topic), trino=self.environment(inputs))

    def environment(self, inputs: Inputs) -> dict[str, str]:
        """Return the environment in which dbt finds the branch."""
        present = branch_pointers(self.settings, self.branch.name).keys()
        absent = (inputs.readable.keys() | {OUTCOMES, QUALITY}) - present
        return trino_environment(cluster_settings(self.settings), self.catalog, absent)

    def commit(self, topic: str | None) -> list[str]:
        """Tell the marts that changed from those that were only written again, and put the latter back."""
        built = built_marts(build_path(self.settings, self.branch), topic)
        with open_trino(self.settings, self.catalog) as con:
            return settle_marts(self.settings, self.branch, con, built)

    def _lay_out(self, inputs: Inputs, topic: str | None) -> None:
        """Write what dbt reads besides the resources: the contracts as tables, and the project's column lineage."""
        database = build_path(self.settings, self.branch)
        catalog = open_catalog(self.settings, self.branch.catalog_name)
        lay_project(database, inputs)
        for table, rows in contract_tables(inputs.contracts, inputs.vocabulary).items():
            _write(catalog, f"{CONTRACT_SCHEMA}.{table}", TABLE_COLUMNS[table], rows)
        lineage: list[dict[str, Any]] = []
        if topic in {None, CATALOGUE_TOPIC}:
            lineage = lineage_rows(self.settings, database)
        _write(catalog, f"{CONTRACT_SCHEMA}.{LINEAGE_TABLE.partition('.')[2]}", LINEAGE_COLUMNS, lineage)


def _write(catalog: Catalog, identifier: str, columns: Mapping[str, str], rows: list[dict[str, Any]]) -> None:
    """Let a scratch table hold these rows."""
    fields = [
        {"id": position, "name": name, "required": False, "type": _ICEBERG.get(kind, kind)}
        for position, (name, kind) in enumerate(columns.items(), start=1)
    ]
    table = ensure_table(catalog, identifier, {"type": "struct", "schema-id": 0, "fields": fields})
    schema = pa.schema([pa.field(name, _ARROW[kind]) for name, kind in columns.items()])
    content = pa.Table.from_pylist(rows, schema=schema)
    if table.current_snapshot() is None:
        table.append(content)
    else:  # an earlier attempt on this branch
        table.overwrite(content)
