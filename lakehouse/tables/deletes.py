"""Position delete files: which rows of a data file are no longer there, at most one file for each data file."""

from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record

from lakehouse.connect.duck import Connection, literal
from lakehouse.connect.versions import DELETE_PATH_ID, DELETE_POSITION_ID


def write_deletes(
    con: Connection, table: Table, file: DataFile, positions_sql: str, before: list[DataFile]
) -> DataFile:
    """Write the deleted positions of a data file: those of a query (column ``pos``) and those deleted before.

    The result takes the place of the files in ``before``.
    """
    target = Path(table.location()) / "data" / f"{uuid.uuid4().hex}-deletes.parquet"
    path = literal(file.file_path)
    old = "".join(
        f" union select pos from read_parquet({literal(deletes.file_path)}) where file_path = {path}"
        for deletes in before
    )
    con.execute(
        f"copy (select {path} as file_path, pos::bigint as pos from ({positions_sql}{old}) order by pos)"
        f" to {literal(str(target))} (format parquet, compression zstd,"
        f" field_ids {{file_path: {DELETE_PATH_ID}, pos: {DELETE_POSITION_ID}}})"
    )
    bound = {DELETE_PATH_ID: file.file_path.encode()}
    return DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=str(target),
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=pq.read_metadata(target).num_rows,
        file_size_in_bytes=target.stat().st_size,
        lower_bounds=bound,
        upper_bounds=bound,
        spec_id=table.spec().spec_id,
    )
