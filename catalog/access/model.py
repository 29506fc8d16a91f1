"""Who asks, for what, and what the answer was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Action = Literal["see_entry", "see_sample", "read_rows", "read_unmasked", "read_file"]


@dataclass(frozen=True)
class Principal:
    """The holder of an API key: a department, and the resources it was granted."""

    key_id: str
    dept: str
    name: str
    resources: frozenset[str]
    is_unmasked: bool
    expires_on: date | None


@dataclass(frozen=True)
class Grant:
    """What an approved application permits: columns and rows of a resource, for a purpose, between two days (both included)."""

    application: str
    dept: str
    resource: str
    columns: frozenset[str]
    method: str
    purpose: str
    starts_on: date
    ends_on: date
    row_filter: Mapping[str, str] = field(default_factory=dict)

    def is_in_force(self, today: date) -> bool:
        """Tell whether the grant may be used on a day."""
        return self.starts_on <= today <= self.ends_on


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed. ``code`` is for programs, ``reason`` for people, ``basis`` names the rule."""

    allowed: bool
    code: str
    reason: str
    basis: str
