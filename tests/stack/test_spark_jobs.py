"""The Spark jobs on the real stack: Nessie and MinIO, from the command line, equal to the embedded engine's results."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
from isolated_cluster import make_cluster_home, remove_cluster_home
from short_spark import short_lived

from lakehouse.branches import current_snapshot, join_branch, publish
from lakehouse.connect import objects
from lakehouse.connect.cluster import cluster_settings
from lakehouse.connect.duck import attach_branch, open_duckdb
from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome, ingest_resource
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.sources import SourceSystem
from lakehouse.tables import verify
from spark_jobs.lake import reader_catalog
from spark_jobs.session import open_session
from spark_jobs.settings import SparkSettings

pytestmark = pytest.mark.stack

READINGS, PERMITS = "sthj.device_reading", "gaj.residence_permit"
REGISTERS = ("dsjj.division", "sthj.device", "gaj.resident", "jyj.student", "rsj.social_insurance")
SMALL = {
    "CITYBRAIN_SPARK_MASTER": "local[2]",
    "CITYBRAIN_SPARK_DRIVER_MEMORY": "1g",
    "CITYBRAIN_SPARK_SHUFFLE_PARTITIONS": "2",
}


@dataclass(frozen=True)
class Cities:
    """The same city in two installations; the history of two resources comes to the second by Spark."""

    embedded: Settings
    cluster: Settings
    source: Path


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory, sample_city: Path) -> Iterator[Cities]:
    home = tmp_path_factory.mktemp("spark-stack")
    make_cluster_home(home / "cluster")
    both = Cities(
        Settings(home=home / "embedded", threads=2),
        Settings(home=home / "cluster", profile="cluster", threads=2),
        sample_city,
    )
    try:
        for settings in (both.embedded, both.cluster):
            take_in(settings, sample_city, *REGISTERS)
            publish(settings, join_branch(settings, "inbound"))
        yield both
    finally:
        remove_cluster_home(both.cluster)


def take_in(settings: Settings, city: Path, *keys: str) -> list[BatchOutcome]:
    inputs, branch = load_inputs(checked=False), join_branch(settings, "inbound")
    source = SourceSystem.from_dir(city)
    return [
        outcome
        for key in keys
        for outcome in ingest_resource(settings, branch, inputs.contracts[key], inputs.vocabulary, source)
    ]


def run_job(settings: Settings, job: str, *arguments: str) -> dict[str, Any]:
    """Run a job as a person does, watch for secrets in what anybody on the machine can see, and return its result."""
    cluster = cluster_settings(settings)
    secret = [cluster.s3_secret_key.get_secret_value(), cluster.s3_access_key.get_secret_value()]
    environment = {**os.environ, **surroundings(settings)}
    command = [sys.executable, "-m", f"spark_jobs.{job}", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seen: set[str] = set()
    while True:
        try:
            said, complained = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            seen |= command_lines(process.pid)
    assert process.returncode == 0, complained[-3000:]
    assert any("org.apache.spark.deploy.SparkSubmit" in line for line in seen)
    assert not [word for word in secret for line in [*seen, said, complained] if word in line]
    result = json.loads(said.splitlines()[-1])
    assert isinstance(result, dict)
    return result


def run_here(settings: Settings, job: str, *arguments: str) -> dict[str, Any]:
    """Run a job in this process, whose JVM serves the next one too; how a person runs one is shown once."""
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(io.StringIO()) as said:
        for name, value in surroundings(settings).items():
            patched.setenv(name, value)
        assert import_module(f"spark_jobs.{job}").main(arguments) == 0
    result = json.loads(said.getvalue().splitlines()[-1])
    assert isinstance(result, dict)
    return result


def surroundings(settings: Settings) -> dict[str, str]:
    home = {"CITYBRAIN_HOME": str(settings.home), "CITYBRAIN_PROFILE": settings.profile}
    return {**SMALL, **home, "CITYBRAIN_SPARK_PROPERTIES": str(short_lived(settings.root))}


def command_lines(pid: int) -> set[str]:
    found: set[str] = set()
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):  # it ended between being listed and being asked
                found.add(" ".join(child.cmdline()))
    return found


def rows(settings: Settings, table: str, branch: str) -> list[tuple[Any, ...]]:
    with closing(open_duckdb(settings=settings)) as con:
        assert table in attach_branch(con, settings, branch)
        return sorted(con.execute(f"select * from {table}").fetchall(), key=repr)


def upload(settings: Settings, folder: Path, name: str) -> str:
    cluster = cluster_settings(settings)
    place = f"s3://{cluster.bucket}/{cluster.reference_prefix}warehouse/history-{name}"
    for file in sorted(folder.iterdir()):
        with objects.open_output(f"{place}/{file.name}") as target:
            target.write(file.read_bytes())
    return place


def test_jobs_on_the_stack_equal_the_embedded_engine(cities: Cities) -> None:
    """In the order of a real city: backfill, publish, compact, roll up, resolve; readers see all of it through Nessie."""
    backfilled(cities)
    compacted(cities)
    rolled_up(cities)
    resolved(cities)
    seen_through_nessie(cities)
    assert not verify(cities.cluster).faults


def backfilled(cities: Cities) -> None:
    ingested = take_in(cities.embedded, cities.source, PERMITS, READINGS)
    from_objects = upload(cities.cluster, cities.source / "gaj" / "residence_permit", "permits")
    from_folder = str(cities.source / "sthj" / "device_reading")
    results = [
        run(cities.cluster, "backfill_resource", key.replace(".", "/"), place)
        for run, key, place in ((run_job, PERMITS, from_objects), (run_here, READINGS, from_folder))
    ]
    assert [batch for result in results for batch in result["batches"]] == [outcome.to_json() for outcome in ingested]
    for table in (PERMITS, READINGS, "quarantine.gaj_residence_permit"):
        assert rows(cities.cluster, table, "inbound") == rows(cities.embedded, table, "inbound") != []
    again = run_here(cities.cluster, "backfill_resource", PERMITS.replace(".", "/"), from_objects)
    assert {batch["status"] for batch in again["batches"]} == {"skipped"}
    for file in list(objects.listing(from_objects)):
        objects.remove(file.location)
    for settings in (cities.embedded, cities.cluster):
        publish(settings, join_branch(settings, "inbound"))


def compacted(cities: Cities) -> None:
    before = rows(cities.cluster, READINGS, "main")
    sort = ("--sort", "device_id,measured_at", "--all")
    done = run_here(cities.cluster, "compact_table", READINGS.replace(".", "/"), *sort)
    assert done["changed"]
    assert done["snapshot"] == current_snapshot(cities.cluster)
    assert rows(cities.cluster, READINGS, "main") == before
    # Ingestion still knows what it took in: the memory of batches outlives the rewrite.
    assert {outcome.status for outcome in take_in(cities.cluster, cities.source, READINGS)} <= {"skipped", "accepted"}
    assert rows(cities.cluster, READINGS, "inbound") == before


def rolled_up(cities: Cities) -> None:
    done = run_here(cities.cluster, "rollup_readings", "--publish")
    assert done["tables"]["rollup.device_reading_daily"]["changed_rows"] > 0
    with closing(open_duckdb(settings=cities.embedded)) as con:
        attach_branch(con, cities.embedded, "main")
        by_hand = con.execute(
            "select r.device_id, d.device_kind_code, d.division_code, r.metric_code, r.measured_at::date,"
            " count(*)::integer, min(r.value), max(r.value),"
            " round(cast(sum(cast(r.value as decimal(38, 6))) as double) / count(r.value), 4)"
            " from sthj.device_reading r left join sthj.device d using (device_id) group by all"
        ).fetchall()
    assert rows(cities.cluster, "rollup.device_reading_daily", "main") == sorted(by_hand, key=repr)
    again = run_here(cities.cluster, "rollup_readings", "--publish")
    assert again["tables"]["rollup.device_reading_daily"] == {"days": 0, "changed_rows": 0}


def resolved(cities: Cities) -> None:
    done = run_here(cities.cluster, "resolve_entities", "--publish")
    here = run_here(cities.embedded, "resolve_entities", "--engine", "duckdb", "--publish")
    counts = ("mentions", "links", "entities", "ambiguous")
    assert [done[name] for name in counts] == [here[name] for name in counts]
    for table in ("resolution.person_mention", "resolution.person_link"):
        assert rows(cities.cluster, table, "main") == rows(cities.embedded, table, "main") != []


def seen_through_nessie(cities: Cities) -> None:
    """Whoever reads ``main`` through Nessie's Iceberg REST door sees what the jobs published."""
    reference = cluster_settings(cities.cluster).main_reference
    properties = short_lived(cities.cluster.root)
    spark = SparkSettings(master="local[1]", driver_memory="1g", shuffle_partitions=1, properties=properties)
    with open_session("reader", spark) as session:
        reader = reader_catalog(session, cities.cluster, reference)
        for table in (READINGS, "rollup.device_reading_daily", "resolution.person_mention"):
            assert session.table(f"{reader}.{table}").count() == len(rows(cities.cluster, table, "main"))


def test_job_without_its_parts_says_what_to_do(cities: Cities, tmp_path: Path) -> None:
    """The negative control: with no jar where they are looked for, nothing starts and nothing is fetched."""
    environment = {
        **os.environ,
        **SMALL,
        "CITYBRAIN_HOME": str(cities.cluster.home),
        "CITYBRAIN_PROFILE": "cluster",
        "CITYBRAIN_SPARK_JARS": str(tmp_path),
    }
    command = [sys.executable, "-m", "spark_jobs.rollup_readings"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert "citybrain stack up" in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(tmp_path)
