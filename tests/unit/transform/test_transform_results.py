"""What dbt left behind, in words for people: which model or test, why, and nothing of dbt's own stack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lakehouse.pipeline import dbt_process
from lakehouse.pipeline.dbt_nursery import DbtCommand
from lakehouse.pipeline.dbt_process import DbtResult, run_build, target_of
from lakehouse.pipeline.transform import Settings


def build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: list[dict[str, Any]] | None, code: int = 0, out: str = ""
) -> DbtResult:
    """Run a build in which dbt writes ``results`` (nothing at all for None), prints ``out`` and exits with ``code``."""
    database = tmp_path / "run" / "build.duckdb"
    target_of(database).mkdir(parents=True)
    stale = {"results": [{"unique_id": "model.citybrain.stale", "status": "success", "message": "OK"}]}
    (target_of(database) / "run_results.json").write_text(json.dumps(stale), encoding="utf-8")

    def fake(command: DbtCommand) -> subprocess.CompletedProcess[str]:
        if results is not None:
            (target_of(database) / "run_results.json").write_text(json.dumps({"results": results}), encoding="utf-8")
        return subprocess.CompletedProcess(command.arguments, code, out, "")

    monkeypatch.setattr(dbt_process, "run_dbt_command", fake)
    return run_build(Settings(home=tmp_path / "home"), database, [])


def row(unique_id: str, status: str, message: str | None = None, failures: int | None = None) -> dict[str, Any]:
    return {"unique_id": unique_id, "status": status, "message": message, "failures": failures}


def test_build_without_failures_counts_models_and_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row("model.citybrain.dim_person", "success"), row("test.citybrain.primary_key_dim_person.1a2b", "pass")]

    result = build(tmp_path, monkeypatch, rows)

    assert (result.ok, result.models, result.tests, result.failures) == (True, 1, 1, [])


def test_failing_test_says_which_and_how_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row("test.citybrain.primary_key_dim_person.1a2b", "fail", "Got 3 results, configured to fail if != 0", 3)]

    result = build(tmp_path, monkeypatch, rows, code=1)

    assert not result.ok
    assert "primary_key_dim_person" in result.failures[0]
    assert "3 行不符" in result.failures[0]
    assert "1a2b" not in result.failures[0]


def test_broken_model_contract_is_told_without_the_stack_of_macros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (
        "This model has an enforced contract that failed.\n\n  > in macro assert_columns_equivalent\n  > called by x"
    )

    result = build(tmp_path, monkeypatch, [row("model.citybrain.dim_person", "error", message)], code=1)

    assert result.failures == ["dbt 模型 (model) dim_person 未能建成: This model has an enforced contract that failed."]


def test_skipped_models_are_no_failures_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row("model.citybrain.a", "error", "boom"), row("model.citybrain.b", "skipped")]

    assert len(build(tmp_path, monkeypatch, rows, code=1).failures) == 1


def test_dbt_that_did_not_start_is_not_taken_for_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = build(tmp_path, monkeypatch, None, code=2, out="Parsing Error in models/x.yml")

    assert not result.ok
    assert "Parsing Error in models/x.yml" in result.failures[0]


def test_exit_code_counts_even_when_every_row_succeeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = build(tmp_path, monkeypatch, [row("model.citybrain.a", "success")], code=1, out="Database Error: locked")

    assert not result.ok
    assert "Database Error: locked" in result.failures[0]
