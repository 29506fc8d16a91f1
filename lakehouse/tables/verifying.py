"""Verify the lakehouse: catalog, metadata, manifests and data files must agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyiceberg.manifest import DataFile, DataFileContent

from lakehouse.connect import objects
from lakehouse.connect.duck import Connection, DuckError, literal, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.tables.files import read_footer
from lakehouse.tables.orphans import MINIMUM_AGE_SECONDS, find_orphans
from lakehouse.tables.reachability import Fault, reachable


@dataclass(frozen=True)
class VerifyReport:
    """What was looked at and what is wrong; orphans are waste, not damage. ``rows`` are those in data files."""

    tables: int
    files: int
    rows: int
    faults: list[Fault] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults


def verify(
    settings: Settings,
    *,
    deep: bool = False,
    orphan_age_seconds: float = MINIMUM_AGE_SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> VerifyReport:
    """Check every file that a branch or a kept publish needs: there, of the recorded size and number of rows.

    ``deep`` also reads every page of every data file. ``progress`` gets files done and files in all.
    """
    found = reachable(settings)
    faults = list(found.faults)
    con = open_duckdb(settings=settings) if deep else None
    for done, (path, (table, entry)) in enumerate(sorted(found.data.items(), key=lambda item: item[0]), 1):
        fault = _check(path, table, entry, con)
        faults += [fault] if fault else []
        if progress:
            progress(done, len(found.data))
    return VerifyReport(
        tables=len(found.tables),
        files=len(found.data),
        rows=sum(entry.record_count for _, entry in found.data.values() if entry.content == DataFileContent.DATA),
        faults=faults,
        orphaned=[orphan.path for orphan in find_orphans(settings, minimum_age_seconds=orphan_age_seconds)],
    )


def _check(path: str, table: str, entry: DataFile, con: Connection | None) -> Fault | None:
    try:
        size = objects.size(path)
    except FileNotFoundError:
        return Fault("missing", path, table, "data file")
    if size != entry.file_size_in_bytes:
        return Fault("size", path, table, f"{size} bytes, recorded are {entry.file_size_in_bytes}")
    try:
        rows = read_footer(path)[0].num_rows
        if con is not None:
            # A count could be answered from the footer; a hash of every value decodes every page.
            con.execute(f"select bit_xor(hash(columns(*))) from read_parquet({literal(path)})").fetchall()
    except (OSError, ValueError, DuckError) as fault:
        return Fault("unreadable", path, table, str(fault).splitlines()[0])
    if rows != entry.record_count:
        return Fault("rows", path, table, f"{rows} rows, recorded are {entry.record_count}")
    return None
