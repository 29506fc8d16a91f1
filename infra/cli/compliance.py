"""``citybrain compliance``: the duties of the Regulations on a day, and the monthly report as files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.output import EXIT_BLOCKED, UserError, out, print_json

if TYPE_CHECKING:
    from catalog.compliance.gather import Gatherer
    from catalog.contract.vocabulary import Vocabulary

JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
DeptOption = Annotated[str | None, typer.Option(help="one department only, such as gaj")]
compliance_app = typer.Typer(
    help="Duties of 《政务数据共享条例》: how each stands, with evidence", no_args_is_help=False
)


def app_commands(app: typer.Typer) -> None:
    """Add ``compliance`` to the command line."""
    app.add_typer(compliance_app, name="compliance")


@compliance_app.callback(invoke_without_command=True)
def compliance(
    context: typer.Context,
    on: Annotated[str | None, typer.Option(help="the day, YYYY-MM-DD; today without it")] = None,
    dept: DeptOption = None,
    json: JsonFlag = False,
) -> None:
    """Show how the duties stand at the end of a day; exit 3 when one is breached."""
    if context.invoked_subcommand is not None:
        return
    from catalog.api.clock import today
    from catalog.compliance.board import basis_json, breaches, card_json, outcome_json, outcomes, scorecard
    from catalog.compliance.duties import BY_CODE

    with _gatherer() as (gatherer, vocabulary):
        depts = _departments(vocabulary, dept)
        evidence = gatherer.evidence(_day(on), today())
        cards = [scorecard(evidence, one) for one in depts]
        if json:
            found = [
                {
                    **card_json(card),
                    "duties": [outcome_json(BY_CODE[c], o) for c, o in outcomes(evidence, card.dept).items()],
                }
                for card in cards
            ]
            print_json({**basis_json(evidence), "departments": found})
        else:
            shown = Table("部门", "得分", "条款", "义务", "未履行", "情况", title=f"未履行的义务，截至 {evidence.day}")
            for one, duty, outcome in breaches(evidence, depts):
                score = next(card.score for card in cards if card.dept == one)
                shown.add_row(
                    vocabulary.departments[one].name,
                    f"{score:g}",
                    duty.basis,
                    duty.title,
                    str(outcome.wrong),
                    escape(outcome.rows[0].text),
                )
            out.print(shown)
        is_breached = any(True for _ in breaches(evidence, depts))
    raise typer.Exit(EXIT_BLOCKED if is_breached else 0)


@compliance_app.command()
def report(
    month: Annotated[str, typer.Option(help="the month, YYYY-MM")],
    out_dir: Annotated[Path, typer.Option("--out", help="folder for the files; made when it is missing")],
    dept: DeptOption = None,
) -> None:
    """Write the monthly report as a printable page, an Excel workbook and JSON; print their paths."""
    import json

    from catalog.api.clock import today
    from catalog.compliance.report import NoSuchMonth, build_report
    from catalog.compliance.workbook import report_workbook
    from catalog.web.compliance import REPORT_STYLES, report_document, report_styles

    with _gatherer() as (gatherer, vocabulary):
        depts = _departments(vocabulary, dept)
        try:
            found = build_report(gatherer, month, depts, today())
        except NoSuchMonth as error:
            raise UserError(str(error)) from error
        names = {code: department.name for code, department in vocabulary.departments.items()}
        title = names[dept] if dept else vocabulary.city.name
        stem = f"compliance-{dept or 'city'}-{month}"
        contents = {
            f"{stem}.html": report_document(found, names, title).encode(),
            REPORT_STYLES: report_styles().encode(),
            f"{stem}.xlsx": report_workbook(found, names, title),
            f"{stem}.json": json.dumps(found.to_json(), ensure_ascii=False, indent=2).encode(),
        }
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = out_dir / name
        path.write_bytes(content)
        out.print(str(path))


@contextmanager
def _gatherer() -> Iterator[tuple[Gatherer, Vocabulary]]:
    from catalog.access.store import open_store
    from catalog.cataloguing.store import CataloguingStore
    from catalog.compliance.changes import Changes
    from catalog.compliance.gather import Gatherer
    from catalog.contract.load import load_contracts, load_vocabulary
    from catalog.sharing.calendar import load_calendar
    from catalog.sharing.store import SharingStore
    from lakehouse.connect.app_database import app_database
    from lakehouse.connect.settings import Settings

    settings = Settings()
    vocabulary, contracts, database = (
        load_vocabulary(),
        load_contracts(approved=settings.contracts),
        app_database(settings),
    )
    sharing, calendar = SharingStore(database), load_calendar()
    with (
        closing(sharing),
        closing(CataloguingStore(database, calendar)) as proposals,
        open_store(database) as access,
    ):
        changes = Changes(proposals, calendar)
        yield Gatherer(settings, sharing, access, lambda: contracts, vocabulary, changes), vocabulary


def _departments(vocabulary: Vocabulary, dept: str | None) -> list[str]:
    if dept is None:
        return list(vocabulary.departments)
    if dept not in vocabulary.departments:
        raise UserError(f"no department {dept!r}", hint=f"one of {', '.join(vocabulary.departments)}")
    return [dept]


def _day(on: str | None) -> date:
    from catalog.api.clock import today
    from catalog.compliance.days import FIRST_DAY

    if on is None:
        return today()
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise UserError(f"{on!r} is not a day; write it as 2026-10-31") from None
    if not FIRST_DAY <= day <= today():
        raise UserError(f"{day} has no compliance", hint=f"a day from {FIRST_DAY} to today")
    return day
