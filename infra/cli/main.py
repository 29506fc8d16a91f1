"""The ``citybrain`` command: every sub-command is a thin shell around a function of its room.

Imports of engines happen inside the commands, so that ``citybrain --help`` answers at once.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

import structlog
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
    _log_to_stderr(os.environ.get("CITYBRAIN_LOG", "warning"))
    try:
        app()
    except UserError as error:
        sys.exit(fail(error))


def _log_to_stderr(level: str) -> None:
    """Keep stdout for answers; ``CITYBRAIN_LOG=info`` shows every step with its ids."""
    wanted = logging.getLevelNamesMapping().get(level.upper(), logging.WARNING)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(wanted),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if wanted > logging.INFO:
        warnings.simplefilter("ignore")
