"""Upsert by key as joins in DuckDB whose cost follows the change, not the table.

Files are first ruled out by the key bounds in the manifests. Those left are joined with the staged rows once, reading
the key and the version only; the content is read where the version does not decide. A file of which few rows change
keeps them under a position delete file, and their new versions go to a small new file; a file of which many rows
change is written again with them in place. Everything else keeps its file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, duck_type, files_sql, literal, quote
from lakehouse.connect.faults import fault_point
from lakehouse.connect.versions import Column, LiveFiles
from lakehouse.tables.commit import BATCH_ID, MAX_ATTEMPTS, Change, commit_once, has_batch, refresh, rewritable
from lakehouse.tables.deletes import write_deletes
from lakehouse.tables.files import data_files, write_files
from lakehouse.tables.pruning import bounds, files_that_may_hold

LINEAGE_COLUMNS = frozenset({"_batch_id", "_row"})  # say where a row came from; not part of its content
# Above this share of replaced rows a file is written again: readers would otherwise pay for them with every scan.
REWRITE_SHARE = 0.2


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
    """Merge the rows of a Parquet file (or of all that match a pattern) into the table by key, as one snapshot or none.

    A staged row with a new key is inserted. With a key that the table has: identical content (all columns but
    ``_batch_id`` and ``_row``) leaves the table's row as it is; an older ``version`` is superseded; else it replaces the
    table's row. ``mode="append"`` does not look at the version: other content always counts as newer. Keys must be
    unique in ``staged`` and not null. Nothing is committed when nothing changed, or when the batch is already there.

    Raises:
        DuplicateKey: a key is staged twice.
        StaleWriter: the branch was taken over.
        ForeignDeletes: another engine deleted rows of the table in a way that this merge would undo.
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
        objects.remove(file.file_path)


