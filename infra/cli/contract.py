"""``citybrain contract``: lint, compare, scaffold contracts, and write what is derived from them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import EXIT_WRONG_INPUT, UserError, err, out, print_json

if TYPE_CHECKING:
    from catalog.contract.diff import ContractDiff
    from catalog.contract.finding import Finding
    from catalog.contract.model import Contract

app = typer.Typer(help="Contracts 数据契约: lint, diff, new, derive.", no_args_is_help=True)

EXIT_BREAKING = 1
NAME = re.compile(r"[a-z][a-z0-9_]*")
REVISION = re.compile(r"(?P<revision>[^:-][^:]*):(?P<path>.+)")
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command("lint")
def lint_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; the whole catalogue without.")] = None,
    as_json: Json = False,
) -> None:
    """Name every fault of contracts and vocabulary with its line and rule. Exit 0 clean (warnings pass), 2 faults."""
    from catalog.contract.lint import lint

    findings = lint(paths) if paths else lint()
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            _print_finding(finding)
        err.print(f"{errors} errors, {len(findings) - errors} warnings", markup=False)
    if errors:
        raise typer.Exit(EXIT_WRONG_INPUT)


def _print_finding(finding: Finding) -> None:
    colour = "red" if finding.severity == "error" else "yellow"
    place = f"{finding.path}:{finding.line}:{finding.column}"
    out.print(f"{place}: ", end="", markup=False)
    out.print(finding.severity, style=colour, end="")
    out.print(f" {finding.rule}: {finding.field}: {finding.message}（{finding.source}）", markup=False)


@app.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(help="A file, or GIT-REVISION:path such as HEAD~1:catalog/contracts/…")],
    new: Annotated[str, typer.Argument(help="A file, or GIT-REVISION:path.")],
    as_json: Json = False,
) -> None:
    """Classify what changed between two versions of a contract. Exit 0 nothing breaking, 1 breaking, 2 wrong input."""
    from catalog.contract.diff import diff
    from catalog.contract.load import load_vocabulary
    from catalog.derive.artefacts import changed_artefacts

    before, after = _contract_at(old), _contract_at(new)
    compared = diff(before, after)
    changed = changed_artefacts(before, after, load_vocabulary())
    if as_json:
        print_json({**compared.to_json(), "artefacts": changed})
    else:
        _print_diff(compared, changed)
    if compared.is_breaking:
        raise typer.Exit(EXIT_BREAKING)


def _print_diff(compared: ContractDiff, artefacts: list[str]) -> None:
    if not compared.changes:
        out.print(f"{compared.key}: no change", markup=False)
        return
    for change in compared.changes:
        out.print(f"{change.impact}: {change.field}: {change.old} -> {change.new} ({change.reason})", markup=False)
    needed = compared.to_json()["required_version"]
    verdict = "fits" if compared.version_fits else f"is too low: write {needed}"
    out.print(f"version {compared.old_version} -> {compared.new_version} {verdict}", markup=False)
    out.print(f"derived anew: {', '.join(artefacts) or 'nothing'}", markup=False)


def _contract_at(given: str) -> Contract:
    """Load a contract from a file or a git revision; raise :class:`UserError` with every fault in it."""
    from pydantic import ValidationError

    from catalog.contract.lint import lint_content
    from catalog.contract.load import UnreadableDocument, parse_contract

    content = _content_at(given)
    try:
        return parse_contract(content, given)
    except (ValidationError, UnreadableDocument) as error:
        faults = [
            f"{f.path}:{f.line}: {f.field}: {f.message}" for f in lint_content(content, given) if f.severity == "error"
        ]
        raise UserError("\n".join(faults) or str(error), hint="citybrain contract lint") from None


def _content_at(given: str) -> bytes:
    path = Path(given)
    if path.is_file():
        return path.read_bytes()
    revision = REVISION.fullmatch(given)
    if revision is None:
        raise UserError(f"no such file: {given}", hint="give a file, or GIT-REVISION:path such as HEAD~1:catalog/…")
    shown = subprocess.run(["git", "show", "--end-of-options", given], capture_output=True, check=False)
    if shown.returncode != 0:
        problem = shown.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise UserError(f"git does not have {given}: {problem}", hint="git log -- PATH lists the revisions")
    return shown.stdout


@app.command("new")
def new_command(
    dept: Annotated[str, typer.Argument(help="Short code of the department, as in vocabulary/departments.yaml.")],
    resource: Annotated[str, typer.Argument(help="snake_case name of the resource.")],
    sample: Annotated[Path | None, typer.Option("--from", help="A .csv, .xlsx or SQLite .db to draft from.")] = None,
    table: Annotated[
        str | None, typer.Option("--table", help="Table of the database, or sheet of the workbook.")
    ] = None,
) -> None:
    """Draft a contract: columns, types and items from a sample; what the law wants from a person stays 待填."""
    from catalog.contract.lint import lint
    from catalog.contract.load import CATALOG_ROOT, SUFFIX, load_contracts, load_vocabulary
    from catalog.contract.scaffold import Sample, scaffold
    from infra.cli.contract_sample import read_sample

    vocabulary = load_vocabulary()
    if dept not in vocabulary.departments:
        raise UserError(f"unknown department {dept!r}", hint=f"known are {', '.join(sorted(vocabulary.departments))}")
    if not NAME.fullmatch(resource):
        raise UserError(f"{resource!r} is not a resource name", hint="write it in snake_case, such as food_licence")
    path = CATALOG_ROOT / "contracts" / dept / f"{resource}{SUFFIX}"
    if path.exists():
        raise UserError(f"{path.name} exists already", hint=f"edit it, or choose another name: {path}")
    taken = read_sample(sample, table) if sample else Sample("csv", {"编号": []}, encoding="gb18030")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scaffold(dept, resource, taken, vocabulary, load_contracts()), encoding="utf-8")
    findings = lint(path)
    out.print(f"{path}: {len(taken.columns)} columns; fill in {len(findings)} places, then lint:", markup=False)
    for finding in findings:
        _print_finding(finding)


@app.command("derive")
def derive_command(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 2 when a file is out of date.")] = False,
    as_json: Json = False,
) -> None:
    """Write the files that are derived from the contracts (dbt sources), or check that they are up to date."""
    from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary
    from catalog.derive.artefacts import generated_files

    root = CATALOG_ROOT.parent
    files = generated_files(load_contracts(), load_vocabulary())
    changed = [path for path, content in files.items() if _text_of(root / path) != content]
    stale = _stale(root, set(files))
    if not check:
        for path in changed:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(files[path], encoding="utf-8")
        for path in stale:
            (root / path).unlink()
    if as_json:
        print_json({"files": len(files), "changed": changed, "removed": stale, "written": not check})
    else:
        for path in [*changed, *stale]:
            done = "out of date" if check else "written" if path in changed else "removed"
            out.print(f"{done}: {path}", markup=False)
        out.print(f"{len(files)} derived files, {len(changed) + len(stale)} {'out of date' if check else 'changed'}")
    if check and (changed or stale):
        raise typer.Exit(EXIT_WRONG_INPUT)


def _text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _stale(root: Path, wanted: set[str]) -> list[str]:
    """Return derived files of departments that have no contract any more."""
    from catalog.derive.artefacts import HEADER

    found = sorted((root / "dbt_project" / "models" / "staging").glob("*/_*__sources.yml"))
    derived = [path for path in found if (_text_of(path) or "").startswith(HEADER)]
    return [path for path in (p.relative_to(root).as_posix() for p in derived) if path not in wanted]
