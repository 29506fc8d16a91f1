"""What rows are, in one line, whatever their order and files."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def row_hash(frame: DataFrame) -> Column:
    """Return a hash of a row's values; the hash of Spark skips nulls, so where they are is part of it."""
    names = [f"`{name}`" for name in frame.columns]
    nulls = F.concat(*(F.when(F.col(name).isNull(), "0").otherwise("1") for name in names))
    return F.xxhash64(nulls, *names)


def fingerprint(rows: DataFrame) -> DataFrame:
    """Return the number of rows and the sum of their hashes, as one row ``(rows, checksum)``."""
    total = F.coalesce(F.sum(row_hash(rows).cast("decimal(38,0)")), F.lit(0))
    return rows.agg(F.count(F.lit(1)).alias("rows"), total.cast("string").alias("checksum"))
