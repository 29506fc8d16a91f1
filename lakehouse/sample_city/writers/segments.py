"""Interleave the clean rows of a batch with its extra rows, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from lakehouse.sample_city.batch import Batch, Extra
from lakehouse.sample_city.rendering import Style, as_text

CHUNK = 200_000


def segments(batch: Batch, style: Style) -> Iterator[pl.DataFrame | Extra]:
    """Yield clean rows as text frames of at most ``CHUNK`` rows, and each extra row in its place."""
    done = 0
    for extra in sorted(batch.extras, key=lambda e: e.position):
        yield from _clean(batch.frame, done, extra.position, style)
        done = max(done, extra.position)
        yield extra
    yield from _clean(batch.frame, done, len(batch.frame), style)


def _clean(frame: pl.DataFrame, begin: int, end: int, style: Style) -> Iterator[pl.DataFrame]:
    for start in range(begin, end, CHUNK):
        yield as_text(frame.slice(start, min(CHUNK, end - start)), style)
