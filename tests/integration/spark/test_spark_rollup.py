"""Rollups are those of dbt, follow what changed, and are not written when nothing did."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from catalog.derive.iceberg import iceberg_schema
from lakehouse.branches import Branch, join_branch
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.pipeline.topics import PROJECT
from lakehouse.tables import append_files, compact, ensure_table, merge_rows, write_files
from spark_jobs.errors import Refused
from spark_jobs.lake import branch_catalog
from spark_jobs.rollup.tables import DEVICES, READINGS, Rollup
from spark_jobs.rollup_readings import PERIOD, _mean, transform

pytestmark = pytest.mark.integration

BRANCH = "rollup"
Reading = tuple[str, str, datetime, float]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, profile="embedded", threads=2)
    append(settings, DEVICES, [("d1", "01", "330102001001"), ("d2", "02", "330102001002")], "devices")
    return settings


def branch_of(settings: Settings) -> Branch:
    return join_branch(settings, BRANCH)


def readings(
    first_day: date, days: int, devices: Sequence[str] = ("d1", "d2", "d3"), shift: float = 0.0
) -> list[Reading]:
    begin = datetime.combine(first_day, datetime.min.time())
    return [
        (device, metric, begin + timedelta(minutes=20 * step), round(step / 7 + shift + place, 3))
        for place, device in enumerate(devices)
        for metric in ("PM25", "PM10")
        for step in range(days * 72)
    ]


def append(settings: Settings, key: str, rows: Sequence[tuple[Any, ...]], batch: str, *, merge: bool = False) -> None:
    contract = load_inputs(checked=False).contracts[key]
    catalog = open_catalog(settings, branch_of(settings).catalog_name)
    table = ensure_table(catalog, key, iceberg_schema(contract), {})
    names = ["device_id", "metric_code", "measured_at", "value"] if key == READINGS else [
        "device_id", "device_kind_code", "division_code"]  # fmt: skip
    rest = [prop for prop in contract.properties if prop.name not in names]
    with closing(open_duckdb(settings=settings)) as con:
        values = ", ".join(f"({', '.join(_literal(value) for value in row)})" for row in rows)
        filled = "".join(f", cast({'30' if p.required else 'null'} as {p.physical_type}) as {p.name}" for p in rest if p.base_type != "date")  # fmt: skip
        filled += "".join(f", date '2020-01-01' as {p.name}" for p in rest if p.base_type == "date")
        sql = (
            f"select *{filled}, '{batch}' as _batch_id, 1::bigint as _row from (values {values}) v({', '.join(names)})"
        )
        if merge:
            staged = settings.root / f"{batch}.parquet"
            con.execute(f"copy ({sql}) to '{staged}' (format parquet)")
            merge_rows(con, table, staged, key=contract.primary_key, version=None, batch_id=batch, mode="append")
        else:
            append_files(table, write_files(con, table, sql), batch_id=batch)


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"timestamp '{value}'"
    return repr(value) + "::double" if isinstance(value, float) else f"'{value}'"


def update(spark: SparkSession, settings: Settings, grain: Any = "day") -> dict[str, Any]:
    branch = branch_of(settings)
    with branch_catalog(spark, settings, branch.catalog_name) as lake:
        return Rollup.of(settings, branch, grain, PERIOD[grain]).update(spark, lake, transform)


def held(settings: Settings, table: str = "rollup.device_reading_daily") -> list[tuple[Any, ...]]:
    with closing(open_duckdb(settings=settings)) as con:
        attach_branch(con, settings, BRANCH)
        return sorted(con.execute(f"select * from {table}").fetchall(), key=repr)


def by_dbt(settings: Settings) -> list[tuple[Any, ...]]:
    """Run the SQL of dbt's model on the branch."""
    macros = (PROJECT / "macros" / "engine.sql").read_text(encoding="utf-8")
    model = (PROJECT / "models/marts/city_operation/device_daily.sql").read_text(encoding="utf-8")
    names = {"stg_sthj__device_reading": READINGS, "stg_sthj__device": DEVICES}
    sql = jinja2.Environment().from_string(macros + model).render(ref=names.__getitem__)  # noqa: S701
    with closing(open_duckdb(settings=settings)) as con:
        attach_branch(con, settings, BRANCH)
        return sorted(con.execute(sql[sql.index("select") :]).fetchall(), key=repr)


