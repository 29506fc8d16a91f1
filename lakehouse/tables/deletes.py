"""Position delete files: which rows of a data file are no longer there, at most one file for each data file."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record

from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, literal
from lakehouse.connect.versions import DELETE_PATH_ID, DELETE_POSITION_ID, LiveFiles
from lakehouse.tables.files import data_folder

_SCHEMA = pa.schema(
    [
        pa.field("file_path", pa.string(), nullable=False, metadata={"PARQUET:field_id": str(DELETE_PATH_ID)}),
        pa.field("pos", pa.int64(), nullable=False, metadata={"PARQUET:field_id": str(DELETE_POSITION_ID)}),
    ]
)


def write_deletes(
    con: Connection, table: Table, files: Mapping[int, DataFile], live: LiveFiles, positions_sql: str
) -> list[DataFile]:
    """Write one delete file for each numbered data file: the positions of a query and those deleted before.

    ``positions_sql`` gives ``file_number`` and ``pos``. The results take the place of the files' deletes in ``live``.
    """
    before = [
        f" union select {number}, pos from read_parquet({literal(old.file_path)}) where file_path = {literal(file.file_path)}"
        for number, file in files.items()
        for old in live.deletes.get(file.file_path, [])
    ]
    # Two integers a deleted row: small even for a merge that touches millions.
    marks = con.execute(
        f"select file_number, pos::bigint as pos from ({positions_sql}{''.join(before)}) order by file_number, pos"
    ).to_arrow_table()
    written, offset = [], 0
    for group in marks.column("file_number").value_counts():
        number, rows = group["values"].as_py(), group["counts"].as_py()
        positions = marks.column("pos").slice(offset, rows).combine_chunks()
        written.append(_write(table, files[number], positions))
        offset += rows
    return written


def _write(table: Table, file: DataFile, positions: pa.Array) -> DataFile:
    target = f"{data_folder(table)}/{uuid.uuid4().hex}-deletes.parquet"
    paths = pa.repeat(pa.scalar(file.file_path), len(positions))
    with objects.store_errors(target), objects.open_output(target) as sink:
        pq.write_table(pa.table([paths, positions], schema=_SCHEMA), sink, compression="zstd")
    bound = {DELETE_PATH_ID: file.file_path.encode()}
    return DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=target,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=len(positions),
        file_size_in_bytes=objects.size(target),
        lower_bounds=bound,
        upper_bounds=bound,
        spec_id=table.spec().spec_id,
    )
