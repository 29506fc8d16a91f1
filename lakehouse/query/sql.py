"""The engine that an operator's question goes to: DuckDB on the embedded profile, Trino on the cluster profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import pyarrow as pa

from lakehouse.connect.settings import Settings
from lakehouse.query.reader import open_reader


class SqlReader(Protocol):
    """What both engines' readers do."""

    def tables(self) -> list[str]: ...

    def arrow(self, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> pa.Table: ...


@contextmanager
def open_sql(settings: Settings, snapshot: str | None = None) -> Iterator[SqlReader]:
    """Open a reader over ``main`` for free questions.

    What ``main`` was at a publish is answered by DuckDB on both profiles: Trino's reader catalog shows only the newest.
    """
    if settings.profile != "cluster" or snapshot is not None:
        with open_reader(settings, snapshot) as reader:
            yield reader
        return
    from lakehouse.query.trino_reader import TrinoReader

    yield TrinoReader(settings)
