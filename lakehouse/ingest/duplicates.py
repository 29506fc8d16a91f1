"""The same key twice in one delivery: identical rows count once, of different ones the newest is kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from catalog.derive.iceberg import ROW_COLUMN
from catalog.derive.sql_predicates import quote
from lakehouse.connect.duck import Connection, literal
from lakehouse.ingest.accepting import HASHES_AT_ONCE, parquet, received_rows, written_rows
from lakehouse.ingest.judging import JUDGED, QUARANTINED, one_row
from lakehouse.ingest.plan import KEY_SEPARATOR, Plan
from lakehouse.ingest.reasons import DUPLICATE_KEY
from lakehouse.ingest.values import trimmed
from lakehouse.sources.received import Part

_DOUBLED = "ingest_doubled"  # (h)
_LOSERS = "ingest_loser"  # (_row, file, identical)


@dataclass(frozen=True)
class Unique:
    """The files with every key once, and what was taken out of them."""

    files: list[Path]
    identical: int
    refused: int


def sorted_key_hashes(hashes: list[pl.Series] | None) -> pl.Series | None:
    """Return hashes of keys sorted, as one; None, which stands for more than are held at once, stays None."""
    return None if hashes is None else pl.concat([pl.Series("h", dtype=pl.UInt64), *hashes]).sort(multithreaded=False)


def with_key_hashes(con: Connection, plan: Plan, hashes: pl.Series | None, files: list[Path]) -> pl.Series | None:
    """Return sorted hashes with those of the keys in some more ``files``; None stays None."""
    if hashes is None or not files:
        return hashes
    return pl.concat([hashes, written_rows(con, plan, files)["h"]]).sort()


def remove_duplicates(
    con: Connection, plan: Plan, files: list[Path], parts: list[Part], copy_options: str, *, hashes: pl.Series | None
) -> Unique:
    """Rewrite the files that hold a row to drop; rows with other content than the kept one go to ``QUARANTINED``.

    ``hashes`` are those of the keys in ``files``, sorted, where they are known already.
    """
    if not files or not _find_losers(con, plan, files, hashes):
        return Unique(files, 0, 0)
    identical, refused = one_row(
        con, f"select count(*) filter (where identical), count(*) filter (where not identical) from {_LOSERS}"
    )
    _quarantine_losers(con, plan, parts)
    touched = {Path(row[0]) for row in con.execute(f"select distinct file from {_LOSERS}").fetchall()}
    kept: list[Path] = []
    for file in files:
        kept += _rewritten(con, file, copy_options) if file in touched else [file]
    return Unique(kept, identical, refused)


def _find_losers(con: Connection, plan: Plan, files: list[Path], hashes: pl.Series | None) -> bool:
    """List the rows to drop; hashes of keys are compared first, because nearly always there is nothing to do.

    Hashes are sorted, which takes a third of the time that the engine needs to group them; with more rows than are held
    at once in slices, so that any number fits memory.
    """
    doubled = _repeated(hashes) if hashes is not None else _repeated_in_slices(con, plan, files)
    if not len(doubled):
        return False
    con.register(_DOUBLED, doubled.to_frame().to_arrow())
    names = [quote(prop.name) for prop in plan.properties]
    content = ", ".join(names)
    watermark = plan.contract.gov.source.watermark
    newest = f"{quote(watermark)} desc nulls last, " if watermark else ""
    candidates = (
        f"select {content}, {ROW_COLUMN}, filename from read_parquet([{', '.join(literal(str(f)) for f in files)}],"
        f" filename = true) where {plan.key_hash} in (select h from {_DOUBLED})"
    )
    copies = f"select *, row_number() over (partition by {content} order by {ROW_COLUMN}) as copy from ({candidates})"
    ranked = f"select *, row_number() over (partition by {plan.keys}, copy = 1 order by {newest}{ROW_COLUMN}) as place from ({copies})"
    con.execute(
        f"create or replace temp table {_LOSERS} as select {ROW_COLUMN}, filename as file, copy > 1 as identical"
        f" from ({ranked}) where copy > 1 or place > 1"
    )
    return bool(one_row(con, f"select count(*) from {_LOSERS}")[0])


def _repeated_in_slices(con: Connection, plan: Plan, files: list[Path]) -> pl.Series:
    slices = one_row(con, f"select count(*) from {parquet(files)}")[0] // HASHES_AT_ONCE + 1
    read = f"select {plan.key_hash} as h from {parquet(files)} where h % {slices} ="
    return pl.concat([_repeated(con.execute(f"{read} {number}").pl()["h"].sort()) for number in range(slices)])


def _repeated(ordered: pl.Series) -> pl.Series:
    """Return what occurs more than once in a sorted series."""
    return ordered.filter(ordered == ordered.shift(1)).unique()


def _quarantine_losers(con: Connection, plan: Plan, parts: list[Part]) -> None:
    """Read the differing rows again as they were received."""
    rows = [row for (row,) in con.execute(f"select _row from {_LOSERS} where not identical order by _row").fetchall()]
    con.execute(
        f"insert into {QUARANTINED} select _row, _hash, _key, ['{DUPLICATE_KEY}'], _raw from {JUDGED}"
        f" where len(_rules) = 0 and _row in (select _row from {_LOSERS} where not identical)"
    )
    taken = {
        row for (row,) in con.execute(f"select _row from {QUARANTINED} where _rules[1] = '{DUPLICATE_KEY}'").fetchall()
    }
    by_part: dict[int, list[int]] = defaultdict(list)
    firsts = sorted(part.first_row for part in parts)
    for row in rows:
        if row not in taken:
            by_part[firsts[int(np.searchsorted(firsts, row - 1, side="right")) - 1]].append(row)
    for part in parts:
        if part.first_row in by_part:
            _quarantine_from(con, plan, part, by_part[part.first_row])


def _quarantine_from(con: Connection, plan: Plan, part: Part, rows: list[int]) -> None:
    texts = {prop.name: trimmed(quote(prop.physical_name)) for prop in plan.properties}
    key = ", ".join(texts[name] for name in plan.contract.primary_key)
    places = np.array(rows, dtype=np.int64) - (part.first_row + 1)
    received = received_rows(con, plan, part, places)
    con.execute(
        f"insert into {QUARANTINED} select _row, _hash, concat_ws({literal(KEY_SEPARATOR)}, {key}), ['{DUPLICATE_KEY}'],"
        f" {plan.raw} from (select *, cast(null as varchar) as raw from ({received}))"
    )
    part.close()


def _rewritten(con: Connection, file: Path, copy_options: str) -> list[Path]:
    target = file.parent / f"{file.stem}_unique"
    select = (
        f"select * from read_parquet({literal(str(file))})"
        f" where {ROW_COLUMN} not in (select {ROW_COLUMN} from {_LOSERS})"
    )
    answer = one_row(con, f"copy ({select}) to {literal(str(target))} ({copy_options})")
    file.unlink()
    return [Path(written) for written in answer[1]] if answer[0] else []
