"""What all tests share: one seed, one sample city and one published home a session, and skips that speak up."""

from __future__ import annotations

import atexit
import gc
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
import structlog
from argon2 import PasswordHasher
from filelock import FileLock
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from work_done import Work

    from lakehouse.pipeline.report import RunReport

IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}
SAMPLE_PEOPLE = 600
SMALL_PEOPLE = 300
DEFAULT_SEED = 7
STRICT_TIERS = ("e2e", "stack")  # tiers that CI must not skip: what they show is shown nowhere else
# Begun before all others: a long file that is begun last keeps one worker busy when the others have nothing left.
LONG_FILES = (
    "stack/test_stack_backup.py",  # the first that stops its servers, which then keep their classes for all later ones
    "faults/test_pipeline_kill.py",
    "e2e/test_demo_airflow.py",
    "stack/test_spark_jobs.py",
    "stack/test_trino_parity.py",
    "stack/test_terraform_minio.py",
    "stack/test_stack_lifecycle.py",
    "stack/test_trino_dbt.py",
    "faults/test_backup_kill.py",
    "integration/pipeline/test_pipeline_run.py",
    "integration/spark/test_spark_backfill.py",
)

gc.set_threshold(50_000, 10, 200)  # while tests are collected: hardly anything that is imported is garbage

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if IS_CI else "dev")


def _isolate_airflow() -> None:
    """Airflow makes its home when it is imported; keep that out of the user's home, and off any other Airflow."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    home = tempfile.mkdtemp(prefix="citybrain-airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


_isolate_airflow()


def skip_aloud(what: str, remedy: str) -> NoReturn:
    """Skip the running test, saying what is missing and how to get it; a strict tier turns that into a failure in CI."""
    pytest.skip(f"{what} is missing: {remedy}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; all else stays in its order. Py4J leaves its sockets to the collector, which complains."""
    places = {name: place for place, name in enumerate(LONG_FILES)}
    for item in items:
        if item.path.name.startswith("test_spark_"):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(places)))


def pytest_collection_finish() -> None:
    """Let collections of garbage pass over what all tests imported, and rarely look at all else: they took a tenth."""
    gc.freeze()
    gc.set_threshold(2_000, 10, 200)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test of a strict tier fails: a tier that quietly does not run shows nothing."""
    report = yield
    is_strict = any(item.get_closest_marker(tier) for tier in STRICT_TIERS)
    if IS_CI and is_strict and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where this tier must run: {reason}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> None:
    """Every test that signs somebody in would spend a second on hashes that are slow on purpose."""
    from catalog.access import passwords

    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    passwords._NOBODY = passwords._HASHER.hash("nobody")


@pytest.fixture(autouse=True)
def _fresh_logging() -> Generator[None, None, None]:
    """A command that ran inside a test process leaves its log on a stream that is closed by the next test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def work() -> Generator[Work, None, None]:
    """What requests cost, of applications that are started in this module after this was asked for."""
    from work_done import watch_threads

    with watch_threads() as work:
        yield work


@pytest.fixture(scope="session")
def test_seed() -> int:
    """The seed of every sample city in the tests: ``$CITYBRAIN_TEST_SEED``, else 7."""
    return int(os.environ.get("CITYBRAIN_TEST_SEED", DEFAULT_SEED))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def sample_city(shared_folder: Path, test_seed: int) -> Path:
    """A sample city of 600 people, made once a session; tests that change a delivery copy it first."""
    from lakehouse.sample_city.city import generate_city

    return _made_once(
        shared_folder / "sample-city", lambda city: generate_city(city, seed=test_seed, people=SAMPLE_PEOPLE)
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh ``CITYBRAIN_HOME``."""
    place = tmp_path / "home"
    monkeypatch.setenv("CITYBRAIN_HOME", str(place))
    return place


@pytest.fixture(scope="session")
def published_home(shared_folder: Path, sample_city: Path) -> Path:
    """A home into which the whole sample city was run and published, once a session; tests only read it."""
    return _published(shared_folder / "published-home", sample_city)


@pytest.fixture(scope="session")
def published_report(published_home: Path) -> RunReport:
    """What the run said by which ``published_home`` was published."""
    from lakehouse.pipeline.report import RunReport

    return RunReport(**json.loads(_report_of(published_home).read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def small_city(shared_folder: Path, test_seed: int) -> Path:
    """A city for tests in which a run is the means and not the matter: few people, few deliveries. Only read."""
    from few_deliveries import generate_small_city

    return _made_once(
        shared_folder / "small-city", lambda city: generate_small_city(city, seed=test_seed, people=SMALL_PEOPLE)
    )


@pytest.fixture(scope="session")
def small_home(shared_folder: Path, small_city: Path) -> Path:
    """A home into which the small city was run and published, undisturbed, once a session; tests only read it."""
    return _published(shared_folder / "small-home", small_city)


def _published(place: Path, city: Path) -> Path:
    from infra.cli.pipeline import department_systems
    from lakehouse.connect.settings import Settings
    from lakehouse.pipeline.run import run_pipeline

    def fill(home: Path) -> None:
        with department_systems(city) as systems:
            report = run_pipeline(Settings(home=home), systems)
        assert report.published, report.reason
        _report_of(home).write_text(json.dumps(asdict(report)), encoding="utf-8")

    return _made_once(place, fill)


def _report_of(home: Path) -> Path:
    return home.with_suffix(".report.json")


def _made_once(place: Path, make: Callable[[Path], object]) -> Path:
    """Let one worker of this test session make a folder; what one left that did not come to its end is made anew."""
    done = place.with_suffix(".done")
    with FileLock(str(place) + ".lock"):
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
            done.touch()
    return place


@pytest.fixture(scope="session")
def parsed_home(published_home: Path) -> Callable[[Path], Path]:
    """Give a fresh home what dbt remembers of the project from run to run, which takes seconds to make anew."""
    return _give_memory_of(published_home)


@pytest.fixture(scope="session")
def parsed_cluster_home(shared_folder: Path, parsed_home: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """The same for a home on the cluster."""
    from lakehouse.connect.settings import Settings
    from lakehouse.pipeline.dbt_process import run_command
    from lakehouse.pipeline.dbt_trino import CATALOG

    def parse(home: Path) -> None:
        parsed_home(home)
        done = run_command(Settings(home=home), home / "build.duckdb", ["parse"], trino={CATALOG: "parsed"})
        assert done.returncode == 0, done.stdout

    return _give_memory_of(_made_once(shared_folder / "parsed-cluster-home", parse))


def _give_memory_of(known: Path) -> Callable[[Path], Path]:
    def give(home: Path) -> Path:
        shutil.copytree(known / "dbt-cache", home / "dbt-cache")
        return home

    return give
