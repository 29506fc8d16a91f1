"""A bench says what it cannot take before it measures anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.bench.orchestration_airflow import cpu_seconds
from infra.bench.orchestration_peer import resources_of, selection
from infra.cli.bench import app_commands
from infra.cli.output import UserError


def _refused(*arguments: str) -> UserError:
    app = typer.Typer()
    app_commands(app)
    app.command()(lambda: None)  # with one command only, typer leaves its name out
    done = CliRunner().invoke(app, ["bench", *arguments])
    assert isinstance(done.exception, UserError)
    return done.exception


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "no bench named"),
        (("publish", "--people", "5"), "no option for people"),
        (("dag-parsing", "--rows", "5"), "no option for rows"),
        (("orchestration", "--topic", "nowhere"), "no topic named 'nowhere'"),
    ],
)
def test_what_a_bench_does_not_know_is_refused(arguments: tuple[str, ...], said: str) -> None:
    error = _refused(*arguments)
    assert said in str(error)
    assert error.exit_code == 2


def test_all_arms_take_in_what_the_topics_read_and_the_reference_first() -> None:
    keys = resources_of(["legal_person"])
    assert keys[0] == "dsjj.division"
    assert "scjg.enterprise" in keys
    assert "gaj.resident" not in keys
    assert "gaj.resident" in resources_of(["livelihood"]), "a topic needs what it reads of others"
    assert selection(["legal_person"]) == ["+path:models/marts/legal_person"]


def test_processor_time_counts_this_process_and_not_one_that_is_gone(tmp_path: Path) -> None:
    assert cpu_seconds([os.getpid()]) > 0
    assert cpu_seconds([2**22 + 1]) == 0
