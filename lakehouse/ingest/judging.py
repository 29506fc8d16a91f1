"""The closer look: rows that were not accepted at first sight are parsed exactly, then accepted or put in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.derive.iceberg import ROW_COLUMN
from catalog.derive.sql_predicates import quote
from lakehouse.connect.duck import Connection, literal
from lakehouse.ingest.accepting import MASK, REST, parquet
from lakehouse.ingest.plan import Plan
from lakehouse.ingest.reasons import ROW_ENCODING, reason_rows
from lakehouse.sources.errors import SourceError
from lakehouse.sources.received import RowFault

JUDGED = "ingest_judged"
QUARANTINED = "ingest_quarantined"  # (_row, _hash, _key, _rules, _raw)
_FAULTS = "ingest_fault"
_REASONS = "ingest_reason"
CHANGED_RATIO = 0.9
CHANGED_ROWS = 3
_FAULT_SCHEMA = pa.schema([("_row", pa.int64()), ("rule", pa.string()), ("raw", pa.string()), ("key", pa.string())])


@dataclass(frozen=True)
class Judged:
    """How many rows the closer look accepted and refused, the sum of all their hashes, and the file of the accepted."""

    accepted: int
    quarantined: int
    hash_sum: int
    files: list[Path]


def judge_rest(
    con: Connection, plan: Plan, faults: list[RowFault], folder: Path, copy_options: str, *, excel: bool
) -> Judged:
    """Judge the rows of ``REST``; leave those to refuse in the table ``QUARANTINED``."""
    columns = [[getattr(fault, name) for fault in faults] for name in ("row", "rule", "raw", "key")]
    con.register(
        _FAULTS,
        pa.Table.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, _FAULT_SCHEMA, strict=True)], schema=_FAULT_SCHEMA
        ),
    )
    con.execute(f"create or replace table {JUDGED} as {plan.judge(REST, _FAULTS, excel=excel)}")
    con.execute(
        f"create or replace table {QUARANTINED} as select _row, _hash, _key, _rules, _raw from {JUDGED} where len(_rules) > 0"
    )
    accepted, quarantined, hash_sum = one_row(
        con,
        f"select count(*) filter (where len(_rules) = 0), count(*) filter (where len(_rules) > 0), sum(_hash) from {JUDGED}",
    )
    files: list[Path] = []
    if accepted:
        target = literal(str(folder / "rows_judged"))
        select = f"select {plan.output} from {JUDGED} where len(_rules) = 0 order by {ROW_COLUMN}"
        files = [Path(file) for file in one_row(con, f"copy ({select}) to {target} ({copy_options})")[1]]
    return Judged(accepted, quarantined, int(hash_sum or 0) & MASK, files)


def check_types(con: Connection, plan: Plan, files: list[Path]) -> None:
    """Refuse a delivery in which a whole column changed its type.

    Raises:
        SourceError: ``schema.changed_type``, when 90 % of a column's values, three at least, do not fit its type.
    """
    typed = [(i, prop) for i, prop in enumerate(plan.properties) if prop.base_type != "varchar"]
    if not typed:
        return
    counts = ", ".join(f"count(*) filter (where _t{i} is not null and _v{i} is null), count(_v{i})" for i, _ in typed)
    row = one_row(con, f"select {counts} from {JUDGED}")
    for position, (_, prop) in enumerate(typed):
        failing, fitting = row[2 * position], row[2 * position + 1]
        if failing < CHANGED_ROWS:
            continue
        first_sight = [file for file in files if file.parent.name != "rows_judged"]
        if first_sight:
            fitting += one_row(con, f"select count({quote(prop.name)}) from {parquet(first_sight)}")[0]
        if failing >= CHANGED_RATIO * (failing + fitting):
            raise SourceError(
                "schema.changed_type",
                f"{prop.business_name}（{prop.physical_name}）的 {failing + fitting} 个值中有 {failing} 个不是 {prop.physical_type}",
            )


def check_encoding(con: Connection, received: int, encoding: str | None) -> None:
    """Refuse a delivery of which nearly every row is in another encoding.

    Raises:
        SourceError: ``encoding.unreadable``.
    """
    foreign = one_row(con, f"select count(*) from {QUARANTINED} where _rules[1] = '{ROW_ENCODING}'")[0]
    if foreign >= CHANGED_ROWS and foreign >= CHANGED_RATIO * received:
        raise SourceError(
            "encoding.unreadable", f"{received} 行中有 {foreign} 行不是约定的 {(encoding or 'utf-8').upper()} 编码"
        )


def check_complete(con: Connection, received: int, *, open_end: bool) -> None:
    """Refuse a delivery whose last record has no line end and is not a good record either.

    Raises:
        SourceError: ``delivery.incomplete``.
    """
    if open_end and one_row(con, f"select count(*) from {QUARANTINED} where _row = {received}")[0]:
        raise SourceError("delivery.incomplete", f"第 {received} 条记录没有行结束符且不完整，文件可能没有传完")


def quarantine_select(con: Connection, plan: Plan, delivery: str) -> str:
    """Return the query of the quarantine table's rows."""
    rules, columns, reasons = zip(*reason_rows(plan.rules), strict=True)
    con.register(_REASONS, pa.table({"rule": rules, "column_name": pa.array(columns, pa.string()), "reason": reasons}))
    return (
        f"select {literal(plan.batch_id)} as batch_id, {literal(delivery)} as delivery, q._row as row_number, q._key as key,"
        " r.rule, array_to_string(q._rules, ',') as rules, r.column_name, r.reason, q._raw as raw"
        f" from {QUARANTINED} q join {_REASONS} r on r.rule = q._rules[1] order by q._row"
    )


def one_row(con: Connection, sql: str) -> tuple[Any, ...]:
    """Return the one row of a query."""
    row = con.execute(sql).fetchone()
    if row is None:
        raise LookupError(f"no row from: {sql[:200]}")
    return row
