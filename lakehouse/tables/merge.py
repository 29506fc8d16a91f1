"""Upsert by key as joins in DuckDB, rewriting only the data files that hold a changed key.

The cost follows the change: files are first ruled out by the key bounds in the manifests; those left are joined with
the staged rows once, to sort the staged rows into inserted, updated, identical and superseded; only files with an
updated row are written again, each row about where it stood, so that key bounds stay narrow. Everything else keeps its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from lakehouse.connect.duck import Connection, files_sql, literal, quote
from lakehouse.connect.faults import fault_point
from lakehouse.connect.iceberg import Column
from lakehouse.tables.commit import (
    BATCH_ID,
    MAX_ATTEMPTS,
    Change,
    commit_once,
    has_batch,
    refresh,
    rewritable_files,
)
from lakehouse.tables.files import data_files, write_files
from lakehouse.tables.pruning import files_that_may_hold

LINEAGE_COLUMNS = frozenset({"_batch_id", "_row"})  # say where a row came from; not part of its content


@dataclass(frozen=True)
class MergeResult:
    """What became of the staged rows; ``inserted + updated + identical + superseded`` is their number."""

    inserted: int = 0
    updated: int = 0
    identical: int = 0
    superseded: int = 0
    files_rewritten: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.inserted or self.updated)


class DuplicateKey(ValueError):
    """The staged rows have the same key twice; a merge would not know which one to keep."""


def merge_rows(
    con: Connection,
    table: Table,
    staged: Path,
    *,
    key: list[str],
    version: str | None,
    batch_id: str,
    summary: dict[str, str] | None = None,
    mode: Literal["upsert", "append"] = "upsert",
) -> MergeResult:
    """Merge the rows of a Parquet file into the table by key, as one snapshot or none.

    A staged row with a new key is inserted. With a key that the table has: identical content (all columns but
    ``_batch_id`` and ``_row``) leaves the table's row as it is; an older ``version`` is superseded; else it replaces the
    table's row. ``mode="append"`` does not look at the version: other content always counts as newer. Keys must be
    unique in ``staged`` and not null. Nothing is committed when nothing changed, or when the batch is already there.

    Raises:
        DuplicateKey: a key is staged twice.
        StaleWriter: the branch was taken over.
        ForeignDeletes: another engine deleted rows of the table.
    """
    merge = _Merge(con, table, staged, key, version if mode == "upsert" else None)
    merge.check_unique()
    properties = dict(summary or {}) | {BATCH_ID: batch_id}
    for _ in range(MAX_ATTEMPTS):
        if has_batch(table, batch_id):
            return MergeResult(identical=merge.staged_rows())
        result, change = merge.run()
        fault_point("after-data-files")
        if not change:
            return result
        try:
            commit_once(table, change, properties)
        except (CommitFailedException, ValidationException):
            _discard(change)
            refresh(table)
            continue
        fault_point("after-commit")
        return result
    raise CommitFailedException(
        f"{'.'.join(table.name())}: other writers were faster {MAX_ATTEMPTS} times; run again later"
    )


def _discard(change: Change) -> None:
    for file in change.added:
        Path(file.file_path).unlink(missing_ok=True)


class _Merge:
    """One merge against the loaded version of the table."""

    def __init__(self, con: Connection, table: Table, staged: Path, key: list[str], version: str | None) -> None:
        self.con = con
        self.table = table
        self.staged = f"read_parquet({literal(str(staged))})"
        self.key = key
        self.version = version

    def staged_rows(self) -> int:
        """Count the staged rows."""
        return self._count(f"select count(*) from {self.staged}")

    def check_unique(self) -> None:
        """Refuse staged rows with a key twice."""
        keys = ", ".join(map(quote, self.key))
        twice = self.con.execute(
            f"select {keys} from {self.staged} group by {keys} having count(*) > 1 limit 1"
        ).fetchone()
        if twice is not None:
            raise DuplicateKey(f"{'.'.join(self.table.name())}: key {twice} is staged twice; keep one row for each key")

    def run(self) -> tuple[MergeResult, Change]:
        """Sort the staged rows and write the files of the new version; commit nothing."""
        live = rewritable_files(self.table)
        candidates = files_that_may_hold(self.con, self.table, live, self.staged, self.key)
        try:
            counts = self._match(candidates)
            touched = self._touched(candidates)
            added = self._rewrite_all(touched)
            inserted = self.staged_rows() - sum(counts.values())
            if inserted:
                added += write_files(self.con, self.table, self._inserts())
        finally:
            self.con.execute("drop table if exists merge_match")
            self.con.execute("drop table if exists merge_update")
        result = MergeResult(inserted=inserted, files_rewritten=len(touched), **counts)
        return result, Change(added=data_files(self.table, added), removed=[file for file, _ in touched])

    def _match(self, candidates: list[DataFile]) -> dict[str, int]:
        """Join the staged rows with the table; keep key, file and verdict of those whose key the table has."""
        keys = ", ".join(f"s.{quote(name)}" for name in self.key)
        same = " and ".join(f"t.{name} is not distinct from s.{name}" for name in map(quote, self._content())) or "true"
        older = "false"
        if self.version:
            name = quote(self.version)
            older = f"(s.{name} < t.{name} or (s.{name} is null and t.{name} is not null))"
        self.con.execute(
            f"create or replace temp table merge_match as select {keys}, t.file_number,"
            f" case when {same} then 'identical' when {older} then 'superseded' else 'updated' end as verdict"
            f" from {self._table_sql(candidates)} t join {self.staged} s on {self._on_key('t', 's')}"
        )
        found = dict(self.con.execute("select verdict, count(*) from merge_match group by verdict").fetchall())
        return {verdict: found.get(verdict, 0) for verdict in ("updated", "identical", "superseded")}

    def _touched(self, candidates: list[DataFile]) -> list[tuple[DataFile, int]]:
        """Return the files that hold an updated row, with their numbers, and stage the new rows by file."""
        self.con.execute(
            f"create or replace temp table merge_update as select s.*, m.file_number from {self.staged} s"
            f" join merge_match m on {self._on_key('s', 'm')} where m.verdict = 'updated' order by m.file_number"
        )
        numbers = self.con.execute("select distinct file_number from merge_update order by 1").fetchall()
        return [(candidates[number], number) for (number,) in numbers]

    def _rewrite_all(self, touched: list[tuple[DataFile, int]]) -> list[Path]:
        # The file must be the probe side: its rows stream through about in their order, only the updates are hashed.
        self.con.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
        try:
            return [path for file, number in touched for path in self._rewrite(file, number)]
        finally:
            self.con.execute("reset disabled_optimizers")

    def _rewrite(self, file: DataFile, number: int) -> list[Path]:
        """Write one file again with its updated rows replaced where they stand."""
        columns = ", ".join(
            f"case when u.file_number is null then t.{name} else u.{name} end as {name}"
            for name in (quote(field.name) for field in self.table.schema().fields)
        )
        return write_files(
            self.con,
            self.table,
            f"select {columns} from {self._table_sql([file])} t"
            f" left join (select * from merge_update where file_number = {number}) u on {self._on_key('t', 'u')}",
        )

    def _inserts(self) -> str:
        columns = ", ".join(quote(field.name) for field in self.table.schema().fields)
        return f"select {columns} from {self.staged} s anti join merge_match m on {self._on_key('s', 'm')}"

    def _content(self) -> list[str]:
        skip = LINEAGE_COLUMNS | set(self.key)
        return [field.name for field in self.table.schema().fields if field.name not in skip]

    def _on_key(self, left: str, right: str) -> str:
        return " and ".join(f"{left}.{name} = {right}.{name}" for name in map(quote, self.key))

    def _table_sql(self, files: list[DataFile]) -> str:
        columns = tuple(Column(f.field_id, f.name, str(f.field_type), f.required) for f in self.table.schema().fields)
        source = files_sql(columns, [file.file_path for file in files])
        number = "file_index::integer" if files else "cast(null as integer)"
        return f"(select *, {number} as file_number from {source})"

    def _count(self, sql: str) -> int:
        row = self.con.execute(sql).fetchone()
        return int(row[0]) if row else 0
