"""What every reader hands to ingestion: parts of a delivery, each a relation of text columns with record numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

WANTED = "wanted_rows"  # a registered table with the column _row, and the record's bytes where it was received as text
PART_ROWS = 491_520  # rows of a part made from records; four Parquet row groups of DuckDB


@dataclass(frozen=True)
class RowFault:
    """A record that the reader could not take as it was; ``raw`` and ``key`` when its fields could not be told apart."""

    row: int
    rule: str
    reason: str
    raw: str | None = None
    key: str | None = None


class Part(Protocol):
    """A run of records."""

    @property
    def first_row(self) -> int:
        """Return the number of records before this part."""

    @property
    def rows(self) -> int | None:
        """Return the number of records; None when only reading tells."""

    def relation(self) -> str:
        """Return SQL of a relation with every received column as text, and ``_row``; may write a file first."""

    def record_bytes(self) -> pa.LargeBinaryArray | None:
        """Return each record as it was received; None for records that were not received as text of their own."""

    def relation_of(self, rows: pa.Table) -> str:
        """Return the relation of some records; ``rows``, registered as ``WANTED``: ``_row`` in order, ``record``."""

    def repair(self) -> bool:
        """Put aside the records that made the engine refuse the relation; False when there is nothing to repair."""

    def absent(self) -> str:
        """Return control characters that are known not to be in any value."""

    def doubtful(self) -> bool:
        """Tell whether the engine may see other records than were counted, so that it must be asked for their number."""

    def faults(self) -> list[RowFault]:
        """Return the records found faulty so far; complete once the relation was read."""

    def close(self) -> None:
        """Remove what :meth:`relation` wrote; the relation can be asked for again."""


@dataclass(frozen=True)
class Received:
    """One delivery, open for reading. ``columns`` are its headers; ``parts`` can be read once, in order.

    ``open_end``: the last record has no line end, so it may have been cut off. ``json_lines``: the relations also have
    ``_line``, the JSON object as received, whose keys may differ from record to record.
    """

    columns: list[str]
    parts: Iterator[Part]
    open_end: bool = False
    json_lines: bool = False


@dataclass
class ParquetPart:
    """Records that a reader wrote to Parquet, all columns as text, in order."""

    path: Path
    columns: list[str]
    first_row: int
    rows: int | None
    known_faults: list[RowFault] = field(default_factory=list)

    def relation(self) -> str:
        """Return the file with its row numbers."""
        path = str(self.path).replace("'", "''")
        number = f"cast(file_row_number + {self.first_row + 1} as bigint) as _row"
        return f"(select * exclude (file_row_number), {number} from read_parquet('{path}', file_row_number = true))"

    def record_bytes(self) -> None:
        """Return nothing: these records never were text."""

    def relation_of(self, rows: pa.Table) -> str:
        """Return the wanted rows of the file."""
        return f"(select * from {self.relation()} semi join {WANTED} using (_row))"

    def repair(self) -> bool:
        """There is nothing to repair in a file of our own."""
        return False

    def absent(self) -> str:
        """Return nothing: nobody looked."""
        return ""

    def doubtful(self) -> bool:
        """Return False: the file says how many records it has."""
        return False

    def faults(self) -> list[RowFault]:
        """Return what the reader found."""
        return self.known_faults

    def close(self) -> None:
        """Leave the file where it is: it is the landed delivery, or goes with the work folder."""
