"""The ``citybrain`` command: every sub-command is a thin shell around a function of its room.

Imports of engines happen inside the commands, so that ``citybrain --help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from infra.cli import bench, contract, demo, inspect, pipeline, sample_city, serve
from infra.cli.output import UserError, fail

app = typer.Typer(
    name="citybrain",
    help="城市大脑 data foundation: contracts, lakehouse pipeline, catalogue and data services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(contract.app, name="contract")
for module in (sample_city, pipeline, inspect, serve, bench, demo):
    module.app_commands(app)


def run() -> None:
    """Run the command line; a known error ends with its message and exit code, never with a traceback."""
    try:
        app()
    except UserError as error:
        sys.exit(fail(error))
