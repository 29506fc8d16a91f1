"""Scorecards: the computation that is shown is the score; what cannot be judged is counted and never scored."""

from __future__ import annotations

from datetime import date

from compliance_cases import entry, in_answer, seen, supply
from hypothesis import given
from hypothesis import strategies as st

from catalog.compliance.board import SCORED, breaches, city_scorecard, outcome_json, outcomes, scorecard
from catalog.compliance.duties import DUTIES
from catalog.compliance.model import SHOWN_ROWS, Row, Status, article_name, judged

STATUSES = st.sampled_from([Status.MET, Status.LATE, Status.BREACHED, Status.UNKNOWN])


def test_the_score_is_the_computation_that_is_shown() -> None:
    evidence = seen("2025-10-18", applications=[in_answer("2025-09-28")], entries=[entry()], supplies=[supply("逾期")])
    card = scorecard(evidence, "gaj")
    met, late, wrong = (card.counts[status] for status in (Status.MET, Status.LATE, Status.BREACHED))
    # met: fields, assessed, attribute, conditions, one fact for all; late: cycle, source; breached: the answer
    assert (met, late, wrong) == (5, 2, 1)
    assert card.computation == "(5 + 0.5 × 2) ÷ 8 × 100"
    assert card.score == 75.0
    assert sum(card.counts.values()) == len(SCORED)
    assert [(dept, duty.code) for dept, duty, _ in breaches(evidence, ["gaj", "wjw"])] == [("gaj", "21.conditional")]


def test_a_department_without_anything_to_judge_has_no_score() -> None:
    evidence = seen("2025-10-18", entries=None, supplies=None, failing=None, conflicts=None)
    card = scorecard(evidence, "gaj")
    assert card.score is None
    assert card.counts[Status.UNKNOWN] > 5
    assert city_scorecard(evidence, ["gaj", "wjw"]).score is None


@given(st.lists(STATUSES, max_size=300), st.integers(0, 5))
def test_the_gravest_status_counts_and_nothing_is_lost_from_the_tally(found: list[Status], met: int) -> None:
    outcome = judged([Row(status, "entry", f"gaj.r{n}", "") for n, status in enumerate(found)], met=met)
    assert outcome.count == len(found) + met
    assert len(outcome.rows) == min(len(found), SHOWN_ROWS)
    order = [Status.BREACHED, Status.LATE, Status.UNKNOWN, Status.MET]
    there = [status for status in order if status in found or (status is Status.MET and met)]
    assert outcome.status is (there[0] if there else Status.NOT_APPLICABLE)
    shown = [order.index(row.status) for row in outcome.rows]
    assert shown == sorted(shown)


def test_articles_in_words() -> None:
    assert [article_name(n) for n in (9, 10, 13, 20, 21, 39, 40)] == [
        "第九条", "第十条", "第十三条", "第二十条", "第二十一条", "第三十九条", "第四十条",
    ]  # fmt: skip


def test_a_duty_as_json_has_all_that_a_page_shows() -> None:
    evidence = seen("2025-10-18", applications=[in_answer("2025-09-28")])
    duty = next(duty for duty in DUTIES if duty.code == "21.conditional")
    facts = outcome_json(duty, outcomes(evidence, "gaj")[duty.code])
    assert facts["evidence"][0] == {
        "status": "breached",
        "kind": "application",
        "subject": "SQ2025-000001",
        "text": "答复，2025-09-28 起算，已超期未办结",
        "due_on": str(date(2025, 10, 17)),
        "done_on": None,
    }
