"""Pack the files of a table, fold deleted rows in, and lay rows that are asked for together beside each other.

Readers see the same rows before and after: both are counted and hashed, and when they differ nothing is kept. Files that
are no longer needed stay where they are, because another branch or a kept publish may show them; the city's own clean-up
(``citybrain verify``, maintenance) looks at all of them before it removes one. Snapshots are not expired either.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession

from lakehouse.branches import Branch, drop_branch, list_branches
from lakehouse.connect.database import MAIN, transaction
from lakehouse.connect.settings import Settings
from lakehouse.tables.maintenance import MAINTENANCE
from spark_jobs.branching import pointer, publish_tables, refuse_unpublished, working_branch
from spark_jobs.errors import Refused, WrongInput
from spark_jobs.fingerprints import fingerprint
from spark_jobs.job import parser, run_job
from spark_jobs.lake import branch_catalog, snapshot_properties
from spark_jobs.session import open_session

TARGET_BYTES = 256 << 20


@dataclass(frozen=True)
class Layout:
    """How rows are to lie: sorted by columns, or along a curve through all of them (``z_order``), or as they are."""

    columns: tuple[str, ...] = ()
    z_order: bool = False
    every_file: bool = False
    target_bytes: int = TARGET_BYTES

    def call(self, lake: str, table: str) -> str:
        """Return the call of Iceberg's procedure."""
        options = {
            "target-file-size-bytes": str(self.target_bytes),
            "rewrite-all": str(self.every_file or bool(self.columns)).lower(),
            "delete-file-threshold": "1",
            "remove-dangling-deletes": "true",
        }
        pairs = ", ".join(f"'{key}', '{value}'" for key, value in options.items())
        named = [f"table => '{table}'", f"options => map({pairs})"]
        if self.columns:
            names = ", ".join(self.columns)
            order = f"zorder({names})" if self.z_order else ", ".join(f"{c} ASC NULLS LAST" for c in self.columns)
            named += ["strategy => 'sort'", f"sort_order => '{order}'"]
        return f"call {lake}.system.rewrite_data_files({', '.join(named)})"


def transform(rows: DataFrame) -> DataFrame:
    """Return what must not change: the number of rows and the sum of their hashes."""
    return fingerprint(rows)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Compact one table on the branch that is named; ``main`` through a branch of its own."""
    settings, table = Settings(), str(options.table).replace("/", ".")
    columns = tuple(filter(None, (options.sort or options.zorder or "").split(",")))
    layout = Layout(columns, bool(options.zorder), options.all, options.target_bytes)
    is_main = options.branch == MAIN
    if not is_main and options.branch not in {info.name for info in list_branches(settings) if info.state == "open"}:
        raise WrongInput(f"there is no open branch {options.branch!r}", hint="`citybrain branches` lists them")
    branch = working_branch(settings, f"compact_{table}" if is_main else options.branch)
    refuse_unpublished(settings, table, branch.name)
    try:
        with open_session(f"compact {table}") as session:
            done = compact(session, settings, branch, table, layout)
        published = publish_tables(settings, branch, [table]) if is_main and done["changed"] else None
    finally:
        if is_main and any(info.name == branch.name and info.state != "dropped" for info in list_branches(settings)):
            drop_branch(settings, branch.name)
    return {"job": "compact_table", "table": table, "branch": options.branch, **done, "snapshot": published}


def compact(session: SparkSession, settings: Settings, branch: Branch, table: str, layout: Layout) -> dict[str, Any]:
    """Compact a table on a branch; return its files before and after.

    Raises:
        WrongInput: the branch has no such table, or the table no such column.
        Refused: readers would see other rows; the branch shows the table as it was.
    """
    before = pointer(settings, branch, table)
    if before is None:
        raise WrongInput(f"branch {branch.name!r} has no table {table!r}", hint="names are DEPT/RESOURCE")
    with branch_catalog(session, settings, branch.catalog_name) as lake:
        name = f"{lake}.{table}"
        unknown = sorted(set(layout.columns) - set(session.table(name).columns))
        if unknown:
            raise WrongInput(f"{table} has no column {', '.join(unknown)}", hint="see the contract of the resource")
        files, rows = _files(session, name), _one(transform(session.table(name)))
        with snapshot_properties(session, {MAINTENANCE: "compact"}):
            session.sql(layout.call(lake, table)).collect()
            session.sql(f"call {lake}.system.rewrite_position_delete_files(table => '{table}')").collect()
            session.sql(f"call {lake}.system.rewrite_manifests(table => '{table}', use_caching => false)").collect()
        session.sql(f"refresh table {name}")
        packed, still = _files(session, name), _one(transform(session.table(name)))
    if still != rows:
        _put_back(settings, branch, table, before)
        raise Refused(f"{table}: readers would see other rows ({rows['rows']} before, {still['rows']} after)")
    changed = pointer(settings, branch, table) != before
    return {"changed": changed, "rows": rows["rows"], "before": files.asDict(), "after": packed.asDict()}


def _files(session: SparkSession, name: str) -> Row:
    return _one(
        session.sql(
            "select count_if(content = 0) as data_files, count_if(content <> 0) as delete_files,"
            f" coalesce(sum(file_size_in_bytes), 0) as bytes from {name}.files"
        )
    )


def _put_back(settings: Settings, branch: Branch, table: str, before: str) -> None:
    with transaction(settings) as db:
        db.set_pointer(branch.catalog_name, table, before)


def _one(frame: DataFrame) -> Row:
    row = frame.first()
    if row is None:
        raise LookupError("an aggregate gave no row")
    return row


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job from the command line."""
    arguments = parser("compact_table", (__doc__ or "").splitlines()[0])
    arguments.add_argument("table", metavar="DEPT/RESOURCE", help="the table, such as sthj/device_reading")
    arguments.add_argument(
        "--branch", default=MAIN, help="branch to compact on (default: main, by a publish of its own)"
    )
    order = arguments.add_mutually_exclusive_group()
    order.add_argument("--sort", metavar="A,B", help="sort rows by these columns")
    order.add_argument("--zorder", metavar="A,B", help="lay rows along a curve through these columns")
    arguments.add_argument("--all", action="store_true", help="write every file again, not only small and dirty ones")
    arguments.add_argument(
        "--target-bytes", type=int, default=TARGET_BYTES, help="size of a file (default: %(default)s)"
    )
    return run_job(arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
