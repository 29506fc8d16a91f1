"""The whole pipeline on a sample city: everything planted is found, every row accounted for, nothing done twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from copied_home import copy_home

from infra.cli.pipeline import department_systems
from lakehouse.branches import list_branches
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.pipeline.errors import WrongInput
from lakehouse.pipeline.report import RunReport
from lakehouse.pipeline.run import run_pipeline
from lakehouse.pipeline.truth import compare_with_truth
from lakehouse.query import open_reader
from lakehouse.tables import verify

pytestmark = pytest.mark.integration


def run(settings: Settings, city: Path, only: str | None = None) -> RunReport:
    with department_systems(city) as source:
        return run_pipeline(settings, source, only=only)


@pytest.fixture(scope="module")
def city(sample_city: Path) -> Path:
    return sample_city


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory,
    published_home: Path,
    published_report: RunReport,
    parsed_home: Callable[[Path], Path],
) -> tuple[Settings, RunReport]:
    """A city that was published, and is this module's own by a backup and a restore; and what its run said."""
    place = tmp_path_factory.mktemp("own")
    own = copy_home(published_home, place / "home", place / "backups")
    parsed_home(own.root)
    return own, published_report


@pytest.fixture
def home(published: tuple[Settings, RunReport]) -> Settings:
    """The published home; a test may add to it, since every test compares with what it found."""
    settings, report = published
    assert report.published
    return settings


def rows(settings: Settings, sql: str) -> list[dict[str, Any]]:
    with open_reader(settings) as reader:
        found: list[dict[str, Any]] = reader.arrow(sql).to_pylist()
        return found


def test_everything_planted_is_found_and_nothing_else(city: Path, published: tuple[Settings, RunReport]) -> None:
    settings, report = published
    assert (report.published, report.exit_code) == (True, 0)
    compared = compare_with_truth(settings, city)
    assert len(compared) >= 15
    wrong = {kind: counts for kind, counts in compared.items() if counts["missed"] or counts["false"]}
    assert wrong == {}


def test_a_clean_row_that_is_not_in_the_truth_would_be_noticed(city: Path, home: Settings, tmp_path: Path) -> None:
    """Negative control of the comparison: take one line out of the truth, and what was found there counts as false."""
    doctored = tmp_path / "doctored"
    shutil.copytree(city, doctored)
    path = doctored / "truth" / "bad_checksum.ndjson"
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[1:]) + "\n", encoding="utf-8")
    assert compare_with_truth(home, doctored)["bad_checksum"]["false"] == 1


def test_every_received_row_is_accounted_for(published: tuple[Settings, RunReport]) -> None:
    settings, report = published
    for batch in report.batches:
        assert batch["received"] == batch["accepted"] + batch["quarantined"] + batch["deduplicated"], batch
        assert batch["received_checksum"] == batch["accounted_checksum"], batch
    recorded = rows(settings, "select sum(received) as n from ops.ingest_outcome")[0]["n"]
    assert recorded == sum(batch["received"] for batch in report.batches)


def test_the_report_has_the_fields_that_scripts_rely_on(published: tuple[Settings, RunReport]) -> None:
    report = json.loads(json.dumps(published[1].to_json()))
    assert {"published", "reason", "snapshot", "batches", "tables_changed", "seconds"} <= report.keys()
    names = {"resource", "batch_id", "received", "accepted", "quarantined", "deduplicated", "skipped"}
    assert all(names <= batch.keys() for batch in report["batches"])


def test_a_forgotten_build_is_built_again_and_still_commits_nothing(home: Settings, city: Path) -> None:
    (home.runs / "fingerprints.json").unlink(missing_ok=True)
    before = branch_pointers(home)
    assert run(home, city).tables_changed == 0
    assert branch_pointers(home) == before
    assert (home.runs / "fingerprints.json").exists()


def test_an_unchanged_run_commits_nothing(home: Settings, city: Path) -> None:
    before = branch_pointers(home)
    report = run(home, city)
    assert (report.published, report.tables_changed, report.exit_code) == (True, 0, 0)
    assert branch_pointers(home) == before


