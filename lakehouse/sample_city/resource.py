"""The rows of one resource as its department holds them, before anything is delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from lakehouse.sample_city.dice import Ints

FreshKeys = Callable[[int], pl.DataFrame]  # n further keys that no row of the city has


@dataclass
class ResourceRows:
    """Typed rows of one resource: columns are the contract's names, decimals are text with their scale.

    ``fresh`` makes keys for further rows, ``variant`` is a column that may differ between two versions of a row without
    touching any rule, ``earlier`` tells how an earlier version differs (default: another row's ``variant`` value), and
    ``protected`` are rows that carry a planted contradiction already.
    """

    key: str
    frame: pl.DataFrame
    fresh: FreshKeys
    variant: str
    protected: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    earlier: Callable[[pl.DataFrame], pl.DataFrame] | None = None


def decimal_text(units: npt.ArrayLike, scale: int = 2) -> pl.Series:
    """Return integers of the smallest unit (such as 分) as decimal text: 12345 with scale 2 is ``123.45``."""
    values = pl.Series(np.asarray(units, dtype=np.int64))
    size, base = values.abs(), 10**scale
    whole = (size // base).cast(pl.String)
    rest = (size % base).cast(pl.String).str.zfill(scale)
    sign = pl.Series(np.where(values.to_numpy() < 0, "-", ""))
    return pl.DataFrame({"s": sign, "w": whole, "r": rest}).select(pl.format("{}{}.{}", "s", "w", "r")).to_series()


def constant(value: str, count: int) -> pl.Series:
    """Return ``count`` times ``value``."""
    return pl.Series([value], dtype=pl.String).new_from_index(0, count)


def numbered(name: str, make: Callable[[npt.NDArray[np.int64]], pl.Series], used: int) -> FreshKeys:
    """Continue a running number: further keys of column ``name`` from ``used`` on."""
    return lambda count: pl.DataFrame({name: make(np.arange(used, used + count, dtype=np.int64))})
