"""The project of a build knows as sources what was approved in the catalogue, and is the repository's when nothing was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from catalog.contract.load import CATALOG_ROOT
from lakehouse.pipeline.errors import WrongInput
from lakehouse.pipeline.inputs import load_inputs
from lakehouse.pipeline.project import approved_sources, lay_project, project_of
from lakehouse.pipeline.topics import PROJECT

SOURCES = "models/staging/swj/_swj__sources.yml"
PAYMENT = CATALOG_ROOT / "contracts" / "swj" / "tax_payment.odcs.yaml"


@pytest.fixture
def approved(tmp_path: Path) -> Path:
    return tmp_path / "contracts"


def approve(folder: Path, dept: str, resource: str, text: str) -> None:
    place = folder / dept / f"{resource}.odcs.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def new_resource() -> str:
    return PAYMENT.read_text(encoding="utf-8").replace("tax_payment", "invoice")


def tables(text: str) -> list[str]:
    return [table["name"] for table in yaml.safe_load(text)["sources"][0]["tables"]]


def test_without_an_approval_the_project_is_the_repository_s(approved: Path, tmp_path: Path) -> None:
    inputs = load_inputs(checked=False, approved=approved)
    lay_project(tmp_path / "build.duckdb", inputs)
    assert inputs.approved == frozenset()
    assert approved_sources(inputs) == {}
    assert project_of(tmp_path / "build.duckdb") == PROJECT


def test_an_approval_that_changes_no_source_lays_out_nothing(approved: Path) -> None:
    approve(approved, "swj", "tax_payment", PAYMENT.read_text(encoding="utf-8"))
    inputs = load_inputs(checked=False, approved=approved)
    assert inputs.approved == {"swj.tax_payment"}
    assert approved_sources(inputs) == {}


def test_a_new_resource_is_a_source_beside_those_of_its_department(approved: Path, tmp_path: Path) -> None:
    approve(approved, "swj", "invoice", new_resource())
    lay_project(tmp_path / "build.duckdb", load_inputs(checked=False, approved=approved))
    laid = project_of(tmp_path / "build.duckdb")
    assert laid == tmp_path / "project"
    assert tables((laid / SOURCES).read_text(encoding="utf-8")) == ["invoice", "tax_payment", "tax_registration"]
    assert (laid / "dbt_project.yml").read_bytes() == (PROJECT / "dbt_project.yml").read_bytes()
    assert tables((PROJECT / SOURCES).read_text(encoding="utf-8")) == ["tax_payment", "tax_registration"]


def test_what_a_build_left_before_goes_when_nothing_is_approved_any_more(approved: Path, tmp_path: Path) -> None:
    approve(approved, "swj", "invoice", new_resource())
    lay_project(tmp_path / "build.duckdb", load_inputs(checked=False, approved=approved))
    shutil.rmtree(approved)
    lay_project(tmp_path / "build.duckdb", load_inputs(checked=False, approved=approved))
    assert project_of(tmp_path / "build.duckdb") == PROJECT


def test_a_withdrawn_resource_stays_readable_and_is_delivered_no_more(approved: Path) -> None:
    approve(
        approved, "swj", "tax_payment", PAYMENT.read_text(encoding="utf-8").replace("status: active", "status: retired")
    )
    inputs = load_inputs(checked=False, approved=approved)
    assert "swj.tax_payment" not in inputs.contracts
    assert "swj.tax_payment" in inputs.readable
    assert approved_sources(inputs) == {}


def test_a_file_that_is_no_contract_is_named(approved: Path) -> None:
    approve(approved, "swj", "invoice", new_resource())
    approve(approved, "swj", "receipt", "domain: swj\ndomain: gaj\n")
    approve(approved, "swj", "voucher", "domain: swj\n")
    with pytest.raises(WrongInput) as refused:
        load_inputs(approved=approved)
    assert all(str(approved / "swj" / f"{name}.odcs.yaml") in str(refused.value) for name in ("receipt", "voucher"))
    assert "invoice" not in str(refused.value)
