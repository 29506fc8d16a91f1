"""The hot path: parts of a delivery straight to Parquet, with the rows that need a closer look put aside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakehouse.connect.duck import Connection, DuckError, literal
from lakehouse.ingest.plan import Plan
from lakehouse.sources.errors import SourceError
from lakehouse.sources.received import Part, RowFault

MASK = (1 << 64) - 1
REST = "ingest_rest"  # received rows that were not accepted at first sight, with _row and _hash


@dataclass
class Observed:
    """What the observer saw of one relation; sums of hashes are modulo 2^64."""

    rows: int = 0
    accepted: int = 0
    hash_sum: int = 0
    accepted_hash_sum: int = 0
    rest: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def see(self, rows: pa.ChunkedArray, hashes: pa.ChunkedArray, ok: pa.ChunkedArray) -> pa.ChunkedArray:
        """Count a vector of rows; return ``ok``, by which the rows are filtered."""
        good = ok.to_numpy(zero_copy_only=False).astype(bool)
        sums = hashes.to_numpy()
        self.rows += len(good)
        total = int(sums.sum(dtype=np.uint64))
        self.hash_sum = (self.hash_sum + total) & MASK
        if good.all():
            self.accepted += len(good)
            self.accepted_hash_sum = (self.accepted_hash_sum + total) & MASK
        else:
            self.accepted += int(np.count_nonzero(good))
            self.accepted_hash_sum = (self.accepted_hash_sum + int(sums[good].sum(dtype=np.uint64))) & MASK
            self.rest.append(rows.to_numpy()[~good])
        return ok


@dataclass
class Accepted:
    """Sums over the parts of a delivery, and the files that were written."""

    received: int = 0
    rows: int = 0
    received_sum: int = 0
    accepted_sum: int = 0
    parts: list[Part] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)

    def add(self, part: Part, seen: Observed, files: list[Path]) -> None:
        """Add what one part gave."""
        self.received += seen.rows
        self.rows += seen.accepted
        self.received_sum = (self.received_sum + seen.hash_sum) & MASK
        self.accepted_sum = (self.accepted_sum + seen.accepted_hash_sum) & MASK
        self.parts.append(part)
        self.files += files
        self.faults += part.faults()


def accept_parts(
    con: Connection, parts: Iterator[Part], plan: Plan, folder: Path, copy_options: str, workers: int
) -> Accepted:
    """Write the canonical good rows of every part to ``folder``, and the other rows to the table ``REST``.

    Raises:
        SourceError: a part is beyond repair.
    """
    result = Accepted()
    con.execute(f"create or replace table {REST} as {_rest_select(plan, _nothing(plan))}")
    lock = threading.Lock()

    def work(number: int) -> None:
        cursor = con.cursor()
        observer = _Observer(cursor, f"observe_{number}")
        try:
            while True:
                with lock:
                    part = next(parts, None)
                if part is None:
                    return
                seen, files = _accept_part(cursor, part, plan, observer, folder, copy_options)
                part.close()
                with lock:
                    result.add(part, seen, files)
        finally:
            observer.remove()
            cursor.close()

    if workers == 1:
        work(0)
        return result
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(work, number) for number in range(workers)]:
            future.result()
    return result


class _Observer:
    """A function of the engine that reports to the current :class:`Observed`."""

    def __init__(self, con: Connection, name: str) -> None:
        self.con = con
        self.name = name
        self.seen = Observed()
        con.create_function(  # type: ignore[call-overload]  # the stubs know the enum only, which is not to be imported here
            name, self._see, ["BIGINT", "UBIGINT", "BOOLEAN"], "BOOLEAN", type="arrow", side_effects=True
        )

    def _see(self, rows: pa.ChunkedArray, hashes: pa.ChunkedArray, ok: pa.ChunkedArray) -> Any:
        return self.seen.see(rows, hashes, ok)

    def remove(self) -> None:
        self.con.remove_function(self.name)


def _accept_part(
    con: Connection, part: Part, plan: Plan, observer: _Observer, folder: Path, copy_options: str
) -> tuple[Observed, list[Path]]:
    target = folder / f"rows_{part.first_row}"
    while True:
        observer.seen = Observed()
        try:
            relation = part.relation()
            sql = plan.accept(relation, observer.name, [fault.row for fault in part.faults()])
            answer = con.execute(f"copy ({sql}) to {literal(str(target))} ({copy_options})").fetchone()
        except DuckError as error:
            _remove_files(target)
            if not _is_about_text(error):
                raise
            if part.repair():
                continue
            raise SourceError("delivery.incomplete", "文件内容无法按约定的格式解析") from error
        break
    seen = observer.seen
    files = [Path(file) for file in answer[1]] if answer and answer[0] else []
    _keep_rest(con, part, plan, seen)
    return seen, files


def _is_about_text(error: DuckError) -> bool:
    return "CSV Error" in str(error) or "unicode" in str(error).lower()


def _remove_files(folder: Path) -> None:
    for file in folder.glob("*"):
        file.unlink()


def _keep_rest(con: Connection, part: Part, plan: Plan, seen: Observed) -> None:
    if seen.rest:
        rows = np.concatenate(seen.rest)
        con.execute(f"insert into {REST} {received_rows(con, plan, part, rows)}")


def received_rows(con: Connection, plan: Plan, part: Part, rows: npt.NDArray[np.int64]) -> str:
    """Return the query of some rows of a part as received, with ``_row`` and ``_hash``."""
    con.register("ingest_wanted", pa.table({"_row": rows}))
    return _rest_select(plan, f"(select * from {part.relation()} where _row in (select _row from ingest_wanted))")


def _rest_select(plan: Plan, relation: str) -> str:
    return f"select {plan.received_columns}, _row, {plan.row_hash} as _hash from {relation}"


def _nothing(plan: Plan) -> str:
    names = plan.received_columns.split(", ")
    return f"(select {', '.join(f'cast(null as varchar) as {name}' for name in names)}, cast(0 as bigint) as _row where false)"
