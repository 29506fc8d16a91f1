"""The Terraform files without a server: form, validity, and what the modules plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from terraform_tool import TERRAFORM_ROOT, Terraform

pytestmark = pytest.mark.integration

WITH_TESTS = sorted(str(p.parents[1].relative_to(TERRAFORM_ROOT)) for p in TERRAFORM_ROOT.rglob("*.tftest.hcl"))


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("deploy"))


def test_files_have_terraforms_own_form(terraform: Terraform) -> None:
    assert terraform.run(".", "fmt", "-check", "-recursive", "-diff", fine=(0, 3)).stdout == ""


def test_a_badly_formed_file_is_noticed(terraform: Terraform, tmp_path: Path) -> None:
    (tmp_path / "bad.tf").write_text('variable "a" {\ntype=string\n}\n', encoding="utf-8")
    assert terraform.run(".", "fmt", "-check", str(tmp_path), fine=(3,)).stdout != ""


def test_the_environment_for_developers_is_valid(terraform: Terraform) -> None:
    terraform.init("environments/dev")
    terraform.run("environments/dev", "validate", "-no-color")


@pytest.mark.parametrize("part", WITH_TESTS)
def test_part_plans_what_its_own_tests_say(terraform: Terraform, part: str) -> None:
    terraform.init(part)
    said = terraform.run(part, "test", "-no-color").stdout
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", said), said


def test_modules_and_production_have_tests_of_their_own() -> None:
    assert WITH_TESTS == ["environments/prod", "modules/lake_access", "modules/lake_bucket"]
