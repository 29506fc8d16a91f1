"""What every command shares: how it speaks (people on stderr, scripts on stdout) and how it fails."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PIPED_WIDTH = 160  # a table that goes to a file or a pipe is not squeezed into the usual 80 columns

out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False)

EXIT_UNAVAILABLE = 1  # the same command may work later
EXIT_WRONG_INPUT = 2
EXIT_BLOCKED = 3


class UserError(Exception):
    """An error a person can mend: what is wrong, where, and what to do about it."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = EXIT_WRONG_INPUT) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


def fail(error: UserError) -> int:
    """Print ``error`` to stderr and return its exit code."""
    err.print(f"[bold red]错误 error:[/] {error}", markup=True)
    if error.hint:
        err.print(f"[dim]→ {error.hint}[/]")
    return error.exit_code


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, UTF-8, without colour."""
    typed = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    out.file.write(typed + "\n")


def progress_bar() -> Progress:
    """A progress bar on stderr; it draws nothing when stderr is not a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=False,
        disable=not err.is_terminal,
    )
