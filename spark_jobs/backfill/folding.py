"""Deliveries of years in one step: what the table would hold, had they been taken in one after the other.

Where ingestion merges delivery by delivery, each key is followed here through all of them at once, in the order of
delivery and beginning with the row that the table has. The rules are those of ``lakehouse.tables.merge_rows``.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from catalog.contract.model import Contract

BEFORE = -1  # the place of the table's own rows, before every delivery
ACCEPTED, SAME = "accepted", "same"


def folded(good: DataFrame, held: DataFrame | None, contract: Contract) -> DataFrame:
    """Add ``_fate`` to good rows (keys unique in a delivery), and ``_is_last`` to those that the table is to hold.

    ``held`` is the table's key columns with ``_content`` and ``_version``. A row is ``same`` when it has an older version
    than one before it, or the content of what is there by then; else it is accepted, and takes its place.
    """
    version = version_column(contract)
    no_version = F.lit(None).cast("int")
    every = good.withColumn("_version", F.col(version) if version else no_version)
    if held is not None:
        held = held.withColumn("_delivery", F.lit(BEFORE))
        held = held if version else held.withColumn("_version", no_version)
        every = every.unionByName(held, allowMissingColumns=True)
    by_key = Window.partitionBy(*contract.primary_key)
    so_far = by_key.orderBy("_delivery").rowsBetween(Window.unboundedPreceding, -1)
    highest = F.max("_version").over(so_far)
    is_older = F.coalesce(
        highest.isNotNull() & (F.col("_version").isNull() | (F.col("_version") < highest)), F.lit(False)
    )
    every = every.withColumn("_is_older", is_older)
    in_order = Window.partitionBy(*contract.primary_key, "_is_older").orderBy("_delivery")
    is_same = F.col("_is_older") | F.coalesce(F.col("_content") == F.lag("_content").over(in_order), F.lit(False))
    every = every.withColumn("_fate", F.when(is_same, SAME).otherwise(ACCEPTED))
    last = F.max(F.when(F.col("_fate") == ACCEPTED, F.col("_delivery"))).over(by_key)
    every = every.withColumn("_is_last", (F.col("_fate") == ACCEPTED) & (F.col("_delivery") == last))
    return every.where(F.col("_delivery") != BEFORE).drop("_version", "_is_older")


def version_column(contract: Contract) -> str | None:
    """Return the column that says which of two rows is newer; rows that are only appended have none."""
    return contract.gov.source.watermark if contract.gov.source.mode == "upsert" else None
