"""Faults of ingestion itself, which no delivery can cause; they are raised, never turned into an outcome."""

from __future__ import annotations


class AccountingError(AssertionError):
    """Rows were received that are neither accepted, nor in quarantine, nor counted as duplicates; nothing was committed."""
