"""A delivery that lacks columns which it may lack: they are there, and null, for all that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from catalog.derive.sql_predicates import quote
from lakehouse.sources.received import Part, Received, RowFault


def completed(received: Received, missing: Sequence[str]) -> Received:
    """Return the delivery with the columns of these headers beside its own."""
    if not missing:
        return received
    nulls = "".join(f", cast(null as varchar) as {quote(name)}" for name in missing)

    def parts() -> Iterator[Part]:
        for part in received.parts:
            yield CompletedPart(part, nulls)

    return replace(received, columns=[*received.columns, *missing], parts=parts())


@dataclass(frozen=True)
class CompletedPart:
    """A part of it; ``nulls`` are the columns that it lacks, as a query selects them."""

    part: Part
    nulls: str

    @property
    def first_row(self) -> int:
        """Return the number of records before this part."""
        return self.part.first_row

    @property
    def rows(self) -> int | None:
        """Return the number of records."""
        return self.part.rows

    def relation(self) -> str:
        """Return the relation of the part with all columns."""
        return f"(select *{self.nulls} from {self.part.relation()})"

    def record_bytes(self) -> pa.LargeBinaryArray | None:
        """Return each record as it was received."""
        return self.part.record_bytes()

    def relation_of(self, rows: pa.Table) -> str:
        """Return the relation of some records with all columns."""
        return f"(select *{self.nulls} from {self.part.relation_of(rows)})"

    def repair(self) -> bool:
        """Put aside the records that made the engine refuse the relation."""
        return self.part.repair()

    def absent(self) -> str:
        """Return control characters that are known not to be in any value."""
        return self.part.absent()

    def doubtful(self) -> bool:
        """Tell whether the engine may see other records than were counted."""
        return self.part.doubtful()

    def faults(self) -> list[RowFault]:
        """Return the records found faulty so far."""
        return self.part.faults()

    def close(self) -> None:
        """Remove what was written."""
        self.part.close()
