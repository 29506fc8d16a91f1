"""Tables that another engine deleted rows from: read correctly, never rewritten as if the rows were still there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestWriter, ManifestWriterV2
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.typedef import Record

from lakehouse.branches import open_branch, publish
from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, attach_branch
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.query import open_reader
from lakehouse.tables import compact, merge_rows
from lakehouse.tables.commit import ForeignDeletes, live

pytestmark = pytest.mark.integration


class _DeleteManifestWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _DeleteRows(_FastAppendFiles):
    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriter:
        return _DeleteManifestWriter(
            spec, self.schema(), self.new_manifest_output(), self._snapshot_id, self._compression
        )


@pytest.fixture
def table(settings: Settings, add_persons: Callable[..., bool]) -> Table:
    """Two files of ten persons; an engine like Spark or Trino deleted the first three of the first file."""
    branch = open_branch(settings, "run")
    add_persons(branch, "gaj.a", 0, 10, batch="b1")
    add_persons(branch, "gaj.a", 10, 20, batch="b2")
    publish(settings, branch)
    table = open_catalog(settings, "main").load_table("gaj.a")
    _delete_positions(table, sorted(file.file_path for file in live(table).data)[0], [0, 1, 2])
    return table


def _delete_positions(table: Table, data_file: str, positions: list[int]) -> None:
    path = f"{table.location()}/data/{uuid.uuid4().hex}-deletes.parquet"
    schema = pa.schema(
        [
            pa.field("file_path", pa.string(), False, {b"PARQUET:field_id": b"2147483546"}),
            pa.field("pos", pa.int64(), False, {b"PARQUET:field_id": b"2147483545"}),
        ]
    )
    with objects.open_output(path) as sink:
        pq.write_table(pa.table([[data_file] * len(positions), positions], schema=schema), sink)
    deletes = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=len(positions),
        file_size_in_bytes=objects.size(path),
        spec_id=0,
    )
    transaction = table.transaction()
    with _DeleteRows(Operation.DELETE, transaction, table.io) as update:
        update.append_data_file(deletes)
    transaction.commit_transaction()


def test_views_and_readers_leave_deleted_rows_out(settings: Settings, con: Connection, table: Table) -> None:
    attach_branch(con, settings)

    assert con.execute("select count(*), count(distinct person_id) from gaj.a").fetchone() == (17, 17)
    with open_reader(settings) as reader:
        assert reader.arrow("select count(*) from ops.quarantine").column(0).to_pylist() == [0]
        assert reader.arrow("select count(*) from gaj.a").column(0).to_pylist() == [17]
        assert reader.arrow("select count(*) from ops.quarantine").column(0).to_pylist() == [0]


def test_rewrites_are_refused_instead_of_bringing_deleted_rows_back(
    con: Connection, table: Table, tmp_path: Path
) -> None:
    con.execute(
        "copy (select '000001' as person_id, 1 as age, 1 as income, timestamp '2026-01-01' as updated_at,"
        f" 'b' as _batch_id, 1 as _row) to '{tmp_path}/x.parquet'"
    )

    with pytest.raises(ForeignDeletes, match="another engine"):
        merge_rows(con, table, tmp_path / "x.parquet", key=["person_id"], version=None, batch_id="b9")
    assert not compact(con, table)
