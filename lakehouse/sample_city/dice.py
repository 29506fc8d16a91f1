"""Seeded chance: one independent stream a theme, so that a change in one theme leaves the others as they were."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from lakehouse.sample_city.clock import Days

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Dice:
    """Vectorised draws from one stream, named by ``theme``."""

    def __init__(self, seed: int, theme: str) -> None:
        self.seed = seed
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(theme.encode())])))

    def integers(self, low: int | Ints, high: int | Ints, size: int) -> Ints:
        """Draw integers of ``low`` … ``high`` (both included; bounds may be arrays)."""
        drawn: Ints = self.rng.integers(low, high, size=size, endpoint=True, dtype=np.int64)
        return drawn

    def uniform(self, low: float, high: float, size: int) -> Floats:
        """Draw floats of ``low`` … ``high``."""
        return self.rng.uniform(low, high, size)

    def normal(self, scale: float, size: int) -> Floats:
        """Draw from a normal distribution around 0."""
        return self.rng.normal(0.0, scale, size)

    def chance(self, probability: float | Floats, size: int) -> npt.NDArray[np.bool_]:
        """Draw true with ``probability``."""
        hit: npt.NDArray[np.bool_] = self.rng.random(size) < probability
        return hit

    def pick(self, values: Sequence[str] | pl.Series, size: int, weights: Sequence[float] | None = None) -> pl.Series:
        """Draw ``size`` of ``values`` with replacement."""
        series = values if isinstance(values, pl.Series) else pl.Series(list(values), dtype=pl.String)
        return series.gather(self.index(len(series), size, weights))

    def index(self, count: int, size: int, weights: Sequence[float] | npt.NDArray[np.float64] | None = None) -> Ints:
        """Draw ``size`` positions of 0 … ``count`` - 1 with replacement."""
        if weights is None:
            return self.integers(0, count - 1, size)
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        found = np.searchsorted(edges, self.rng.random(size) * edges[-1], side="right")
        positions: Ints = np.minimum(found, count - 1).astype(np.int64)
        return positions

    def sample(self, candidates: npt.ArrayLike, size: int) -> Ints:
        """Draw at most ``size`` of ``candidates`` without replacement, in ascending order."""
        pool = np.asarray(candidates, dtype=np.int64)
        taken = self.rng.permutation(len(pool))[: max(0, size)]
        chosen: Ints = np.sort(pool[taken])
        return chosen

    def weighted_sample(self, weights: Floats, size: int) -> Ints:
        """Draw at most ``size`` positions without replacement; a weight of 0 is never drawn."""
        possible = np.flatnonzero(weights > 0)
        keys = np.log(weights[possible]) + self.rng.gumbel(size=len(possible))
        best = np.argsort(-keys, kind="stable")[: max(0, size)]
        chosen: Ints = np.sort(possible[best])
        return chosen

    def between(self, low: Days, high: Days) -> Days:
        """Draw a day between two arrays of days; where ``high`` is before ``low``, ``low``."""
        return self.integers(low, np.maximum(low, high), len(low))
