"""``citybrain compliance``: exit codes for scripts, JSON, and the report's files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner, Result

from catalog.compliance.duties import DUTIES
from infra.cli.main import app

pytestmark = pytest.mark.integration


@pytest.fixture
def home(duty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_HOME", str(duty_home))


def run(*line: str) -> Result:
    return CliRunner().invoke(app, ["compliance", *line])


@pytest.mark.usefixtures("home")
def test_a_breach_exits_with_3_and_says_which_duty() -> None:
    answer = run("--on", "2026-10-31", "--dept", "gaj")
    assert answer.exit_code == 3


@pytest.mark.usefixtures("home")
def test_no_breach_exits_with_0() -> None:
    assert run("--on", "2026-08-31", "--dept", "gaj").exit_code == 0  # nothing published yet: unknown, not breached


@pytest.mark.usefixtures("home")
def test_json_has_every_duty_with_its_evidence(capfd: pytest.CaptureFixture[str]) -> None:
    answer = run("--on", "2026-10-31", "--dept", "gaj", "--json")
    assert answer.exit_code == 3
    facts = json.loads(answer.stdout or capfd.readouterr().out)
    assert [one["code"] for one in facts["departments"][0]["duties"]] == [duty.code for duty in DUTIES]
    assert facts["day"] == "2026-10-31"


@pytest.mark.usefixtures("home")
def test_the_report_is_written_as_page_workbook_and_json(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "reports"
    assert run("report", "--month", "2026-10", "--dept", "gaj", "--out", str(folder)).exit_code == 0
    names = {path.name for path in folder.iterdir()}
    stem = "compliance-gaj-2026-10"
    assert names == {f"{stem}.html", f"{stem}.xlsx", f"{stem}.json", "compliance-report.css"}
    page = (folder / f"{stem}.html").read_text("utf-8")
    assert 'href="compliance-report.css"' in page
    assert "<a " not in page
    assert "<script" not in page
    assert CalamineWorkbook.from_path(str(folder / f"{stem}.xlsx")).sheet_names[0] == "总览"
    assert json.loads((folder / f"{stem}.json").read_text("utf-8"))["month"] == "2026-10"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "line",
    [
        ("--on", "31.10.2026"),
        ("--on", "2025-07-31"),
        ("--dept", "nobody"),
        ("report", "--month", "2026-13", "--out", "x"),
    ],
)
def test_wrong_input_is_told(line: tuple[str, ...]) -> None:
    answer = run(*line)
    assert answer.exit_code != 0
    assert type(answer.exception).__name__ == "UserError"
