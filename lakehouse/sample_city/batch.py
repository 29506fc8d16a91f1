"""From the rows of a resource to what is delivered, when: initial loads, deltas, corrections, late days, resends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import polars as pl

from catalog.contract.model import Contract
from lakehouse.sample_city.dice import Dice, Ints
from lakehouse.sample_city.resource import ResourceRows
from lakehouse.sample_city.schedule import OF_CYCLE, Schedule

LATE = ("gaj.residence_permit", "sthj.device_reading")
DRIFTED: Mapping[str, str] = MappingProxyType({"cgj.component": "养护单位"})  # resource: the unknown column
RESENT: Mapping[str, int] = MappingProxyType(  # resource: which of its ordinary deliveries comes twice
    {
        "gaj.residence_permit": 2,
        "swj.tax_payment": 3,
        "sthj.device_reading": 3,
        "zjj.house": 1,
        "fgw.investment_project": 2,
    }
)
RESENT_AFTER = timedelta(hours=5)
CORRECTED_SHARE = 0.01
OLDER_VERSIONS = 3
SUFFIX = {"csv": "csv", "excel": "xlsx", "ndjson": "ndjson"}


@dataclass
class Extra:
    """A defective or doubled row: texts by column name, to be put before clean row ``position`` of its batch."""

    position: int
    cells: dict[str, str | None]
    utf8: bool = False  # written in UTF-8 into a file of another encoding
    absent: tuple[str, ...] = ()  # JSON keys left out


@dataclass
class Batch:
    """One delivery: clean rows, and what trouble adds. ``taken`` are rows that trouble must leave alone."""

    resource: str
    frame: pl.DataFrame
    data_date: date | None = None
    delivered_at: datetime | None = None
    plantable: bool = True
    taken: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    extras: list[Extra] = field(default_factory=list)
    unknown_column: str | None = None
    late: bool = False
    resent_at: datetime | None = None

    def file_name(self, suffix: str, delivered_at: datetime | None = None) -> str:
        """Return ``<resource>_<data date>_<delivered at>.<suffix>``."""
        when = delivered_at or self.delivered_at
        if self.data_date is None or when is None:
            raise ValueError(f"{self.resource} is not delivered in files")
        return f"{self.resource.split('.')[1]}_{self.data_date:%Y%m%d}_{when:%Y%m%d%H%M%S}.{suffix}"


def batches(rows: ResourceRows, contract: Contract, dice: Dice) -> list[Batch]:
    """Split the rows into the deliveries of their source kind and mode."""
    source = contract.gov.source
    taken = np.zeros(len(rows.frame), dtype=bool)
    taken[rows.protected] = True
    if source.kind in ("database", "http_api"):
        return [Batch(rows.key, rows.frame, taken=taken)]
    schedule = OF_CYCLE[contract.gov.update_cycle]
    if source.mode == "replace":
        made = _replacing(rows, schedule, dice, taken)
    else:
        if source.watermark is None:
            raise ValueError(f"{rows.key}: {source.mode} deliveries in files need a watermark")
        made = _increments(rows, schedule, dice, taken, source.watermark, corrected=source.mode == "upsert")
    minute = int(dice.integers(0, 50, 1)[0])
    for number, batch in enumerate(made):
        if batch.data_date is not None and batch.delivered_at is None:
            batch.delivered_at = schedule.delivered_at(batch.data_date, minute + number)
    _mark_troubled(rows.key, made)
    return [batch for batch in made if len(batch.frame)]  # nothing is sent on a day without news


def _mark_troubled(key: str, made: list[Batch]) -> None:
    if key in DRIFTED:
        last = [batch for batch in made if not batch.late][-1]
        last.unknown_column, last.plantable = DRIFTED[key], False
    if key in RESENT:
        twice = [batch for batch in made if not batch.late][RESENT[key]]
        if twice.delivered_at is None:
            raise ValueError(f"{key} has no delivery time")
        twice.resent_at, twice.plantable = twice.delivered_at + RESENT_AFTER, False


def _replacing(rows: ResourceRows, schedule: Schedule, dice: Dice, taken: npt.NDArray[np.bool_]) -> list[Batch]:
    """Whole lists: the earlier ones lack a few rows and hold older values, the last one counts."""
    made = []
    for data_date in schedule.data_dates[-3:-1]:
        kept = rows.frame.filter(pl.Series(dice.chance(0.95, len(rows.frame))))
        made.append(Batch(rows.key, _older(rows, kept, dice, 0.05), data_date, plantable=False))
    return [*made, Batch(rows.key, rows.frame, schedule.last, taken=taken)]


def _older(rows: ResourceRows, frame: pl.DataFrame, dice: Dice, share: float) -> pl.DataFrame:
    changed = dice.chance(share, len(frame))
    other = frame[rows.variant].gather(dice.rng.permutation(len(frame)))
    return frame.with_columns(frame[rows.variant].zip_with(pl.Series(~changed), other).alias(rows.variant))


def _increments(
    rows: ResourceRows, schedule: Schedule, dice: Dice, taken: npt.NDArray[np.bool_], watermark: str, *, corrected: bool
) -> list[Batch]:
    """An initial load up to the first data date, then what changed since; a late day on top where one is due."""
    days = rows.frame[watermark].cast(pl.Date)
    limits = pl.Series(list(schedule.data_dates))
    number = limits.search_sorted(days, side="left").to_numpy().astype(np.int64)
    if len(number) and int(number.max()) >= len(limits):
        raise ValueError(f"{rows.key}: a {watermark} lies after the last delivery")
    late = (days == schedule.late).to_numpy() if rows.key in LATE and schedule.late else np.zeros(len(days), dtype=bool)
    number[late] = -1
    made = [
        Batch(rows.key, rows.frame.filter(pl.Series(number == n)), data_date, taken=taken[number == n])
        for n, data_date in enumerate(schedule.data_dates)
    ]
    if corrected:
        _correct(rows, made, dice, watermark)
    if late.any():
        made.append(_late_batch(rows, schedule, made, late, watermark, older=corrected))
    return made


def _correct(rows: ResourceRows, made: list[Batch], dice: Dice, watermark: str) -> None:
    """Deliver older versions of some rows first: the initial load has them, a later delivery the row that counts."""
    # What only a refused delivery would bring is not corrected: its rows are never seen.
    initial, later = made[0], made[1:-1] if rows.key in DRIFTED else made[1:]
    if rows.earlier is not None:
        older = rows.earlier(pl.concat([batch.frame.head(OLDER_VERSIONS * 4) for batch in later]))
        older = older.filter(pl.col(watermark).cast(pl.Date) <= made[0].data_date)
        for batch in later:
            batch.taken = batch.taken | (np.arange(len(batch.frame)) < OLDER_VERSIONS * 4)
        _extend(initial, older)
        return
    free = np.flatnonzero(~initial.taken)
    chosen = dice.sample(free, min(max(len(later), round(len(free) * CORRECTED_SHARE)), len(free) // 4))
    if not len(chosen):
        return
    final = initial.frame[chosen]
    initial.frame = _replaced(rows, initial.frame, chosen, dice)
    initial.taken[chosen] = True
    target = np.arange(len(chosen)) % len(later)
    for n, batch in enumerate(later):
        _extend(batch, final.filter(pl.Series(target == n)))


def _replaced(rows: ResourceRows, frame: pl.DataFrame, chosen: Ints, dice: Dice) -> pl.DataFrame:
    other = frame[rows.variant].gather(dice.index(len(frame), len(chosen)))
    return frame.with_columns(frame[rows.variant].scatter(chosen, other).alias(rows.variant))


def _extend(batch: Batch, frame: pl.DataFrame) -> None:
    batch.frame = pl.concat([batch.frame, frame])
    batch.taken = np.concatenate([batch.taken, np.ones(len(frame), dtype=bool)])


def _late_batch(
    rows: ResourceRows,
    schedule: Schedule,
    made: list[Batch],
    late: npt.NDArray[np.bool_],
    watermark: str,
    *,
    older: bool,
) -> Batch:
    """The day that comes late: rows that nobody else delivers, and older versions of rows already delivered."""
    frame = rows.frame.filter(pl.Series(late))
    if older:
        newer = made[2].frame.head(OLDER_VERSIONS)
        made[2].taken[:OLDER_VERSIONS] = True
        frame = pl.concat(
            [frame, newer.with_columns(pl.lit(schedule.late).cast(newer[watermark].dtype).alias(watermark))]
        )
    return Batch(rows.key, frame, schedule.late, schedule.late_delivery, plantable=False, late=True)
