"""``citybrain run`` and ``citybrain truth``: the whole pipeline without Airflow, and how it did against the truth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from infra.cli.output import EXIT_BLOCKED, UserError, err, out, print_json, progress_bar

if TYPE_CHECKING:
    from lakehouse.connect.settings import Settings
    from lakehouse.pipeline.report import RunReport
    from lakehouse.sources import SourceSystem


@contextmanager
def department_systems(source: Path) -> Iterator[SourceSystem]:
    """Yield the department systems behind ``source``.

    A sample city's JSON API runs on loopback for as long as the caller needs it; elsewhere its address comes from
    ``CITYBRAIN_API_URL``.
    """
    from lakehouse.sample_city.api_server import department_api
    from lakehouse.sources import SourceSystem

    if not source.is_dir():
        raise UserError(
            f"no source folder at {source}", hint="make a sample city first: citybrain sample-city --out DIR"
        )
    api_url = os.environ.get("CITYBRAIN_API_URL")
    is_sample = (source / "city.json").exists() and (source / "api").is_dir()
    serving = department_api(source) if is_sample and not api_url else nullcontext(api_url)
    with serving as url:
        yield SourceSystem.from_dir(source, api_url=url)


def app_commands(app: typer.Typer) -> None:
    """Add ``run`` and ``truth`` to the command line."""

    @app.command()
    def run(
        source: Annotated[Path | None, typer.Option(help="folder of department deliveries")] = None,
        only: Annotated[str | None, typer.Option(help="one resource, as DEPT/RESOURCE")] = None,
        profile: Annotated[str | None, typer.Option(help="embedded or cluster; default is CITYBRAIN_PROFILE")] = None,
        json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout at the end")] = False,
    ) -> None:
        """Ingest, transform, check and publish in one step; exit 0 published, 3 blocked by quality, 2 wrong input."""
        from lakehouse.pipeline.run import run_pipeline

        settings = settings_of(profile)
        place = source or settings.root / "sample-city"
        with department_systems(place) as systems, progress_bar() as bar:
            bars: dict[str, Any] = {}

            def show(stage: str, done: int, total: int) -> None:
                if stage not in bars:
                    bars[stage] = bar.add_task(stage, total=total)
                bar.update(bars[stage], completed=done, total=total)

            report = _guarded(lambda: run_pipeline(settings, systems, only=only, progress=show))
        if json:
            print_json(report.to_json())
        else:
            _show(report)
        raise typer.Exit(report.exit_code)

    @app.command()
    def truth(
        source: Annotated[Path, typer.Argument(metavar="DIR", help="the sample city that was run")],
        json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        """Compare what the lakehouse found with what the sample city planted; exit 0 when nothing differs, else 1."""
        from lakehouse.pipeline.truth import compare_with_truth

        found = _guarded(lambda: compare_with_truth(settings_of(None), source))
        if json:
            print_json(found)
        else:
            table = Table("kind", "planted", "found", "missed", "false", title="planted defects")
            for kind, counts in found.items():
                table.add_row(kind, *(str(counts[name]) for name in ("planted", "found", "missed", "false")))
            out.print(table)
        exact = all(not counts["missed"] and not counts["false"] for counts in found.values())
        raise typer.Exit(0 if exact else 1)


def settings_of(profile: str | None) -> Settings:
    """Return the settings, with the profile that the command line asks for, if it does."""
    from lakehouse.connect.settings import Settings

    if profile is None:
        return Settings()
    if profile not in ("embedded", "cluster"):
        raise UserError(f"there is no profile {profile!r}", hint="embedded or cluster")
    return Settings(profile=profile)


def _guarded(call: Any) -> Any:
    from lakehouse.pipeline.errors import PipelineError, WrongInput

    try:
        return call()
    except WrongInput as error:
        raise UserError(str(error), hint=error.hint) from error
    except PipelineError as error:
        raise UserError(str(error), hint="run the same command again", exit_code=1) from error


def _show(report: RunReport) -> None:
    table = Table(title="batches 批次")
    for column in ("resource", "delivery", "status", "received", "accepted", "quarantined", "deduplicated", "reason"):
        is_count = column in ("received", "accepted", "quarantined", "deduplicated")
        table.add_column(column, justify="right" if is_count else "left", overflow="fold")
    for batch in report.batches:
        if batch["status"] == "accepted" and not batch["quarantined"]:
            continue
        shown = [batch[c] for c in ("resource", "delivery", "status", "received", "accepted", "quarantined")]
        table.add_row(*(str(v) for v in shown), str(batch["deduplicated"]), batch["reason"] or "")
    if table.row_count:
        out.print(table)
    totals = {c: sum(b[c] for b in report.batches) for c in ("received", "accepted", "quarantined", "deduplicated")}
    out.print(f"{len(report.batches)} batches: " + ", ".join(f"{name} {count:,}" for name, count in totals.items()))
    if report.exit_code == EXIT_BLOCKED:
        err.print(f"[bold red]已阻断 blocked:[/] main is as it was. {report.reason}")
        err.print(f"[dim]→ branch {report.branch} stays for inspection; report: {report.report_path}[/]")
    elif report.published:
        out.print(f"[green]已发布 published[/] snapshot {report.snapshot}, {report.tables_changed} tables changed")
    else:
        err.print(f"[bold red]未发布 not published:[/] {report.reason}")
    out.print(f"[dim]{report.seconds:.1f} s[/]")