def test_a_blocking_failure_leaves_every_table_of_main_as_it_was(home: Settings, city: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / "city"
    shutil.copytree(city, spoiled)
    spoil_half_of_the_residents(spoiled / "gaj" / "residence_permit")
    healthy_addition(spoiled / "swj" / "tax_payment", day=28)
    before = branch_pointers(home)
    report = run(home, spoiled)
    assert (report.published, report.exit_code) == (False, 3)
    assert "gaj.residence_permit" in (report.reason or "")
    assert branch_pointers(home) == before
    assert report.report_path is not None
    assert "gaj.residence_permit" in Path(report.report_path).read_text(encoding="utf-8")
    blocked = [branch for branch in list_branches(home) if branch.state == "blocked"]
    assert [branch.name for branch in blocked] == [report.branch]
    (spoiled / "gaj" / "residence_permit" / SPOILED).unlink()
    mended = run(home, spoiled)
    assert (mended.published, mended.exit_code) == (True, 0)
    assert branch_pointers(home) != before


SPOILED = "residence_permit_20260629_20260629235959.csv"


def spoil_half_of_the_residents(folder: Path) -> None:
    """Deliver the first file again under a later name, with every second ID broken."""
    lines = sorted(folder.glob("*.csv"))[0].read_bytes().decode("gb18030").splitlines()
    spoiled = [
        line.replace(line.split(",")[1], "110101199001010000") if n % 2 else line for n, line in enumerate(lines)
    ]
    (folder / SPOILED).write_bytes(("\n".join([lines[0], *spoiled[1:]]) + "\n").encode("gb18030"))


def healthy_addition(folder: Path, day: int) -> None:
    """Deliver one new, good row on a day of June 2026."""
    lines = sorted(folder.glob("*.csv"))[0].read_bytes().decode("gb18030").splitlines()
    cells = lines[1].split(",")
    fresh = ",".join([f"{day}99999999999999999999"[: len(cells[0])], *cells[1:]])
    name = f"tax_payment_202606{day}_202606{day}235959.csv"
    (folder / name).write_bytes(f"{lines[0]}\n{fresh}\n".encode("gb18030"))


def test_one_unreadable_delivery_does_not_keep_the_others_from_going_on(
    home: Settings, city: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "city"
    shutil.copytree(city, broken)
    healthy_addition(broken / "swj" / "tax_payment", day=29)
    (broken / "jyj" / "school" / "school_20260629_20260629235959.xlsx").write_bytes(b"PK\x03\x04 half of a workbook")
    before = branch_pointers(home)
    report = run(home, broken)
    assert (report.published, report.exit_code) == (True, 0)
    failed = [b for b in report.batches if b["status"] == "failed" and b["resource"] == "jyj.school"]
    assert failed
    assert failed[0]["reason"]
    after = branch_pointers(home)
    assert after["jyj.school"] == before["jyj.school"]
    assert after["swj.tax_payment"] != before["swj.tax_payment"]
    assert rows(home, "select status from ops.ingest_outcome where delivery = 'school_20260629_20260629235959.xlsx'")


def test_nothing_but_an_unreadable_delivery_is_wrong_input(city: Path, tmp_path: Path) -> None:
    broken = tmp_path / "city"
    shutil.copytree(city, broken)
    for path in (broken / "jyj" / "school").glob("*.xlsx"):
        path.write_bytes(b"not a workbook")
    report = run(Settings(home=tmp_path / "home"), broken, only="jyj/school")
    assert (report.published, report.exit_code) == (False, 2)
    assert "jyj.school" in (report.reason or "")


def test_an_unknown_resource_is_wrong_input_with_a_near_name(city: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongInput) as refused:
        run(Settings(home=tmp_path / "home"), city, only="gaj/residant")
    assert "gaj/resident" in refused.value.hint


def test_what_is_published_verifies(published: tuple[Settings, RunReport]) -> None:
    report = verify(published[0], deep=True)
    assert report.ok, report.faults
    assert report.tables >= 60


def test_another_day_is_another_build_and_moves_the_ages(city: Path, published: tuple[Settings, RunReport]) -> None:
    settings, _ = published
    ages = "select resident_id, age from population.dim_person where death_date is null order by 1"
    before = {row["resident_id"]: row["age"] for row in rows(settings, ages)}
    later = settings.model_copy(update={"as_of": date(2036, 6, 30)})
    report = run(later, city)
    after = {row["resident_id"]: row["age"] for row in rows(settings, ages)}
    assert report.published
    assert report.tables_changed
    assert {after[who] - age for who, age in before.items()} == {10}
    assert run(later, city).tables_changed == 0
    assert run(settings, city).published  # back to the project's own day, as every other test found it
    assert {row["resident_id"]: row["age"] for row in rows(settings, ages)} == before
