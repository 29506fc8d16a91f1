"""Many deliveries folded in one step are what they are one after the other."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from catalog.contract.model import Contract
from lakehouse.pipeline.inputs import load_inputs
from spark_jobs.backfill.folding import ACCEPTED, SAME, folded

pytestmark = pytest.mark.integration

Row = tuple[int, str, int | None, int]  # delivery, key, version, content
KEYS, DELIVERIES = 300, 6


def one_after_the_other(rows: list[Row], held: dict[str, tuple[int | None, int]], versioned: bool) -> dict[Any, Any]:
    """Merge as ``lakehouse.tables.merge_rows`` documents it: the plain way, row by row."""
    now: dict[str, tuple[int | None, int, int]] = {key: (*row, -1) for key, row in held.items()}
    fates = {}
    for delivery, key, version, content in sorted(rows):
        current = now.get(key)
        older = (
            versioned and current is not None and current[0] is not None and (version is None or version < current[0])
        )
        if current is not None and (older or (version, content) == current[:2]):
            fates[delivery, key] = SAME
            continue
        fates[delivery, key] = ACCEPTED
        now[key] = (version, content, delivery)
    last = {(delivery, key) for key, (_, _, delivery) in now.items() if delivery >= 0}
    return {place: (fate, place in last) for place, fate in fates.items()}


@pytest.mark.parametrize(
    "key", ["gaj.residence_permit", "swj.tax_payment"], ids=["newest version wins", "last one wins"]
)
@pytest.mark.parametrize("has_table", [True, False], ids=["on a table", "on nothing"])
def test_folding_is_merging_one_after_the_other(key: str, has_table: bool, spark: SparkSession) -> None:
    contract = load_inputs(checked=False).contracts[key]
    versioned = contract.gov.source.mode == "upsert"
    dice = random.Random(5)

    def version() -> int | None:
        return dice.choice([None, *range(4)])

    rows: list[Row] = [
        (delivery, f"k{number}", version(), dice.randrange(3))
        for number in range(KEYS)
        for delivery in range(DELIVERIES)
        if dice.random() < 0.7
    ]
    held = {f"k{number}": (version(), dice.randrange(3)) for number in range(0, KEYS, 2)} if has_table else {}
    found = _fold(spark, contract, rows, held)
    assert found == one_after_the_other(rows, held, versioned)
    assert len({fate for fate, _ in found.values()}) == 2


def _fold(
    spark: SparkSession, contract: Contract, rows: list[Row], held: dict[str, tuple[int | None, int]]
) -> dict[Any, Any]:
    """The version is part of the content, as it is of a row's."""
    key = contract.primary_key[0]
    watermark = contract.gov.source.watermark
    content = F.xxhash64(F.coalesce(F.col("_version"), F.lit(-1)), "c").alias("_content")
    good = spark.createDataFrame(rows, f"_delivery int, {key} string, _version int, c int").select(
        "_delivery", key, F.col("_version").alias(watermark or "x"), content
    )
    table = None
    if held:
        before = [(name, *row) for name, row in held.items()]
        frame = spark.createDataFrame(before, f"{key} string, _version int, c int")
        table = frame.select(key, "_version", content)
    result = folded(good, table, contract).select("_delivery", key, "_fate", "_is_last").collect()
    return {(row["_delivery"], row[key]): (row["_fate"], row["_is_last"]) for row in result}
