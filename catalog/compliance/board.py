"""Scorecards and the matrix of departments by duties: what the checks say, counted, with the computation shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.compliance.duties import DUTIES
from catalog.compliance.evidence import Evidence
from catalog.compliance.model import Duty, Outcome, Row, Status

LATE_WEIGHT = 0.5  # a duty done late counts half: a rule of this platform, not of the law
SCORED = tuple(duty for duty in DUTIES if not duty.code.endswith(".liability"))  # liability only sums the others up


@dataclass(frozen=True)
class Scorecard:
    """The duties of one department by status, and the score 0 to 100 of those that could be judged; None when none could."""

    dept: str
    counts: Mapping[Status, int]
    score: float | None

    @property
    def judged(self) -> int:
        """How many duties the score is of."""
        return sum(self.counts[status] for status in (Status.MET, Status.LATE, Status.BREACHED))

    @property
    def computation(self) -> str:
        """The score as it is computed, ``(12 + 0.5 × 1) ÷ 15 × 100``."""
        return f"({self.counts[Status.MET]} + {LATE_WEIGHT} × {self.counts[Status.LATE]}) ÷ {self.judged} × 100"


def outcomes(evidence: Evidence, dept: str, duties: Iterable[Duty] = DUTIES) -> dict[str, Outcome]:
    """Return how each duty of a department stands, by the duty's code."""
    return {duty.code: duty.look(evidence, dept) for duty in duties}


def scorecard(evidence: Evidence, dept: str) -> Scorecard:
    """Return the scorecard of one department."""
    found = [outcome.status for outcome in outcomes(evidence, dept, SCORED).values()]
    return _card(dept, found)


def city_scorecard(evidence: Evidence, depts: Sequence[str]) -> Scorecard:
    """Return the scorecard of all departments together; its ``dept`` is ``""``."""
    return _card("", [o.status for dept in depts for o in outcomes(evidence, dept, SCORED).values()])


def breaches(evidence: Evidence, depts: Iterable[str]) -> list[tuple[str, Duty, Outcome]]:
    """Return (department, duty, outcome) of each duty that is breached."""
    return [
        (dept, duty, outcome)
        for dept in depts
        for duty in SCORED
        if (outcome := duty.look(evidence, dept)).status is Status.BREACHED
    ]


def outcome_json(duty: Duty, outcome: Outcome, *, with_rows: bool = True) -> dict[str, Any]:
    """Return a duty and how it stands as plain JSON."""
    found: dict[str, Any] = {
        "code": duty.code,
        "article": duty.basis,
        "title": duty.title,
        "title_en": duty.english,
        "owed_by": duty.owner.value,
        "measured": duty.measured,
        "limit": duty.limit,
        "penalty_article": duty.penalty,
        "status": outcome.status.value,
        "count": outcome.count,
        "tally": {status.value: number for status, number in outcome.tally.items()},
        "note": outcome.note,
    }
    return found | ({"evidence": [row_json(row) for row in outcome.rows]} if with_rows else {})


def row_json(row: Row) -> dict[str, Any]:
    """Return a piece of evidence as plain JSON."""
    return {
        "status": row.status.value,
        "kind": row.kind,
        "subject": row.subject,
        "text": row.text,
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "done_on": row.done_on.isoformat() if row.done_on else None,
    }


def card_json(card: Scorecard) -> dict[str, Any]:
    """Return a scorecard as plain JSON."""
    counts = {status.value: number for status, number in card.counts.items()}
    return {"dept": card.dept, "score": card.score, "computation": card.computation, "counts": counts}


def basis_json(evidence: Evidence) -> dict[str, Any]:
    """Return which day the figures are of, and which published state they rest on."""
    at = evidence.published.published_at
    return {
        "day": evidence.day.isoformat(),
        "since": evidence.since.isoformat(),
        "snapshot": evidence.published.snapshot or None,
        "published_at": at.isoformat() if at else None,
    }


def _card(dept: str, found: Sequence[Status]) -> Scorecard:
    counts = {status: found.count(status) for status in Status}
    judged = counts[Status.MET] + counts[Status.LATE] + counts[Status.BREACHED]
    score = 100 * (counts[Status.MET] + LATE_WEIGHT * counts[Status.LATE]) / judged if judged else None
    return Scorecard(dept, counts, None if score is None else round(score, 2))
