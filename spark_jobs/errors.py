"""How a job says no: what is wrong, what to do, and the exit code."""

from __future__ import annotations

EXIT_WRONG_INPUT = 2
EXIT_REFUSED = 3


class JobError(RuntimeError):
    """A fault that a person can mend."""

    exit_code = EXIT_WRONG_INPUT

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class WrongInput(JobError):
    """An argument or the data that it names is wrong."""


class MissingPart(JobError):
    """Something that Spark needs is not on this machine."""


class Refused(JobError):
    """A guard kept the job from committing; everything is as it was."""

    exit_code = EXIT_REFUSED
