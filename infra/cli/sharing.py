"""``citybrain sharing``: what happens by itself as days go by, and how the matters of the desk stand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer
from rich.table import Table

from infra.cli.output import err, out, print_json

sharing_app = typer.Typer(help="Sharing applications and checks of data 共享申请与校核", no_args_is_help=True)
JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
OnDay = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="as of this day instead of today")]


def app_commands(app: typer.Typer) -> None:
    """Add ``sharing`` to the command line."""
    app.add_typer(sharing_app, name="sharing")


@sharing_app.command("tick")
def tick(on: OnDay = None, json: JsonFlag = False) -> None:
    """Record what ended, recheck what was corrected, remind of what is due; may run as often as one likes."""
    from catalog.api.desk_run import run_tick
    from lakehouse.connect.settings import Settings

    done = run_tick(Settings(), _day(on))
    if json:
        print_json(done)
        return
    out.print(f"{done['on']}: 到期 ended {len(done['expired'])}, 复核 rechecked {len(done['rechecked'])},", end=" ")
    out.print(f"提醒 reminded {len(done['reminded'])}")
    for row in done["rechecked"]:
        out.print(f"  {row['number']} {row['result']}")
    for row in done["reminded"]:
        out.print(f"  {row['number']} {row['duty']} {row['light']} {row['due_on']}")
    for number, why in done["not_computed"].items():
        err.print(f"[yellow]{number}: {why}[/]")


@sharing_app.command("list")
def list_all(on: OnDay = None, json: JsonFlag = False) -> None:
    """List every application and check with its clock, the most urgent first."""
    from catalog.api.desk_run import list_matters
    from lakehouse.connect.settings import Settings

    rows = list_matters(Settings(), _day(on))
    if json:
        print_json(rows)
        return
    table = Table("number", "resource", "from", "to", "state", "light", "due", "days left")
    for row in rows:
        due = (str(row["due_on"] or ""), "" if row["days_left"] is None else str(row["days_left"]))
        table.add_row(
            row["number"], row["resource"], row["applicant"], row["provider"], row["state"], row["light"], *due
        )
    out.print(table)
    for row in rows:
        if row["no_table"]:
            err.print(f"[yellow]{row['number']}: {row['no_table']}[/]")


def _day(on: datetime | None) -> date | None:
    return on.date() if on else None
