"""Iceberg tables: create and evolve, append, merge and replace exactly once, look back, keep in order."""

from lakehouse.tables.commit import append_files, has_batch, replace_files
from lakehouse.tables.derived import replace_with_query
from lakehouse.tables.files import copy_options, move_files, parquet_target, write_files
from lakehouse.tables.maintenance import MaintenanceReport, compact, expire, maintain
from lakehouse.tables.merge import DuplicateKey, MergeResult, merge_rows
from lakehouse.tables.orphans import Orphan, find_orphans, remove_orphans
from lakehouse.tables.reachability import Fault
from lakehouse.tables.schema import SchemaConflict, ensure_table
from lakehouse.tables.timetravel import SnapshotInfo, UnknownTable, history, read_at
from lakehouse.tables.verifying import VerifyReport, verify

__all__ = [
    "DuplicateKey",
    "Fault",
    "MaintenanceReport",
    "MergeResult",
    "Orphan",
    "SchemaConflict",
    "SnapshotInfo",
    "UnknownTable",
    "VerifyReport",
    "append_files",
    "compact",
    "copy_options",
    "ensure_table",
    "expire",
    "find_orphans",
    "has_batch",
    "history",
    "maintain",
    "merge_rows",
    "move_files",
    "parquet_target",
    "read_at",
    "remove_orphans",
    "replace_files",
    "replace_with_query",
    "verify",
    "write_files",
]
