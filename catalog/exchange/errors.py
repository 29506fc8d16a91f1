"""How an exchange says no."""

from __future__ import annotations


class ExchangeError(RuntimeError):
    """An export or import that cannot be done; the message names the place and what to do."""
