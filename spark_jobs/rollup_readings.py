"""Roll device readings up by hour and by day, again only for the days on which readings changed.

The daily rows are those of dbt's ``city_operation.device_daily``: the mean is an exact sum, one division, one rounding.
They go to ``rollup.device_reading_hourly`` and ``rollup.device_reading_daily``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.connect.settings import Settings
from spark_jobs.branching import publish_tables, refuse_unpublished, working_branch
from spark_jobs.job import parser, run_job
from spark_jobs.lake import branch_catalog
from spark_jobs.rollup.tables import Rollup
from spark_jobs.session import open_session

Grain = Literal["hour", "day"]
BRANCH = "rollup_readings"
PERIOD: dict[Grain, str] = {"hour": "measured_hour", "day": "measured_on"}
MEAN_SCALE, ROUNDED = 6, 4  # digits of the exact sum and of the mean, as in dbt's model


def transform(readings: DataFrame, devices: DataFrame, grain: Grain) -> DataFrame:
    """Return one row for each device, metric and period.

    ``readings`` has device_id, metric_code, measured_at and value; ``devices`` has device_id, device_kind_code and
    division_code. A reading of a device that is not known keeps its row, without kind and division.
    """
    known = devices.select("device_id", "device_kind_code", "division_code")
    keys = ["device_id", "device_kind_code", "division_code", "metric_code", PERIOD[grain]]
    return (
        readings.withColumn(PERIOD[grain], _period(grain))
        .join(known, "device_id", "left")
        .groupBy(*keys)
        .agg(
            F.count(F.lit(1)).cast("int").alias("reading_count"),
            F.min("value").alias("min_value"),
            F.max("value").alias("max_value"),
            _mean("value").alias("mean_value"),
        )
    )


def _period(grain: Grain) -> Column:
    moment = F.col("measured_at")
    return F.date_trunc("hour", moment).cast("timestamp_ntz") if grain == "hour" else moment.cast("date")


def _mean(name: str) -> Column:
    """Round as DuckDB and Trino do: scale, round half away from zero, scale back; Spark's own goes through decimal text."""
    exact = F.sum(F.col(name).cast(f"decimal(38,{MEAN_SCALE})"))
    mean = exact.cast("double") / F.count(name)
    scale = F.lit(float(10**ROUNDED))
    return F.round(mean * scale, 0) / scale


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Bring both rollups up to date on a branch, and publish them when that is asked for."""
    settings = Settings()
    branch = working_branch(settings, options.branch)
    done: dict[str, Any] = {}
    with (
        open_session("rollup readings") as session,
        branch_catalog(session, settings, branch.catalog_name) as lake,
    ):
        for grain in PERIOD:
            rollup = Rollup.of(settings, branch, grain, PERIOD[grain])
            refuse_unpublished(settings, rollup.identifier, branch.name)
            done[rollup.identifier] = rollup.update(session, lake, transform, full=options.full)
    tables = list(done)
    snapshot = publish_tables(settings, branch, tables) if options.publish else None
    return {"job": "rollup_readings", "branch": branch.name, "snapshot": snapshot, "tables": done}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job from the command line."""
    arguments = parser("rollup_readings", (__doc__ or "").splitlines()[0])
    arguments.add_argument("--branch", default=BRANCH, help="branch to write to (default: %(default)s)")
    arguments.add_argument("--publish", action="store_true", help="publish the rollups to main")
    arguments.add_argument("--full", action="store_true", help="compute every day again")
    return run_job(arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
