"""A backfill gives the rows, the quarantine and the outcomes that ingestion gives, on the defects of the sample city."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from lakehouse.branches import join_branch
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome, ingest_resource
from lakehouse.pipeline.inputs import Inputs, load_inputs
from lakehouse.pipeline.ops_tables import OUTCOMES
from lakehouse.sources import SourceSystem
from spark_jobs.backfill.deliveries import source_files
from spark_jobs.backfill.taking_in import Backfill
from spark_jobs.backfill_resource import transform

pytestmark = pytest.mark.integration

BRANCH = "history"
# A new column and GB18030, a resent file and foreign lines, lines of JSON that are only added.
FILE_RESOURCES = ["cgj.component", "gaj.residence_permit", "sthj.device_reading"]


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return load_inputs(checked=False)


@pytest.fixture
def homes(tmp_path: Path, inputs: Inputs, sample_city: Path) -> tuple[Settings, Settings]:
    """Two homes that both hold the reference divisions: one for ingestion, one for Spark."""
    both = []
    for name in ("embedded", "spark"):
        settings = Settings(home=tmp_path / name, profile="embedded", threads=2)
        _ingest(settings, inputs, "dsjj.division", sample_city)
        both.append(settings)
    return both[0], both[1]


def _ingest(settings: Settings, inputs: Inputs, key: str, city: Path) -> list[BatchOutcome]:
    branch = join_branch(settings, BRANCH)
    return ingest_resource(settings, branch, inputs.contracts[key], inputs.vocabulary, SourceSystem.from_dir(city))


def _backfill(spark: SparkSession, settings: Settings, inputs: Inputs, key: str, place: Path) -> list[BatchOutcome]:
    contract = inputs.contracts[key]
    files = source_files(str(place), settings)
    encoding = contract.gov.source.encoding or "utf-8"
    job = Backfill(spark, settings, contract, inputs.vocabulary, str(place), files, encoding)
    return job.run(BRANCH, transform)


def _rows(settings: Settings, table: str) -> list[tuple[Any, ...]]:
    with open_duckdb(settings=settings) as con:
        if table not in attach_branch(con, settings, BRANCH):
            return []
        return sorted(con.execute(f"select * from {table}").fetchall(), key=repr)


def _snapshots(settings: Settings, table: str) -> int:
    catalog = open_catalog(settings, join_branch(settings, BRANCH).catalog_name)
    return len(catalog.load_table(table).snapshots()) if catalog.table_exists(table) else 0


def _plain(outcomes: Sequence[BatchOutcome]) -> list[dict[str, Any]]:
    return [outcome.to_json() for outcome in outcomes]


def test_backfill_equals_ingestion_row_by_row(
    spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path
) -> None:
    for key in FILE_RESOURCES:
        _assert_equal(key, spark, homes, inputs, sample_city)


def _assert_equal(
    key: str, spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path
) -> None:
    embedded, cluster = homes
    dept, resource = key.split(".")
    ingested = _ingest(embedded, inputs, key, sample_city)
    backfilled = _backfill(spark, cluster, inputs, key, sample_city / dept / resource)

    assert _plain(backfilled) == _plain(ingested)
    assert _rows(cluster, key) == _rows(embedded, key) != []
    quarantine = f"quarantine.{dept}_{resource}"
    assert _rows(cluster, quarantine) == _rows(embedded, quarantine)


def test_replaced_table_is_that_of_the_newest_delivery(
    spark: SparkSession, tmp_path: Path, inputs: Inputs, sample_city: Path
) -> None:
    homes = [Settings(home=tmp_path / name, profile="embedded", threads=2) for name in ("embedded", "spark")]
    key = "dsjj.division"
    ingested = _ingest(homes[0], inputs, key, sample_city)
    assert _plain(_backfill(spark, homes[1], inputs, key, sample_city / "dsjj" / "division")) == _plain(ingested)
    assert _rows(homes[1], key) == _rows(homes[0], key) != []


def test_second_backfill_commits_nothing_and_ingestion_finds_all_held(
    spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path
) -> None:
    key, home = "gaj.residence_permit", homes[1]
    place = sample_city / "gaj" / "residence_permit"
    first = _backfill(spark, home, inputs, key, place)
    state = {t: (_snapshots(home, t), _rows(home, t)) for t in (key, "quarantine.gaj_residence_permit", OUTCOMES)}
    again = _backfill(spark, home, inputs, key, place)
    ingested = _ingest(home, inputs, key, sample_city)
    assert [outcome.batch_id for outcome in again] == [outcome.batch_id for outcome in first]
    assert {outcome.status for outcome in again} == {outcome.status for outcome in ingested} == {"skipped"}
    assert {t: (_snapshots(home, t), _rows(home, t)) for t in state} == state


def test_delivery_after_ingestion_is_merged_as_ingestion_would(
    spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path, tmp_path: Path
) -> None:
    """One file comes by ingestion in both homes; the rest by ingestion here and by Spark there, rerun included."""
    key, (embedded, cluster) = "gaj.residence_permit", homes
    files = sorted((sample_city / "gaj" / "residence_permit").iterdir())
    first = tmp_path / "first" / "gaj" / "residence_permit"
    first.mkdir(parents=True)
    shutil.copy(files[2], first)
    for home in homes:
        _ingest(home, inputs, key, tmp_path / "first")
    ingested = _ingest(embedded, inputs, key, sample_city)
    backfilled = _backfill(spark, cluster, inputs, key, sample_city / "gaj" / "residence_permit")
    assert _plain(backfilled) == _plain(ingested)
    assert _rows(cluster, key) == _rows(embedded, key)


def test_parquet_without_times_is_one_batch_with_the_verdicts_of_the_database_read(
    spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path, tmp_path: Path
) -> None:
    key, (embedded, cluster) = "gaj.resident", homes
    place = _exported(sample_city, inputs, key, tmp_path / "history")
    (ingested,) = _ingest(embedded, inputs, key, sample_city)
    (backfilled,) = _backfill(spark, cluster, inputs, key, place)
    counts = ("status", "received", "accepted", "quarantined", "deduplicated", "received_checksum")
    assert [getattr(backfilled, name) for name in counts] == [getattr(ingested, name) for name in counts]
    assert [row[:-2] for row in _rows(cluster, key)] == [row[:-2] for row in _rows(embedded, key)] != []
    refused = [_rows(home, "quarantine.gaj_resident") for home in homes]
    assert sorted(row[3:] for row in refused[0]) == sorted(row[3:] for row in refused[1]) != []
    assert {row[-2] for row in _rows(cluster, key)} == {backfilled.batch_id}
    assert len({row[-1] for row in _rows(cluster, key)}) == backfilled.accepted  # records of all parts numbered through


def _exported(city: Path, inputs: Inputs, key: str, folder: Path) -> Path:
    contract = inputs.contracts[key]
    folder.mkdir()
    names = [prop.physical_name for prop in contract.properties]
    with sqlite3.connect(city / contract.gov.source.path) as db:
        listed = ", ".join(f'"{name}"' for name in names)
        rows = db.execute(f"select {listed} from {contract.gov.source.table}").fetchall()
    texts = [[None if value is None else str(value) for value in column] for column in zip(*rows, strict=True)]
    table = pa.table(dict(zip(names, (pa.array(column, pa.string()) for column in texts), strict=True)))
    for number, start in enumerate(range(0, len(rows), 700)):
        pq.write_table(table.slice(start, 700), folder / f"part-{number:05}.parquet")
    return folder


def test_equality_is_noticed_to_be_broken_when_a_reference_is_missing(
    spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path, tmp_path: Path
) -> None:
    """The negative control: without the reference divisions, codes that ended pass, and the homes differ."""
    key, bare = "ylbj.medical_insurance", Settings(home=tmp_path / "bare", profile="embedded", threads=2)
    _ingest(homes[0], inputs, key, sample_city)
    _backfill(spark, bare, inputs, key, sample_city / "ylbj" / "medical_insurance")
    assert _rows(bare, key) != _rows(homes[0], key)


def test_what_cannot_be_read_fails_alone(
    spark: SparkSession, homes: tuple[Settings, Settings], inputs: Inputs, sample_city: Path, tmp_path: Path
) -> None:
    key, home = "swj.tax_payment", homes[1]
    good = sorted((sample_city / "swj" / "tax_payment").iterdir())[0]
    place = tmp_path / "in"
    place.mkdir()
    shutil.copy(good, place)
    (place / "tax_payment_20251231_20260101000000.csv").write_bytes(b"")
    (place / "tax_payment_20251130_20251201000000.csv").write_text("a,b\n1,2\n", encoding="gb18030")
    outcomes = _backfill(spark, home, inputs, key, place)
    assert {o.delivery: (o.status, o.rule) for o in outcomes if o.status == "failed"} == {
        "tax_payment_20251130_20251201000000.csv": ("failed", "schema.missing_column"),
        "tax_payment_20251231_20260101000000.csv": ("failed", "delivery.incomplete"),
    }
    assert [o.accepted for o in outcomes if o.status == "accepted"] == [len(_rows(home, key))] != [0]
