"""The reader over Trino: what ``citybrain query`` asks on the cluster profile, where a question may be too big for one machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.connect.trino_client import Answer, StatementRefused, ask
from lakehouse.query.guard import QueryError
from lakehouse.query.trino_guard import trino_question

_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "varchar": pa.string(),
    "char": pa.string(),
    "varbinary": pa.binary(),
}


class TrinoReader:
    """SELECT over the published tables, answered by Trino's reader catalog."""

    def __init__(self, settings: Settings) -> None:
        self._cluster = cluster_settings(settings)
        self._tables = frozenset(branch_pointers(settings))

    def tables(self) -> list[str]:
        """Return the identifiers of the published tables."""
        return sorted(self._tables)

    def arrow(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float = 600.0,
    ) -> pa.Table:
        """Answer one SELECT, DESCRIBE, SHOW or EXPLAIN; parameters are ``?``.

        Raises:
            QueryError: the statement is refused, wrong, or took longer than ``timeout_seconds``.
            ServerUnavailable: Trino, or a server behind it, does not answer.
        """
        if isinstance(params, Mapping):
            raise QueryError("parameters have no names here: write ? and give them in their order")
        question = trino_question(sql, self._tables)
        try:
            return _to_arrow(ask(self._cluster, question, params, timeout_seconds=timeout_seconds))
        except StatementRefused as refused:
            if refused.is_too_slow:
                raise QueryError(
                    f"the statement took longer than {timeout_seconds:g} seconds; narrow it down"
                ) from None
            raise QueryError(str(refused)) from None

    def close(self) -> None:
        """Nothing is kept open between statements."""


def _to_arrow(answer: Answer) -> pa.Table:
    columns = list(zip(*answer.rows, strict=True)) or [()] * len(answer.columns)
    arrays = [
        pa.array(list(values), type=arrow_type(kind)) for (_, kind), values in zip(answer.columns, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in answer.columns])


def arrow_type(trino_type: str) -> pa.DataType | None:
    """Return the Arrow type of a Trino type; None lets Arrow look at the values."""
    decimal = re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", trino_type)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if trino_type.startswith("timestamp"):
        return pa.timestamp("us", tz="UTC" if trino_type.endswith("with time zone") else None)
    if trino_type.startswith("time"):
        return pa.time64("us")
    return _TYPES.get(trino_type.partition("(")[0])
