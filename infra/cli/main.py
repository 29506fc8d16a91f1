"""The ``citybrain`` command: every sub-command is a thin shell around a function of its room.

Imports of engines happen inside the commands, so that ``citybrain --help`` answers at once.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import warnings

import structlog
import typer

from infra.cli import (
    account,
    backup,
    bench,
    catalogue,
    compliance,
    contract,
    demo,
    inspect,
    metadata,
    pipeline,
    sample_city,
    serve,
    sharing,
    spark,
    stack,
)
from infra.cli.output import EXIT_UNAVAILABLE, UserError, fail

COLLECT_AFTER = 50_000  # new objects, where Python has 700: hardly anything that a command imports is ever garbage

app = typer.Typer(
    name="citybrain",
    help="城市大脑 data foundation: contracts, lakehouse pipeline, catalogue and data services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(contract.app, name="contract")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(account.app, name="account")
app.add_typer(stack.app, name="stack")
app.add_typer(spark.app, name="spark")
for module in (sample_city, pipeline, inspect, backup, serve, metadata, sharing, compliance, bench, demo):
    module.app_commands(app)


def run() -> None:
    """Run the command line; a known error ends with its message and exit code, never with a traceback."""
    _log_to_stderr(os.environ.get("CITYBRAIN_LOG", "warning"))
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    try:
        app()
    except UserError as error:
        sys.exit(fail(error))
    except Exception as error:
        known = _known(error)
        if known is None:
            raise
        sys.exit(fail(known))


def _known(error: Exception) -> UserError | None:
    """Return what a fault of the surroundings says to people: a server is away, a profile not set up, nothing readable."""
    from pydantic import ValidationError

    from catalog.access.app_database import AppDatabaseUnavailable
    from lakehouse.connect.cluster import ProfileUnavailable
    from lakehouse.connect.servers import ServerUnavailable
    from lakehouse.connect.unfinished import UnfinishedRestore
    from lakehouse.query import QueryError

    if isinstance(error, ValidationError) and error.title == "Settings":
        faults = (f"CITYBRAIN_{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors())
        return UserError("; ".join(faults), hint="see docs/operations.md for the settings")
    if isinstance(error, (ProfileUnavailable, QueryError, UnfinishedRestore)):
        return UserError(str(error))
    is_away = isinstance(error, (ServerUnavailable, AppDatabaseUnavailable))
    return UserError(str(error), exit_code=EXIT_UNAVAILABLE) if is_away else None


def _log_to_stderr(level: str) -> None:
    """Keep stdout for answers; ``CITYBRAIN_LOG=info`` shows every step with its ids."""
    wanted = logging.getLevelNamesMapping().get(level.upper(), logging.WARNING)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(wanted),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if wanted > logging.INFO:
        warnings.simplefilter("ignore")
