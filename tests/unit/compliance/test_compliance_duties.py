"""Each duty: a case that meets it, and a negative control that does not. Days are worked out by hand.

2025: 1-8 October off (National Day and Mid-Autumn), Sunday 28 September and Saturday 11 October made up.
2026: 15-23 February off, Saturdays 14 and 28 February made up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from compliance_cases import asked, doubted, entry, happened, in_answer, in_use, look, seen, supply

from catalog.compliance.duties import BY_CODE, DUTIES
from catalog.compliance.evidence import Case, Change, Conflict, Evidence, Failing, Use
from catalog.compliance.model import Owner, Status
from catalog.contract.city_time import city_day
from catalog.sharing.application import Kind
from catalog.sharing.clock import Clock
from catalog.sharing.limits import CATALOGUE_REVIEW, CATALOGUE_UPDATE
from catalog.sharing.machine import Event, Role
from catalog.sharing.verification import Kind as Step

MET, LATE, BREACHED, UNKNOWN = Status.MET, Status.LATE, Status.BREACHED, Status.UNKNOWN
NONE = Status.NOT_APPLICABLE
DAY = "2025-10-15"


def of_entry(**changes: Any) -> Evidence:
    return seen(DAY, entries=[entry(**changes)], supplies=[supply()])


def change(**days: Any) -> Change:
    """Return a change whose cause arose on a day, with the days of submission and publication."""
    read = {name: date.fromisoformat(day) if isinstance(day, str) else day for name, day in days.items()}
    submitted = read.get("submitted_on")
    update = Clock(CATALOGUE_UPDATE, read["caused_on"], extension=read.get("extension", 0), stopped_on=submitted)
    review = Clock(CATALOGUE_REVIEW, submitted, stopped_on=read.get("published_on")) if submitted else None
    return Change("ML2025-000001", "gaj", update, (review,) if review else ())


def with_events(case: Case, events: tuple[Event, ...]) -> Case:
    days = tuple(city_day(event.at) for event in events)
    return replace(case, application=replace(case.application, events=events), days=days)


def doctored(*events: Event) -> Evidence:
    """Return an application with events that the state machine itself would refuse: what the check is there to find."""
    whole = in_answer("2025-10-09")
    seen_by = seen(DAY, applications=[whole])
    case = with_events(seen_by.cases[0], (*whole.events, *events))
    return replace(seen_by, cases=(case,))


CASES: list[tuple[str, Evidence, str, Status]] = [
    # 13: what the entry states, what came before it was listed, how often data come
    ("13.fields", of_entry(), "gaj", MET),
    ("13.fields", of_entry(methods=""), "gaj", BREACHED),
    ("13.fields", of_entry(grade=None), "gaj", BREACHED),
    ("13.fields", of_entry(items=0), "gaj", BREACHED),
    ("13.fields", of_entry(methods="", share_type=3, no_share_law="法"), "gaj", MET),
    ("13.fields", of_entry(methods="", status="draft"), "gaj", NONE),
    ("13.fields", of_entry(), "wjw", NONE),
    ("13.fields", seen(DAY, entries=None), "gaj", UNKNOWN),
    ("13.assessed", of_entry(), "gaj", MET),
    ("13.assessed", of_entry(secrecy_on=None), "gaj", BREACHED),
    ("13.assessed", of_entry(privacy_on=date(2025, 8, 7)), "gaj", BREACHED),
    ("13.assessed", of_entry(signed_on=date(2025, 10, 16)), "gaj", BREACHED),
    ("13.cycle", of_entry(), "gaj", MET),
    ("13.cycle", seen(DAY, entries=[entry()], supplies=[supply("逾期")]), "gaj", LATE),
    ("13.cycle", seen(DAY, entries=[entry()], supplies=[supply("未供")]), "gaj", BREACHED),
    ("13.cycle", seen(DAY, entries=[entry()]), "gaj", BREACHED),
    ("13.cycle", seen(DAY, entries=[entry()], supplies=None), "gaj", UNKNOWN),
    # 14, 15: the sharing attribute and what goes with it
    ("14.attribute", of_entry(share_type=1, share_scope="", share_purposes=""), "gaj", MET),
    ("14.attribute", of_entry(share_type=1), "gaj", BREACHED),
    ("14.attribute", of_entry(share_type=0), "gaj", BREACHED),
    ("15.conditions", of_entry(), "gaj", MET),
    ("15.conditions", of_entry(share_purposes=""), "gaj", BREACHED),
    ("15.conditions", of_entry(share_type=3), "gaj", BREACHED),
    # 17: a law changed on Friday 26 September; 28 September and 11 October are worked, so day 10 is 16 October
    ("17.update", seen("2025-10-16", changes=[change(caused_on="2025-09-26")]), "gaj", MET),
    ("17.update", seen("2025-10-17", changes=[change(caused_on="2025-09-26")]), "gaj", BREACHED),
    (
        "17.update",
        seen("2025-10-20", changes=[change(caused_on="2025-09-26", submitted_on="2025-10-17")]),
        "gaj",
        LATE,
    ),
    ("17.update", seen("2025-10-23", changes=[change(caused_on="2025-09-26", extension=5)]), "gaj", MET),
    ("17.update", seen(DAY, changes=[]), "gaj", NONE),
    ("17.update", seen(DAY), "gaj", UNKNOWN),
    # submitted on 30 September: 9 and 10 October are the two working days
    ("17.review", seen("2025-10-10", changes=[change(caused_on="2025-09-26", submitted_on="2025-09-30")]), "dsjj", MET),
    (
        "17.review",
        seen("2025-10-11", changes=[change(caused_on="2025-09-26", submitted_on="2025-09-30")]),
        "dsjj",
        BREACHED,
    ),
    ("17.review", seen(DAY, changes=[]), "gaj", NONE),
    # 19: one source
    ("19.source", of_entry(), "gaj", MET),
    ("19.source", of_entry(authority_items=0), "gaj", NONE),
    (
        "19.source",
        seen(DAY, entries=[entry()], supplies=[supply()], failing=[Failing("gaj.resident", "phone.pattern", False)]),
        "gaj",
        LATE,
    ),
    (
        "19.source",
        seen(DAY, entries=[entry()], supplies=[supply()], failing=[Failing("gaj.resident", "id.unique", True)]),
        "gaj",
        BREACHED,
    ),
    ("19.source", seen(DAY, entries=[entry()], supplies=None), "gaj", UNKNOWN),
    ("19.contradictions", of_entry(), "gaj", MET),
    (
        "19.contradictions",
        seen(DAY, entries=[entry()], conflicts=[Conflict("姓名", "gaj", "resident", "rsj.person", 25)]),
        "gaj",
        LATE,
    ),
    ("19.contradictions", seen(DAY, conflicts=None), "gaj", UNKNOWN),
    ("19.contradictions", seen(DAY), "gaj", NONE),
    # 20: own office first
    ("20.form", seen(DAY, applications=[in_answer("2025-10-09")]), "wjw", MET),
    ("20.form", seen(DAY, applications=[in_answer("2025-10-09")]), "gaj", NONE),
    # 21: 无条件共享 asked on 30 September is answered on 9 October, the next working day
    (
        "21.unconditional",
        seen("2025-10-09", applications=[in_answer("2025-09-30", (Kind.AGREE, "2025-10-09"), share_type=1)]),
        "gaj",
        MET,
    ),
    (
        "21.unconditional",
        seen("2025-10-10", applications=[in_answer("2025-09-30", (Kind.AGREE, "2025-10-10"), share_type=1)]),
        "gaj",
        LATE,
    ),
    (
        "21.unconditional",
        seen("2025-10-10", applications=[in_answer("2025-09-30", share_type=1)]),
        "gaj",
        BREACHED,
    ),
    ("21.unconditional", seen("2025-10-08", applications=[in_answer("2025-09-30", share_type=1)]), "gaj", MET),
    ("21.unconditional", seen(DAY, applications=[in_answer("2025-10-09")]), "gaj", NONE),
    # 有条件共享 asked on 28 September (Sunday, worked): day 10 is 17 October
    (
        "21.conditional",
        seen("2025-10-17", applications=[in_answer("2025-09-28", (Kind.REFUSE, "2025-10-17"))]),
        "gaj",
        MET,
    ),
    ("21.conditional", seen("2025-10-17", applications=[in_answer("2025-09-28")]), "gaj", MET),
    ("21.conditional", seen("2025-10-18", applications=[in_answer("2025-09-28")]), "gaj", BREACHED),
    (
        "21.conditional",
        seen("2025-10-31", applications=[in_answer("2025-09-28", (Kind.EXTEND, "2025-10-17"))]),
        "gaj",
        MET,
    ),  # ten more: 31 October
    (
        "21.conditional",
        seen("2025-11-01", applications=[in_answer("2025-09-28", (Kind.EXTEND, "2025-10-17"))]),
        "gaj",
        BREACHED,
    ),
    # 2026: asked on Friday 13 February, made-up 14 and 28 February, off 15-23: day 10 is 5 March
    ("21.conditional", seen("2026-03-05", applications=[in_answer("2026-02-13")]), "gaj", MET),
    ("21.conditional", seen("2026-03-06", applications=[in_answer("2026-02-13")]), "gaj", BREACHED),
    # answered last month: this month has nothing of it
    (
        "21.conditional",
        seen("2025-11-03", applications=[in_answer("2025-10-09", (Kind.REFUSE, "2025-10-10"))]),
        "gaj",
        NONE,
    ),
    # a clock into a year whose holidays are not known is unknown, loudly
    ("21.conditional", seen("2026-12-25", applications=[in_answer("2026-12-24")]), "gaj", UNKNOWN),
    # 21: told once, extended once, refused with reasons
    (
        "21.once",
        seen(
            DAY,
            applications=[
                asked(
                    (Kind.APPROVE_OWN, "2025-10-09"), (Kind.ASK_COMPLETION, "2025-10-09"), (Kind.COMPLETE, "2025-10-10")
                )
            ],
        ),
        "dsjj",
        MET,
    ),
    (
        "21.once",
        doctored(happened(Kind.ASK_COMPLETION, "2025-10-10"), happened(Kind.ASK_COMPLETION, "2025-10-13")),
        "dsjj",
        BREACHED,
    ),
    ("21.once", seen(DAY), "dsjj", NONE),
    ("21.once", doctored(happened(Kind.ASK_COMPLETION, "2025-10-10")), "gaj", NONE),
    (
        "21.extension",
        seen(DAY, applications=[in_answer("2025-10-09", (Kind.EXTEND, "2025-10-14"))]),
        "gaj",
        MET,
    ),
    ("21.extension", doctored(happened(Kind.EXTEND, "2025-10-14", days=11)), "gaj", BREACHED),
    ("21.extension", doctored(happened(Kind.EXTEND, "2025-10-14", Role.PROVIDER)), "gaj", BREACHED),
    (
        "21.reasons",
        seen(DAY, applications=[in_answer("2025-10-09", (Kind.REFUSE, "2025-10-14"))]),
        "gaj",
        MET,
    ),
    ("21.reasons", doctored(happened(Kind.REFUSE, "2025-10-14", reason=" ")), "gaj", BREACHED),
    # 22: agreed on 26 September: twenty working days end on 30 October
    (
        "22.provide",
        seen("2025-10-30", applications=[in_answer("2025-09-26", (Kind.AGREE, "2025-09-26"))]),
        "gaj",
        MET,
    ),
    (
        "22.provide",
        seen("2025-10-31", applications=[in_answer("2025-09-26", (Kind.AGREE, "2025-09-26"))]),
        "gaj",
        BREACHED,
    ),
    (
        "22.provide",
        seen(
            "2025-10-31",
            applications=[in_answer("2025-09-26", (Kind.AGREE, "2025-09-26"), (Kind.PROVIDE, "2025-10-31"))],
        ),
        "gaj",
        LATE,
    ),
    ("22.method", seen(DAY, applications=[in_use("2025-10-09")], entries=[entry()]), "gaj", MET),
    ("22.method", seen(DAY, applications=[in_use("2025-10-09")], entries=[entry(methods="文件下载")]), "gaj", BREACHED),
    ("22.method", seen(DAY, applications=[in_use("2025-10-09")]), "gaj", UNKNOWN),
    # 24: return flow
    ("24.reflow", of_entry(is_reflow=True), "gaj", MET),
    ("24.reflow", of_entry(), "gaj", NONE),
    ("24.reflow", of_entry(is_reflow=None), "gaj", UNKNOWN),
    ("24.reflow", seen(DAY, entries=[entry(is_reflow=True)], supplies=[supply("逾期")]), "gaj", LATE),
    # 25: read under a grant in force on the day
    (
        "25.purpose",
        seen(
            DAY,
            applications=[in_use("2025-10-09")],
            entries=[entry()],
            uses=[Use("wjw", "gaj.resident", date(2025, 10, 13), 3, 90)],
        ),
        "wjw",
        MET,
    ),
    (
        "25.purpose",
        seen(
            DAY,
            applications=[in_use("2025-10-09", (Kind.SUSPEND, "2025-10-11"))],
            entries=[entry()],
            uses=[Use("wjw", "gaj.resident", date(2025, 10, 13), 3, 90)],
        ),
        "wjw",
        BREACHED,
    ),
    (
        "25.purpose",
        seen(DAY, entries=[entry()], uses=[Use("wjw", "gaj.resident", date(2025, 10, 13), 3, 90)]),
        "wjw",
        BREACHED,
    ),
    (
        "25.purpose",
        seen(DAY, entries=[entry(share_type=1)], uses=[Use("wjw", "gaj.resident", date(2025, 10, 13), 3, 90)]),
        "wjw",
        NONE,
    ),
    ("25.purpose", seen(DAY, entries=None), "wjw", UNKNOWN),
    # 26: reported on 30 September: 9, 10, 11, 13-17, 20, 21 October are the ten working days
    ("26.verify", seen("2025-10-21", verifications=[doubted("2025-09-30")]), "gaj", MET),
    ("26.verify", seen("2025-10-22", verifications=[doubted("2025-09-30")]), "gaj", BREACHED),
    (
        "26.verify",
        seen("2025-10-22", verifications=[doubted("2025-09-30", (Step.UPHOLD, "2025-10-22"))]),
        "gaj",
        LATE,
    ),
    ("26.verify", seen(DAY), "gaj", NONE),
    (
        "26.corrected",
        seen(
            DAY,
            verifications=[
                doubted(
                    "2025-10-09",
                    (Step.CONFIRM, "2025-10-10"),
                    (Step.CORRECT, "2025-10-13"),
                    (Step.RECHECK, "2025-10-13"),
                )
            ],
        ),
        "gaj",
        MET,
    ),
    (
        "26.corrected",
        seen(
            DAY,
            verifications=[
                doubted(
                    "2025-10-09",
                    (Step.CONFIRM, "2025-10-10"),
                    (Step.CORRECT, "2025-10-13"),
                    (Step.REOPEN, "2025-10-13"),
                )
            ],
        ),
        "gaj",
        BREACHED,
    ),
    # 27: disposal, rectification, no stop without reason
    (
        "27.disposed",
        seen(DAY, applications=[in_use("2025-09-01", (Kind.EXPIRE, "2025-10-09"), (Kind.DISPOSE, "2025-10-10"))]),
        "wjw",
        MET,
    ),
    ("27.disposed", seen(DAY, applications=[in_use("2025-09-01", (Kind.EXPIRE, "2025-09-30"))]), "wjw", BREACHED),
    (
        "27.disposed",
        seen(DAY, applications=[in_use("2025-09-01", (Kind.EXPIRE, "2025-09-30"), (Kind.DISPOSE, "2025-10-10"))]),
        "wjw",
        LATE,
    ),
    ("27.rectified", seen(DAY, applications=[in_use("2025-09-01")]), "wjw", MET),
    ("27.rectified", seen(DAY, applications=[in_use("2025-09-01", (Kind.SUSPEND, "2025-10-09"))]), "wjw", BREACHED),
    (
        "27.rectified",
        seen(DAY, applications=[in_use("2025-09-01", (Kind.SUSPEND, "2025-10-09"), (Kind.RECTIFY, "2025-10-10"))]),
        "wjw",
        LATE,
    ),
    ("27.stop", seen(DAY, applications=[in_use("2025-09-01", (Kind.SUSPEND, "2025-10-09"))]), "gaj", MET),
    ("27.stop", doctored(happened(Kind.SUSPEND, "2025-10-13", reason="")), "gaj", BREACHED),
    # 28: level by level, with a record at the end
    (
        "28.dispute",
        seen(
            DAY,
            verifications=[
                doubted(
                    "2025-10-09",
                    (Step.UPHOLD, "2025-10-10"),
                    happened(Step.DISPUTE, "2025-10-10", Role.APPLICANT),
                    happened(Step.SETTLE, "2025-10-13", Role.APPLICANT),
                )
            ],
        ),
        "wjw",
        MET,
    ),
    ("28.dispute", seen(DAY, verifications=[doubted("2025-10-09")]), "wjw", NONE),
    # 29: used since September, with and without a record
    (
        "29.records",
        seen(DAY, applications=[in_use("2025-09-01", (Kind.USE, "2025-09-20"))]),
        "wjw",
        MET,
    ),
    ("29.records", seen(DAY, applications=[in_use("2025-09-01")]), "wjw", BREACHED),
    ("29.records", seen(DAY, applications=[in_use("2025-10-09")]), "wjw", NONE),
    # 39, 40: what is breached where a penalty may follow
    ("39.liability", seen(DAY, entries=[entry(secrecy_on=None)]), "gaj", BREACHED),
    ("40.liability", seen(DAY, changes=[]), "gaj", NONE),
    (
        "40.liability",
        doctored(happened(Kind.ASK_COMPLETION, "2025-10-10"), happened(Kind.ASK_COMPLETION, "2025-10-13")),
        "dsjj",
        BREACHED,
    ),
    ("40.liability", seen(DAY, changes=[]), "dsjj", NONE),
]


@pytest.mark.parametrize(("code", "evidence", "dept", "status"), CASES)
def test_a_duty_stands_as_worked_out_by_hand(code: str, evidence: Evidence, dept: str, status: Status) -> None:
    outcome = look(code, evidence, dept)
    assert outcome.status is status, outcome
    if status in (BREACHED, LATE):
        assert outcome.wrong == sum(row.status in (BREACHED, LATE) for row in outcome.rows) > 0
    if status is UNKNOWN:
        assert outcome.note or any(row.text for row in outcome.rows)


def test_an_application_that_passed_its_own_office_by_is_found() -> None:
    whole = in_answer("2025-10-09")
    without = tuple(event for event in whole.events if event.kind != Kind.APPROVE_OWN)
    evidence = seen(DAY, applications=[whole])
    case = with_events(evidence.cases[0], without)
    assert look("20.form", replace(evidence, cases=(case,)), "wjw").status is BREACHED


def test_a_dispute_that_ended_without_a_record_is_found() -> None:
    steps = [
        happened(Step.UPHOLD, "2025-10-10"),
        happened(Step.DISPUTE, "2025-10-10", Role.APPLICANT),
        happened(Step.SETTLE, "2025-10-13", Role.APPLICANT),
    ]
    whole = doubted("2025-10-09", *steps)
    silent = replace(whole, events=(*whole.events[:-1], replace(whole.events[-1], data={})))
    assert look("28.dispute", seen(DAY, verifications=[silent]), "gaj").status is BREACHED


def test_what_cannot_be_computed_says_what_is_missing() -> None:
    evidence = seen(DAY)
    silent = [duty.code for duty in DUTIES if duty.measured.startswith("条文未录入")]
    assert silent == ["16.unread", "18.unread", "23.unread"]
    for code in (*silent, "19.collect", "25.third_party", "25.joined", "41.liability"):
        outcome = look(code, evidence)
        assert outcome.status is UNKNOWN
        assert outcome.note


def test_every_article_has_a_duty_and_every_duty_has_a_met_and_a_wrong_case_or_says_why_not() -> None:
    assert {duty.article for duty in DUTIES} == {*range(13, 30), 39, 40, 41}
    assert len(BY_CODE) == len(DUTIES)
    tried: dict[str, set[Status]] = {}
    for code, _, _, status in CASES:
        tried.setdefault(code, set()).add(status)
    tried["20.form"].add(BREACHED)
    tried["28.dispute"].add(BREACHED)
    empty = seen(DAY)
    for duty in DUTIES:
        if look(duty.code, empty, "dsjj").status is UNKNOWN and duty.code not in tried:
            continue
        assert tried[duty.code] & {BREACHED, LATE}, duty.code
        assert MET in tried[duty.code] or duty.code.endswith(".liability"), duty.code


def test_only_the_bureau_owes_what_the_bureau_owes() -> None:
    evidence = seen(DAY, changes=[])
    for duty in DUTIES:
        if duty.owner is Owner.BUREAU:
            assert look(duty.code, evidence, "gaj").status is NONE
