"""What every job shares: arguments, one JSON line at the end, exit codes, errors in words."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from lakehouse.branches import BranchError
from lakehouse.connect.cluster import ProfileUnavailable
from lakehouse.connect.database import UnknownBranch
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.pipeline.errors import WrongInput as PipelineWrongInput
from spark_jobs.errors import EXIT_REFUSED, EXIT_WRONG_INPUT, JobError

EXIT_FAILED = 1
CODES = (
    "exit codes: 0 done; 1 failed, the same command may work later; 2 wrong input, or something is missing;"
    " 3 refused by a guard, everything is as it was"
)

Run = Callable[[argparse.Namespace], dict[str, Any]]


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return the argument parser of a job."""
    return argparse.ArgumentParser(prog=f"python -m spark_jobs.{name}", description=description, epilog=CODES)


def run_job(arguments: argparse.ArgumentParser, run: Run, argv: Sequence[str] | None) -> int:
    """Run a job and return its exit code; what it returns is printed as one line of JSON, the last of its output.

    A result with ``"ok": false`` was done without success, for reasons that it names.
    """
    _log_to_stderr()
    options = arguments.parse_args(argv)
    try:
        result = run(options)
    except JobError as fault:
        return _fail(str(fault), fault.hint, fault.exit_code)
    except PipelineWrongInput as fault:
        return _fail(str(fault), fault.hint, EXIT_WRONG_INPUT)
    except (ProfileUnavailable, UnknownBranch) as fault:
        return _fail(str(fault), "", EXIT_WRONG_INPUT)
    except ServerUnavailable as fault:
        return _fail(str(fault), "run the same command again when the server is back", EXIT_FAILED)
    except BranchError as fault:
        return _fail(str(fault), "", EXIT_REFUSED)
    except Exception as fault:  # a job must end with words and a code, whatever happened
        structlog.get_logger(__name__).debug("job failed", exc_info=True)
        return _fail(_first_line(fault), "run the same command again; CITYBRAIN_LOG=debug shows where", EXIT_FAILED)
    sys.stdout.write(json.dumps(result, ensure_ascii=False, default=str) + "\n")
    return 0 if result.get("ok", True) else EXIT_WRONG_INPUT


def _fail(message: str, hint: str, code: int) -> int:
    sys.stderr.write(f"错误 error: {message}\n" + (f"→ {hint}\n" if hint else ""))
    sys.stdout.write(json.dumps({"ok": False, "error": message, "exit_code": code}, ensure_ascii=False) + "\n")
    return code


def _first_line(fault: Exception) -> str:
    lines = [line.strip(" :") for line in str(fault).splitlines() if line.strip(" :")]
    if len(lines) > 1 and lines[0].startswith("An error occurred while calling"):
        return lines[1]  # what the JVM said, and not which of our calls reached it
    return f"{type(fault).__name__}: {lines[0] if lines else 'no message'}"


def _log_to_stderr() -> None:
    level = logging.getLevelNamesMapping().get(os.environ.get("CITYBRAIN_LOG", "warning").upper(), logging.WARNING)
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
