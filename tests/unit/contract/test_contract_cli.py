from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from catalog.contract import load
from infra.cli import contract as command
from infra.cli.contract_sample import read_sample
from infra.cli.output import UserError

KEY = "gaj.resident"


@pytest.fixture
def run(tree, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs ``citybrain contract …`` on the private tree."""
    (tree.root.parent / "dbt_project").mkdir()
    monkeypatch.setattr(load, "CATALOG_ROOT", tree.root)
    for function in (load.load_contracts, load.load_vocabulary, load.contract_paths):
        monkeypatch.setattr(function, "__defaults__", (tree.root,))
    monkeypatch.setattr("catalog.contract.lint.CATALOG_ROOT", tree.root)
    monkeypatch.setattr("catalog.contract.lint.lint.__defaults__", (tree.root,))

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(command.app, [str(argument) for argument in arguments])

    return invoke


def test_lint_is_silent_and_exits_0_on_a_clean_catalogue(run) -> None:
    result = run("lint")
    assert (result.exit_code, result.stdout) == (0, "")


def test_lint_exits_2_and_names_every_fault_with_file_line_rule_and_source(tree, run) -> None:
    tree.edit(tree.contract(KEY), "status: active", "status: live")
    tree.edit(tree.contract("mzj.marriage"), "property: govShareCondition", "property: govShareConditions")
    result = run("lint")
    assert result.exit_code == 2
    assert "gaj/resident.odcs.yaml:6:1: error field.value: status" in result.stdout
    assert "第十五条" in result.stdout


def test_lint_json_is_a_list_of_findings(tree, run) -> None:
    tree.edit(tree.contract(KEY), "status: active", "status: live")
    result = run("lint", tree.contract(KEY), "--json")
    (finding,) = json.loads(result.stdout)
    assert finding.keys() == {"path", "line", "column", "field", "rule", "message", "source", "severity"}


def test_diff_exits_0_1_or_2(tree, run, tmp_path: Path) -> None:
    old = tree.contract(KEY)
    new = tmp_path / "new.odcs.yaml"
    new.write_bytes(old.read_bytes())
    assert run("diff", old, new).exit_code == 0
    tree.edit(new, "physicalName: XM", "physicalName: XINGMING")
    result = run("diff", old, new, "--json")
    assert result.exit_code == 1
    compared = json.loads(result.stdout)
    assert (compared["required_version"], compared["version_fits"]) == ("2.0.0", False)
    assert compared["artefacts"] == ["contract_tables"]
    tree.edit(new, "status: active", "status: live")
    assert isinstance(run("diff", old, new).exception, UserError)
    assert isinstance(run("diff", old, "HEAD~9999:nothing").exception, UserError)
    assert isinstance(run("diff", old, "--output=x:y").exception, SystemExit | UserError)


def test_new_drafts_a_contract_once(tree, run, tmp_path: Path) -> None:
    sample = tmp_path / "a.csv"
    sample.write_bytes("收养证号,姓名\nA1,张三\nA2,李四\n".encode("gb18030"))
    result = run("new", "mzj", "adoption", "--from", sample)
    assert result.exit_code == 0
    text = tree.contract("mzj.adoption").read_text(encoding="utf-8")
    assert "encoding: gb18030" in text
    assert run("lint", tree.contract("mzj.adoption")).exit_code == 2
    assert isinstance(run("new", "mzj", "adoption").exception, UserError)


@pytest.mark.parametrize("arguments", [("nobody", "x"), ("mzj", "Bad-Name"), ("mzj", "x", "--from", "missing.csv")])
def test_new_refuses_wrong_input_with_a_hint(run, arguments: tuple[str, ...]) -> None:
    error = run("new", *arguments).exception
    assert isinstance(error, UserError)
    assert error.hint


def test_derive_writes_what_is_missing_and_check_tells(tree, run) -> None:
    assert run("derive", "--check").exit_code == 2
    assert run("derive").exit_code == 0
    assert run("derive", "--check").exit_code == 0
    target = tree.root.parent / "dbt_project/models/staging/gaj/_gaj__sources.yml"
    tree.edit(target, "resident", "residents")
    assert json.loads(run("derive", "--check", "--json").stdout)["changed"] == [
        "dbt_project/models/staging/gaj/_gaj__sources.yml"
    ]


def test_derive_removes_the_sources_of_a_department_without_contracts(tree, run) -> None:
    run("derive")
    tree.contract("yjj.hazard_source").unlink()
    assert run("derive", "--check").exit_code == 2
    run("derive")
    assert not (tree.root.parent / "dbt_project/models/staging/yjj/_yjj__sources.yml").exists()


def test_a_database_sample_needs_its_table(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table T_RK (XM text)")
        connection.execute("insert into T_RK values ('张三')")
    assert read_sample(path, "T_RK").columns == {"XM": ["张三"]}
    with pytest.raises(UserError, match="which table"):
        read_sample(path, 'T" union select 1')


@pytest.mark.parametrize(
    ("name", "content"), [("x.db", b"no database"), ("x.xlsx", b"PK\x03\x04"), ("x.csv", b""), ("x.pdf", b"")]
)
def test_a_broken_sample_is_refused_with_a_message(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=name):
        read_sample(path, "T")


def test_an_excel_sample_finds_the_header_below_a_title(tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("名册")
        sheet.merge_range("A1:B1", "低保花名册")
        sheet.write_row("A2", ["证号", "姓名"])
        sheet.write_row("A3", [12, "张三"])
    sample = read_sample(path, None)
    assert (sample.sheet, sample.columns) == ("名册", {"证号": ["12"], "姓名": ["张三"]})
