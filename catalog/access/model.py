"""Who asks, for what, and what the answer was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Action = Literal["see_entry", "see_sample", "read_rows", "read_unmasked"]


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
class Decision:
    """Whether a request is allowed. ``code`` is for programs, ``reason`` for people, ``basis`` names the rule."""

    allowed: bool
    code: str
    reason: str
    basis: str
