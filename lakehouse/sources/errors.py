"""How a source says no: one rule and one sentence for the outcome of the delivery."""

from __future__ import annotations


class SourceError(Exception):
    """A delivery that cannot be read as a whole. ``rule`` names the check, ``reason`` says what is wrong, in Chinese."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule = rule
        self.reason = reason
