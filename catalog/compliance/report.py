"""The monthly report of one department or of the city: scorecards, their trend over the months, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from catalog.compliance.board import (
    SCORED,
    Scorecard,
    basis_json,
    card_json,
    city_scorecard,
    outcome_json,
    outcomes,
    scorecard,
)
from catalog.compliance.days import FIRST_DAY, first_of, last_of, months_until
from catalog.compliance.duties import BY_CODE, DUTIES
from catalog.compliance.evidence import Evidence
from catalog.compliance.gather import Gatherer
from catalog.compliance.model import Duty, Outcome, Status
from catalog.contract.message import Message

TREND_MONTHS = 12
FOUND = (Status.BREACHED, Status.LATE, Status.UNKNOWN)


class NoSuchMonth(ValueError):
    """A month that is not written so, has not begun, or lies before the Regulations were in force."""


@dataclass(frozen=True)
class Finding:
    """A duty of a department that is breached, late or unknown."""

    dept: str
    duty: Duty
    outcome: Outcome


@dataclass(frozen=True)
class Report:
    """A month's report. ``cards`` are in the order of the departments; ``whole`` is that of all of them together.

    ``trend`` has month -> department -> score; a department without a score that month is None, ``""`` is the whole.
    """

    month: str
    evidence: Evidence
    is_closed: bool
    depts: tuple[str, ...]
    whole: Scorecard
    cards: tuple[Scorecard, ...]
    trend: dict[str, dict[str, float | None]]

    @property
    def findings(self) -> list[Finding]:
        """What is not met, the gravest first, then by department and duty; liability only sums these up, so it is not here."""
        found = [
            Finding(dept, BY_CODE[code], outcome)
            for dept in self.depts
            for code, outcome in outcomes(self.evidence, dept, SCORED).items()
            if outcome.status in FOUND
        ]
        return sorted(found, key=lambda one: FOUND.index(one.outcome.status))

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "month": self.month,
            "is_closed": self.is_closed,
            **basis_json(self.evidence),
            "whole": card_json(self.whole),
            "departments": [card_json(card) for card in self.cards],
            "trend": self.trend,
            "duties": {
                dept: [outcome_json(duty, duty.look(self.evidence, dept), with_rows=False) for duty in DUTIES]
                for dept in self.depts
            },
        }


def build_report(gatherer: Gatherer, month: str, depts: Sequence[str], today: date) -> Report:
    """Return the report of a month as of its last day, or as of ``today`` while it goes on.

    Raises:
        NoSuchMonth: there is nothing to report of that month.
    """
    try:
        first = first_of(month)
    except ValueError as error:
        raise NoSuchMonth(str(error)) from None
    if first > today:
        raise NoSuchMonth(Message("{month} 还没有开始", month=month))
    if last_of(month) < FIRST_DAY:
        raise NoSuchMonth(
            Message("《政务数据共享条例》自 {first} 起施行，{month} 没有可报告的内容", first=FIRST_DAY, month=month)
        )
    trend: dict[str, dict[str, float | None]] = {}
    for one in months_until(month, TREND_MONTHS):
        evidence = gatherer.evidence(min(last_of(one), today), today)
        scores = {dept: scorecard(evidence, dept).score for dept in depts}
        trend[one] = scores | {"": city_scorecard(evidence, depts).score}
    evidence = gatherer.evidence(min(last_of(month), today), today)
    cards = tuple(scorecard(evidence, dept) for dept in depts)
    whole = city_scorecard(evidence, depts)
    return Report(month, evidence, last_of(month) < today, tuple(depts), whole, cards, trend)
