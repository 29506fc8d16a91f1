"""How the pipeline fails towards people: wrong input, or a fault that a retry may mend."""

from __future__ import annotations


class WrongInput(Exception):
    """The input cannot be used as it is; says where, which rule, and what to do. Retrying does not help."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class PipelineError(Exception):
    """A step could not finish for a reason outside the data, such as an unreachable source; a retry may help."""