class _Merge:
    """One merge; ``run`` works against the version of the table that is loaded then."""

    def __init__(self, con: Connection, table: Table, staged: Path, key: list[str], version: str | None) -> None:
        self.con = con
        self.table = table
        self.key = key
        self.version = version
        self.columns = [
            Column(field.field_id, field.name, str(field.field_type), field.required) for field in table.schema().fields
        ]
        casts = ", ".join(f"cast({quote(c.name)} as {duck_type(c.type)}) as {quote(c.name)}" for c in self.columns)
        self.staged = f"(select {casts} from read_parquet({literal(str(staged))}))"

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
        live = rewritable(self.table)
        files = files_that_may_hold(self.con, self.table, live.data, self.staged, self.key)
        try:
            counts = self._match(files, live)
            inserted = self.staged_rows() - sum(counts.values())
            change, rewritten = self._write(files, live, inserted)
        finally:
            self.con.execute("drop table if exists merge_match")
            self.con.execute("drop table if exists merge_update")
        return MergeResult(inserted=inserted, files_rewritten=rewritten, **counts), change

    def _match(self, files: list[DataFile], live: LiveFiles) -> dict[str, int]:
        """Find the staged rows whose key the table has: where the table's row is, and the verdict on the staged one."""
        verdict, wanted = self._verdict(files)
        self.con.execute(
            f"create or replace temp table merge_match as {self._match_sql(wanted, files, live, verdict, self.staged)}"
        )
        unclear = self.con.execute("select distinct file_number from merge_match where verdict = 'unclear'").fetchall()
        if unclear:
            self._match_content(files, live, [number for (number,) in unclear])
        found = dict(self.con.execute("select verdict, count(*) from merge_match group by verdict").fetchall())
        return {verdict: found.get(verdict, 0) for verdict in ("updated", "identical", "superseded")}

    def _match_content(self, files: list[DataFile], live: LiveFiles, numbers: list[int]) -> None:
        """Decide by content where the versions are equal."""
        kept = [file if number in numbers else None for number, file in enumerate(files)]
        unclear = "(select * from merge_match where verdict = 'unclear')"
        staged = f"(select s.* from {self.staged} s semi join {unclear} m on {self._on_key('s', 'm')})"
        sql = self._match_sql(self.columns, kept, live, self._content_verdict(), staged)
        self.con.execute(f"insert into merge_match {sql}")
        self.con.execute("delete from merge_match where verdict = 'unclear'")

    def _match_sql(
        self, columns: list[Column], files: Iterable[DataFile | None], live: LiveFiles, verdict: str, staged: str
    ) -> str:
        keys = ", ".join(f"s.{quote(name)}" for name in self.key)
        chosen = [(number, file) for number, file in enumerate(files) if file is not None]
        numbers = [number for number, _ in chosen]
        source = self._table_sql(columns, [file for _, file in chosen], live)
        number = (
            f"({numbers}::bigint[])[t.file_number + 1]" if numbers != list(range(len(numbers))) else "t.file_number"
        )
        return (
            f"select {keys}, {number} as file_number, t.row_number, {verdict} as verdict"
            f" from {source} t join {staged} s on {self._on_key('t', 's')}"
        )

    def _verdict(self, files: list[DataFile]) -> tuple[str, list[Column]]:
        """Return the cheapest expression that decides on a staged row, and the columns of the table that it reads."""
        if self.version is None:
            return self._content_verdict(), self.columns
        if self._all_newer(files, self.version):
            return "'updated'", self._named(self.key)
        return self._version_verdict(quote(self.version)), self._named([*self.key, self.version])

    def _all_newer(self, files: list[DataFile], version: str) -> bool:
        """Tell from the bounds alone that every staged version is newer than any in the files, as a day's news are."""
        field = self.table.schema().find_field(version)
        highest = [bounds(file, field.field_id, field.field_type)[1] for file in files]
        staged = self.con.execute(
            f"select min({quote(version)}), count(*) = count({quote(version)}) from {self.staged}"
        ).fetchone()
        if staged is None or not staged[1] or not highest or None in highest:
            return False
        return bool(max(highest) < staged[0])

    def _content_verdict(self) -> str:
        skip = LINEAGE_COLUMNS | set(self.key)
        content = [quote(column.name) for column in self.columns if column.name not in skip]
        same = " and ".join(f"t.{name} is not distinct from s.{name}" for name in content) or "true"
        return f"case when {same} then 'identical' else 'updated' end"

    def _version_verdict(self, name: str) -> str:
        """A newer version is an update and an older one superseded, whatever the content; no version is the oldest."""
        return (
            f"case when s.{name} > t.{name} or (t.{name} is null and s.{name} is not null) then 'updated'"
            f" when s.{name} < t.{name} or (s.{name} is null and t.{name} is not null) then 'superseded' else 'unclear' end"
        )

    def _write(self, files: list[DataFile], live: LiveFiles, inserted: int) -> tuple[Change, int]:
        """Write the new data files and delete files; return the change and how many files were written again."""
        replaced = dict(
            self.con.execute(
                "select file_number, count(*) from merge_match where verdict = 'updated' group by 1 order by 1"
            ).fetchall()
        )
        full = [number for number, rows in replaced.items() if self._is_rewritten(files[number], rows, live)]
        marked = [number for number in replaced if number not in full]
        written = self._rewrite_all(files, live, full) + self._write_new(marked, inserted)
        added, removed = data_files(self.table, written), [files[number] for number in full]
        if marked:
            numbers = ", ".join(map(str, marked))
            positions = (
                "select file_number, row_number as pos from merge_match"
                f" where verdict = 'updated' and file_number in ({numbers})"
            )
            added += write_deletes(self.con, self.table, {number: files[number] for number in marked}, live, positions)
        for number in replaced:
            removed += live.deletes.get(files[number].file_path, [])
        return Change(added, removed), len(full)

    def _is_rewritten(self, file: DataFile, rows: int, live: LiveFiles) -> bool:
        return bool(rows + live.deleted_rows(file.file_path) > REWRITE_SHARE * file.record_count)

    def _write_new(self, marked: list[int], inserted: int) -> list[str]:
        """Write the new versions of the marked files' rows, and the rows with new keys."""
        wanted = ["m.verdict is null"] if inserted else []
        if marked:
            wanted.append(f"(m.verdict = 'updated' and m.file_number in ({', '.join(map(str, marked))}))")
        if not wanted:
            return []
        columns = ", ".join(f"s.{quote(column.name)}" for column in self.columns)
        return write_files(
            self.con,
            self.table,
            f"select {columns} from {self.staged} s left join merge_match m on {self._on_key('s', 'm')}"
            f" where {' or '.join(wanted)}",
        )

    def _rewrite_all(self, files: list[DataFile], live: LiveFiles, numbers: list[int]) -> list[str]:
        if not numbers:
            return []
        self.con.execute(
            f"create or replace temp table merge_update as select s.*, m.file_number from {self.staged} s"
            f" join merge_match m on {self._on_key('s', 'm')} where m.verdict = 'updated' order by m.file_number"
        )
        # The file must be the probe side: its rows stream through, only the updates are held in memory.
        self.con.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
        try:
            return [file for number in numbers for file in self._rewrite(files[number], number, live)]
        finally:
            self.con.execute("reset disabled_optimizers")

    def _rewrite(self, file: DataFile, number: int, live: LiveFiles) -> list[str]:
        """Write one file again with its updated rows replaced where they stand."""
        columns = ", ".join(
            f"case when u.file_number is null then t.{name} else u.{name} end as {name}"
            for name in (quote(column.name) for column in self.columns)
        )
        updates = f"(select * from merge_update where file_number = {number})"
        source = self._table_sql(self.columns, [file], live)
        return write_files(
            self.con,
            self.table,
            f"select {columns} from {source} t left join {updates} u on {self._on_key('t', 'u')}",
        )

    def _named(self, names: list[str]) -> list[Column]:
        return [column for column in self.columns if column.name in names]

    def _on_key(self, left: str, right: str) -> str:
        return " and ".join(f"{left}.{name} = {right}.{name}" for name in map(quote, self.key))

    def _table_sql(self, columns: list[Column], files: list[DataFile], live: LiveFiles) -> str:
        deletes = [(d.file_path, file.file_path) for file in files for d in live.deletes.get(file.file_path, [])]
        paths = [file.file_path for file in files]
        return files_sql(columns, paths, deletes, evolved=live.evolved, positions=True)

    def _count(self, sql: str) -> int:
        row = self.con.execute(sql).fetchone()
        return int(row[0]) if row else 0