def snapshots(settings: Settings) -> int:
    catalog = open_catalog(settings, branch_of(settings).catalog_name)
    return len(catalog.load_table("rollup.device_reading_daily").snapshots())


def test_daily_rollup_is_that_of_dbt_and_follows_changed_days(spark: SparkSession, settings: Settings) -> None:
    append(settings, READINGS, readings(date(2026, 1, 1), 4), "first")
    assert update(spark, settings)["days"] is None
    assert held(settings) == by_dbt(settings) != []

    append(settings, READINGS, readings(date(2026, 1, 4), 2, devices=("d4",)), "second")
    assert update(spark, settings) == {"days": 2, "changed_rows": 4}
    assert held(settings) == by_dbt(settings)

    late = readings(date(2026, 1, 2), 1, devices=("d1",), shift=5.0)[:3]
    append(settings, READINGS, late, "corrected", merge=True)
    assert update(spark, settings) == {"days": 1, "changed_rows": 1}
    assert held(settings) == by_dbt(settings)


def test_nothing_is_committed_when_no_row_changed(spark: SparkSession, settings: Settings) -> None:
    append(settings, READINGS, readings(date(2026, 1, 1), 1), "first")
    append(settings, READINGS, readings(date(2026, 1, 2), 1), "second")
    update(spark, settings)
    before = snapshots(settings)
    with closing(open_duckdb(settings=settings)) as con:
        assert compact(con, open_catalog(settings, branch_of(settings).catalog_name).load_table(READINGS))
    assert update(spark, settings) == {"days": 0, "changed_rows": 0}
    assert snapshots(settings) == before


def test_device_that_moved_is_found_on_every_day(spark: SparkSession, settings: Settings) -> None:
    append(settings, READINGS, readings(date(2026, 1, 1), 2), "first")
    update(spark, settings)
    append(settings, DEVICES, [("d3", "01", "330102001003")], "more devices")
    assert update(spark, settings) == {"days": None, "changed_rows": 4}
    assert held(settings) == by_dbt(settings)


def test_device_listed_twice_is_refused(spark: SparkSession, settings: Settings) -> None:
    append(settings, READINGS, readings(date(2026, 1, 1), 1), "first")
    append(settings, DEVICES, [("d1", "09", "330102001009")], "again")
    with pytest.raises(Refused, match="not written"):
        update(spark, settings)
    assert held(settings) == []


def test_hours_add_up_to_days(spark: SparkSession, settings: Settings) -> None:
    append(settings, READINGS, readings(date(2026, 1, 1), 2), "first")
    update(spark, settings)
    update(spark, settings, "hour")
    with closing(open_duckdb(settings=settings)) as con:
        attach_branch(con, settings, BRANCH)
        summed = con.execute(
            "select device_id, device_kind_code, division_code, metric_code, measured_hour::date, sum(reading_count)::int,"
            " min(min_value), max(max_value) from rollup.device_reading_hourly group by all"
        ).fetchall()
    assert sorted(summed, key=repr) == [row[:-1] for row in held(settings)]


def test_mean_is_rounded_as_duckdb_rounds(spark: SparkSession, settings: Settings) -> None:
    """Including means that lie on or beside a half of the last digit, where roundings part."""
    values = [n / 20_000 for n in range(-40_000, 40_000, 37)] + [
        0.00005,
        0.00015,
        1.00005,
        2.67495,
        -0.00005,
        1e9 + 0.125,
    ]
    pairs = [(n, value) for n, value in enumerate(values)] + [(n, 0.0001) for n in range(0, len(values), 3)]
    frame = spark.createDataFrame(pairs, "g int, value double")
    ours = dict(frame.groupBy("g").agg(_mean("value")).collect())
    with closing(open_duckdb(settings=settings)) as con:
        con.register("v", frame.toArrow())
        theirs = dict(
            con.execute(
                "select g, round(cast(sum(cast(value as decimal(38, 6))) as double) / count(value), 4) from v group by g"
            ).fetchall()
        )
    assert ours == theirs
    plain = dict(frame.groupBy("g").agg(F.round(F.avg("value"), 4)).collect())
    assert len(plain) == len(ours)
