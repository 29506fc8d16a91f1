"""The hot path: parts of a delivery straight to Parquet, with the rows that need a closer look put aside."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from catalog.derive.iceberg import ROW_COLUMN
from lakehouse.connect.duck import Connection, DuckError, literal
from lakehouse.ingest.errors import AccountingError
from lakehouse.ingest.plan import Plan
from lakehouse.ingest.values import SPACES
from lakehouse.sources.errors import SourceError
from lakehouse.sources.received import WANTED, Part, RowFault

MASK = (1 << 64) - 1
HASHES_AT_ONCE = 20_000_000
REST = "ingest_rest"  # received rows that were not accepted at first sight, with _row and _hash
_RECORDS = "received_records"
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Taken:
    """What became of one part: records received, those accepted at first sight, the sums of their hashes, their keys' hashes."""

    received: int
    accepted: int
    received_sum: int
    accepted_sum: int
    files: list[Path]
    key_hashes: pl.Series


@dataclass
class Accepted:
    """The parts of a delivery together, and the files that were written; sums of hashes are modulo 2^64.

    ``key_hashes`` are those of the accepted rows; None for more rows than are held at once.
    """

    received: int = 0
    rows: int = 0
    received_sum: int = 0
    accepted_sum: int = 0
    parts: list[Part] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    key_hashes: list[pl.Series] | None = field(default_factory=list)

    def add(self, part: Part, taken: Taken) -> None:
        """Add what became of one part."""
        self.received += taken.received
        self.rows += taken.accepted
        self.received_sum = (self.received_sum + taken.received_sum) & MASK
        self.accepted_sum = (self.accepted_sum + taken.accepted_sum) & MASK
        self.parts.append(part)
        self.files += taken.files
        self.faults += part.faults()
        if self.rows > HASHES_AT_ONCE:
            self.key_hashes = None
        elif self.key_hashes is not None:
            self.key_hashes.append(taken.key_hashes)


def accept_parts(
    con: Connection, parts: Iterator[Part], plan: Plan, folder: Path, copy_options: str, workers: int
) -> Accepted:
    """Write the canonical good rows of every part to ``folder``, and the other rows to the table ``REST``.

    Raises:
        SourceError: a part is beyond repair.
    """
    result = Accepted()
    con.execute(f"create or replace table {REST} as {_nothing(plan)}")
    lock = threading.Lock()

    def next_part() -> Part | None:
        with lock:
            return next(parts, None)

    def work() -> None:
        with con.cursor() as cursor:
            while (part := next_part()) is not None:
                taken = _accept_part(cursor, part, plan, folder, copy_options)
                with lock:
                    result.add(part, taken)
                part.close()

    # Numbering rows makes the engine read a part with one thread; a thread of its own beside would only take turns.
    con.execute("set threads = 1")
    try:
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(work) for _ in range(workers)]:
                future.result()
    finally:
        con.execute(f"set threads = {workers}")
    result.parts.sort(key=lambda part: part.first_row)
    result.files.sort()
    return result


def _accept_part(con: Connection, part: Part, plan: Plan, folder: Path, copy_options: str) -> Taken:
    """Write one part's good rows; every record that is not among the written rows goes to ``REST``."""
    files, received, received_sum = _written(con, part, plan, folder / f"rows_{part.first_row:012}", copy_options)
    written = written_rows(con, plan, files)
    accepted: Rows = written[ROW_COLUMN].to_numpy() - (part.first_row + 1)
    missing = np.ones(received, dtype=bool)
    missing[accepted] = False
    others = np.flatnonzero(missing)
    if len(accepted) + len(others) != received:
        raise AccountingError(f"{plan.batch_id}: a record of part {part.first_row} was written twice")
    if not len(others):
        return Taken(received, received, received_sum, received_sum, files, written["h"])
    con.execute(f"insert into {REST} {received_rows(con, plan, part, others)}")
    of_part = f"_row > {part.first_row} and _row <= {part.first_row + received}"
    _, rest_sum = _sum(con, f"select count(*), sum(_hash) from {REST} where {of_part}")
    return Taken(received, len(accepted), received_sum, (received_sum - rest_sum) & MASK, files, written["h"])


