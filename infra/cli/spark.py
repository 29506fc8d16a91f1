"""``citybrain spark``: the jobs for what outgrows one machine."""

from __future__ import annotations

from importlib import import_module

import typer

app = typer.Typer(help="Jobs for what outgrows one machine: backfill, compact, resolve, rollup.", no_args_is_help=True)

_JOBS = {
    "backfill": "backfill_resource",
    "compact": "compact_table",
    "resolve": "resolve_entities",
    "rollup": "rollup_readings",
}
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def _command(name: str, job: str) -> None:
    """Make the command that hands its arguments, ``--help`` included, to the job."""

    def run(context: typer.Context) -> None:
        raise typer.Exit(import_module(f"spark_jobs.{job}").main(context.args))

    summary = f"The job spark_jobs.{job}; its arguments: citybrain spark {name} --help"
    app.command(name, help=summary, context_settings=_PASS_ON, add_help_option=False)(run)


for _name, _job in _JOBS.items():
    _command(_name, _job)
