"""What can be wrong with a suite, said to the person who wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any


class MissingReference(Exception):
    """An expectation refers to a resource whose table does not exist."""

    def __init__(self, resource: str, table: str) -> None:
        super().__init__(f"reference {resource}: table {table} does not exist")


class SuiteError(Exception):
    """An expectation that cannot be run: unknown type or wrong arguments. Names suite, place, rule and what to do."""

    def __init__(self, suite: str, position: int, entry: Mapping[str, Any], cause: Exception) -> None:
        type_ = str(entry.get("type"))
        reason = str(cause).strip() or type(cause).__name__
        super().__init__(f"suite {suite}, expectation {position} ({type_}): {reason}{_hint(type_, cause)}")
        self.suite = suite
        self.position = position


def _hint(type_: str, cause: Exception) -> str:
    if type(cause).__name__ != "ExpectationNotFoundError":
        return ""
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    near = get_close_matches(type_, list_registered_expectation_implementations(), n=1)
    return f"; did you mean {near[0]}?" if near else ""