def written_rows(con: Connection, plan: Plan, files: list[Path]) -> pl.DataFrame:
    """Return the row numbers of files, in no certain order, and as ``h`` the hashes of the keys."""
    if not files:
        return pl.DataFrame(schema={ROW_COLUMN: pl.Int64, "h": pl.UInt64})
    return con.execute(f"select {ROW_COLUMN}, {plan.key_hash} as h from {parquet(files)}").pl()


def parquet(files: list[Path]) -> str:
    """Return the relation of some files."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}])"


def _written(con: Connection, part: Part, plan: Plan, target: Path, copy_options: str) -> tuple[list[Path], int, int]:
    """Write a part, repairing it when the engine refuses it; return files, number of records, sum of their hashes."""
    while True:
        try:
            files = _copy(con, part, plan, target, copy_options)
            received, received_sum = _received(con, part, plan)
            if not part.doubtful() or _count(con, part) == received:
                return files, received, received_sum
        except DuckError as error:
            if not _is_about_text(error):
                raise
            if not part.repair():
                raise SourceError("delivery.incomplete", "文件内容无法按约定的格式解析") from error
        else:
            part.repair()
        shutil.rmtree(target, ignore_errors=True)


def _copy(con: Connection, part: Part, plan: Plan, target: Path, copy_options: str) -> list[Path]:
    relation, absent = part.relation(), part.absent()
    spaces = "".join(space for space in SPACES if space not in absent)
    sql = plan.accept(relation, spaces=spaces, not_rows=[fault.row for fault in part.faults()])
    answer = con.execute(f"copy ({sql}) to {literal(str(target))} ({copy_options})").fetchone()
    return sorted(Path(file) for file in answer[1]) if answer and answer[0] else []


def _received(con: Connection, part: Part, plan: Plan) -> tuple[int, int]:
    """Return number and sum of hashes of a part's records: of their bytes, or of their columns if they never were text."""
    records = part.record_bytes()
    if records is None:
        return _sum(con, f"select count(*), sum({plan.row_hash}) from {part.relation()}")
    con.register(_RECORDS, pa.table({"record": records}))
    return _sum(con, f"select count(*), sum(hash(record)) from {_RECORDS}")


def _sum(con: Connection, sql: str) -> tuple[int, int]:
    row = con.execute(sql).fetchone()
    return (int(row[0]), int(row[1] or 0) & MASK) if row else (0, 0)


def _count(con: Connection, part: Part) -> int:
    row = con.execute(f"select count(*) from {part.relation()}").fetchone()
    return int(row[0]) if row else 0


def _is_about_text(error: DuckError) -> bool:
    return any(sign in str(error) for sign in ("CSV Error", "CSV Parser", "unicode", "Unicode"))


def received_rows(con: Connection, plan: Plan, part: Part, places: Rows) -> str:
    """Return the query of some rows of a part as received, with ``_row`` and ``_hash``; ``places`` count from 0."""
    records = part.record_bytes()
    wanted = {"_row": places + (part.first_row + 1)}
    if records is not None:
        wanted["record"] = records.take(pa.array(places))
    rows = pa.table(wanted)
    con.register(WANTED, rows)
    hashes = plan.row_hash if records is None else "hash(record)"
    return f"select {plan.received_columns}, _row, {hashes} as _hash from {part.relation_of(rows)} join {WANTED} using (_row)"


def _nothing(plan: Plan) -> str:
    columns = ", ".join(f"cast(null as varchar) as {name}" for name in plan.received_columns.split(", "))
    return f"select {columns}, cast(0 as bigint) as _row, cast(0 as ubigint) as _hash where false"
