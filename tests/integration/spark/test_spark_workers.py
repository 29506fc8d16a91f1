"""What Spark's Python workers are forked from: imports done once, and no archive that is read again for every task."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.integration


def test_workers_find_imported_what_jobs_need_and_no_archive_on_their_path(spark: SparkSession) -> None:
    def seen(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            archives = [entry for entry in sys.path if entry.endswith(".zip") and os.path.exists(entry)]
            facts = [str("spark_jobs.entities.rowwise" in sys.modules), " ".join(archives)]
            yield pa.RecordBatch.from_arrays([pa.array(facts)], names=["fact"])

    assert [row.fact for row in spark.range(1, numPartitions=1).mapInArrow(seen, "fact string").collect()] == [
        "True",
        "",
    ]
