"""The state machines: the lawful way through, every illegal move, who may act, what must be said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.application import Application, Kind, State
from catalog.sharing.calendar import load_calendar
from catalog.sharing.duties import standing
from catalog.sharing.form import Draft, Form, IncompleteForm
from catalog.sharing.machine import Event, IllegalMove, Parties, Role
from catalog.sharing.practice import Practice

PARTIES = Parties(applicant="wjw", provider="gaj", bureau="dsjj")
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
FORM = {
    "resource": "gaj.resident",
    "basis": "《基本医疗卫生与健康促进法》第二十条",
    "scenario": "家庭医生签约对象核对",
    "scope": "市卫生健康委基层处",
    "method": "service",
    "starts_on": "2026-04-01",
    "ends_on": "2027-03-31",
    "columns": ["resident_id", "person_name"],
}
DATA = {"form": FORM, "reason": "理由", "missing": ["使用依据"], "days": 5, "record": {"purpose": "签约"}}
ROLE_DEPT = {
    Role.APPLICANT: "wjw",
    Role.OWN_OFFICE: "wjw",
    Role.BUREAU: "dsjj",
    Role.PROVIDER: "gaj",
    Role.CATALOGUER: "gaj",
    Role.SYSTEM: "",
    Role.SUPERIOR: "szf",
    Role.GOVERNMENT: "szf",
}
TO_USE = [Kind.SAVE, Kind.SUBMIT, Kind.APPROVE_OWN, Kind.ACCEPT, Kind.AGREE, Kind.PROVIDE]


def event(rule: Any, day: int = 0, role: Role | None = None, **changes: Any) -> Event:
    role = role or min(rule.roles, key=lambda r: r.name)
    return Event(str(rule.kind), NOON + timedelta(days=day), "某人", role, ROLE_DEPT[role], {**DATA, **changes})


def draft(share_type: int = 2) -> Application:
    return Application("2026-0001", PARTIES, FORM["resource"], share_type)


def walk(kinds: list[Kind], share_type: int = 2) -> Application:
    state = draft(share_type)
    for day, kind in enumerate(kinds):
        state = state.apply(event(app.MACHINE.rules[kind], day))
    return state


def test_the_lawful_way_from_draft_to_archive() -> None:
    ended = walk([*TO_USE, Kind.USE, Kind.SUSPEND, Kind.RECTIFY, Kind.EXPIRE, Kind.DISPOSE])
    assert ended.state is State.ARCHIVED
    assert ended.form == Form.model_validate(FORM)
    assert app.replay(draft(), ended.events) == ended


REACHED = {
    State.DRAFT: [],
    State.OWN_OFFICE: TO_USE[:2],
    State.INTAKE: TO_USE[:3],
    State.COMPLETING: [*TO_USE[:3], Kind.ASK_COMPLETION],
    State.ANSWER: TO_USE[:4],
    State.PROVIDING: TO_USE[:5],
    State.IN_USE: TO_USE,
    State.SUSPENDED: [*TO_USE, Kind.SUSPEND],
    State.DISPOSAL: [*TO_USE, Kind.SUSPEND, Kind.TERMINATE],
    State.REFUSED: [*TO_USE[:4], Kind.REFUSE],
    State.WITHDRAWN: [Kind.WITHDRAW],
    State.ARCHIVED: [*TO_USE, Kind.EXPIRE, Kind.DISPOSE],
}


def test_every_state_can_be_reached() -> None:
    assert {state: walk(kinds).state for state, kinds in REACHED.items()} == {state: state for state in State}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
def test_every_move_is_either_in_the_table_or_refused_with_what_is_possible(state: State, kind: Kind) -> None:
    at = walk(REACHED[state])
    rule = app.MACHINE.rules[kind]
    move = event(rule, 30)
    if state in rule.states and not (kind == Kind.SUBMIT and at.form is None):
        assert at.apply(move).state is (rule.to or state)
        return
    with pytest.raises(IllegalMove, match=r"不能|不能再|申请表") as refused:
        at.apply(move)
    if state not in app.ENDED and not (kind == Kind.SUBMIT and state is State.DRAFT):
        assert all(possible.kind.value in str(refused.value) for possible in at.moves())


@pytest.mark.parametrize("state", [s for s in State if s not in app.ENDED])
@pytest.mark.parametrize("role", Role)
def test_every_other_role_and_every_other_department_is_refused(state: State, role: Role) -> None:
    at = walk(REACHED[state])
    for rule in at.moves():
        if role in rule.roles:
            stranger = Event(str(rule.kind), NOON + timedelta(days=30), "外人", role, "swj", DATA)
            if PARTIES.of(role) is not None:
                with pytest.raises(IllegalMove, match="不能代办"):
                    at.apply(stranger)
        else:
            with pytest.raises(IllegalMove, match="不能办理"):
                at.apply(event(rule, 30, role))


@pytest.mark.parametrize("kind", [k for k in Kind if app.MACHINE.rules[k].needs])
def test_what_the_law_wants_said_must_be_said(kind: Kind) -> None:
    rule = app.MACHINE.rules[kind]
    at = walk(REACHED[min(rule.states, key=lambda s: s.name)])
    with pytest.raises(IllegalMove, match="须写明"):
        at.apply(event(rule, 30, **dict.fromkeys(rule.needs)))


def test_what_is_missing_may_be_told_once() -> None:
    again = walk([*TO_USE[:3], Kind.ASK_COMPLETION, Kind.COMPLETE])
    with pytest.raises(IllegalMove, match="一次性告知"):
        again.apply(event(app.MACHINE.rules[Kind.ASK_COMPLETION], 9))


@pytest.mark.parametrize("kind", [Kind.REFUSE, Kind.EXTEND])
def test_unconditional_sharing_is_neither_refused_nor_put_off(kind: Kind) -> None:
    with pytest.raises(IllegalMove, match="无条件共享"):
        walk(TO_USE[:4], share_type=1).apply(event(app.MACHINE.rules[kind], 9))


@pytest.mark.parametrize(
    "change",
    [
        {"basis": ""},
        {"scenario": "短"},
        {"method": None},
        {"starts_on": None},
        {"columns": []},
        {"columns": ["a", "a"]},
        {"ends_on": "2026-03-01"},
    ],
)
def test_what_is_not_complete_is_kept_as_a_draft_and_not_submitted(change: dict[str, Any]) -> None:
    kept = draft().apply(event(app.MACHINE.rules[Kind.SAVE], form=FORM | change))
    assert kept.draft == Draft.model_validate(FORM | change)
    assert kept.form is None
    with pytest.raises(IncompleteForm, match="不能提交") as refused:
        kept.apply(event(app.MACHINE.rules[Kind.SUBMIT], 1))
    named = "ends_on" if "ends_on" in change else next(iter(change))
    assert set(refused.value.faults) == {named}
    asked = walk([*TO_USE[:3], Kind.ASK_COMPLETION])
    with pytest.raises(ValidationError):
        asked.apply(event(app.MACHINE.rules[Kind.COMPLETE], 30, form=FORM | change))


def test_everything_that_is_missing_is_told_at_once() -> None:
    kept = draft().apply(event(app.MACHINE.rules[Kind.SAVE], form={"resource": FORM["resource"]}))
    with pytest.raises(IncompleteForm) as refused:
        kept.apply(event(app.MACHINE.rules[Kind.SUBMIT], 1))
    assert set(refused.value.faults) == {"basis", "scenario", "scope", "method", "starts_on", "ends_on", "columns"}
    assert all(word in str(refused.value) for word in ("使用依据", "使用场景", "使用范围", "共享方式", "所需数据项"))
    whole = kept.apply(event(app.MACHINE.rules[Kind.SAVE], 2)).apply(event(app.MACHINE.rules[Kind.SUBMIT], 3))
    assert whole.form == Form.model_validate(FORM)


@pytest.mark.parametrize(
    "change",
    [
        {"basis": "依" * 501},
        {"scenario": ["不是文字"]},
        {"method": "邮件"},
        {"starts_on": "明天"},
        {"columns": ["a" * 201]},
        {"columns": ["a"] * 2001},
        {"row_filter": {"resident_id": "1" * 1001}},
        {"row_filter": {"resident_id": {"$ne": ""}}},
        {"resource": "GAJ; drop"},
        {"unknown": 1},
    ],
)
def test_no_draft_holds_what_has_another_type_or_no_bound(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        draft().apply(event(app.MACHINE.rules[Kind.SAVE], form=FORM | change))


def test_a_draft_of_another_resource_is_refused() -> None:
    with pytest.raises(IllegalMove, match="另一资源请另行申请"):
        draft().apply(event(app.MACHINE.rules[Kind.SAVE], form={"resource": "gaj.vehicle"}))


def test_what_was_submitted_stays_while_the_returned_draft_is_changed() -> None:
    returned = walk([*TO_USE[:2], Kind.RETURN_OWN])
    changed = returned.apply(event(app.MACHINE.rules[Kind.SAVE], 9, form={**FORM, "scope": ""}))
    assert changed.form == Form.model_validate(FORM)
    assert changed.draft == Draft.model_validate({**FORM, "scope": ""})
    with pytest.raises(IncompleteForm):
        changed.apply(event(app.MACHINE.rules[Kind.SUBMIT], 10))


texts = st.text(max_size=6)
drafts = st.builds(
    Draft,
    resource=st.just("gaj.resident"),
    basis=texts,
    scenario=texts,
    scope=texts,
    method=st.sampled_from([None, "service", "batch", "file"]),
    starts_on=st.none() | st.dates(),
    ends_on=st.none() | st.dates(),
    columns=st.lists(st.sampled_from("ab"), max_size=3),
    row_filter=st.dictionaries(texts, texts, max_size=2),
)


@given(drafts)
def test_a_draft_has_no_fault_exactly_when_it_is_a_form(held: Draft) -> None:
    plain = held.model_dump(mode="json")
    assert Draft.model_validate(plain) == held
    if held.faults():
        with pytest.raises(ValidationError):
            Form.model_validate(plain)
    else:
        assert held.whole("1") == Form.model_validate(plain)


@given(drafts)
def test_a_form_as_it_was_kept_before_is_still_read(held: Draft) -> None:
    """Drafts were whole once: their events hold forms, and replay to what they were."""
    if not held.faults():
        old = Form.model_validate(held.model_dump(mode="json")).model_dump(mode="json")
        kept = draft().apply(event(app.MACHINE.rules[Kind.SAVE], form=old))
        assert kept.apply(event(app.MACHINE.rules[Kind.SUBMIT], 1)).form == Form.model_validate(old)


def test_events_come_in_order_and_have_a_time_zone() -> None:
    at = walk(TO_USE[:2])
    rule = app.MACHINE.rules[Kind.APPROVE_OWN]
    with pytest.raises(IllegalMove, match="早于上一事项"):
        at.apply(event(rule, -1))
    naive = Event(str(rule.kind), datetime(2026, 3, 9), "某人", Role.OWN_OFFICE, "wjw", {})
    with pytest.raises(IllegalMove, match="时区"):
        at.apply(naive)


@given(st.lists(st.sampled_from(list(Kind)), max_size=25))
def test_whatever_is_tried_only_lawful_events_are_kept_and_replay_to_the_same(kinds: list[Kind]) -> None:
    at = draft()
    for day, kind in enumerate(kinds):
        try:
            at = at.apply(event(app.MACHINE.rules[kind], day))
        except IllegalMove:
            continue
    assert app.replay(draft(), at.events) == at


# ---- deadlines ----------------------------------------------------------------------------------------------------


def _deadlines(kinds: list[Kind], today: date, *, pauses: bool = True) -> dict[str, tuple[date, str]]:
    stands = standing(walk(kinds), load_calendar(), today, Practice(pauses_for_completion=pauses))
    return {due.name: (due.due_on, due.light) for due in stands.every_due}


def test_the_clock_of_the_answer_starts_when_the_own_office_approved() -> None:
    assert _deadlines(TO_USE[:2], date(2026, 3, 3)) == {}
    # saved 2 March, submitted 3, approved 4 March: ten working days later
    assert _deadlines(TO_USE[:3], date(2026, 3, 5)) == {"答复（有条件共享）": (date(2026, 3, 18), "green")}


def test_the_clock_of_the_provision_starts_with_the_consent() -> None:
    found = _deadlines(TO_USE[:5], date(2026, 3, 9))
    assert found["答复（有条件共享）"][1] == "done"
    assert found["提供数据"] == (date(2026, 4, 3), "green")  # 20 working days after 6 March


def test_whether_completion_stops_the_clock_is_a_setting() -> None:
    kinds = [*TO_USE[:3], Kind.ASK_COMPLETION]  # told on 5 March
    assert _deadlines(kinds, date(2026, 3, 31)) == {"答复（有条件共享）": (date(2026, 4, 14), "paused")}
    assert _deadlines(kinds, date(2026, 3, 31), pauses=False) == {"答复（有条件共享）": (date(2026, 3, 18), "red")}


# ---- 校核 ---------------------------------------------------------------------------------------------------------

REPORT = ver.Report(
    resource="gaj.resident", key="330102", found="张三", believed="张三丰", evidence="户口簿", snapshot="abc"
)
VER_DATA = {"finding": "属实", "reload": "gaj.resident:1", "quality_run": "r1", "reason": "x", "record": "y"} | {
    "decision": "以公安为准"
}


def _verify(*kinds: ver.Kind, roles: dict[ver.Kind, Role] | None = None) -> ver.Verification:
    at = ver.Verification("J-1", PARTIES, REPORT, date(2026, 3, 2))
    for day, kind in enumerate(kinds):
        rule = ver.MACHINE.rules[kind]
        role = (roles or {}).get(kind) or min(rule.roles, key=lambda r: r.name)
        at = at.apply(Event(str(kind), NOON + timedelta(days=day), "某人", role, ROLE_DEPT[role], VER_DATA))
    return at


def test_a_correction_is_traced_to_the_reload_and_the_quality_run() -> None:
    again = _verify(ver.Kind.CONFIRM, ver.Kind.CORRECT, ver.Kind.REOPEN, ver.Kind.CORRECT, ver.Kind.RECHECK)
    assert again.state is ver.State.CLOSED
    assert not again.is_late(load_calendar(), date(2026, 6, 1))


def test_a_dispute_goes_up_level_by_level_and_each_level_decides_for_itself() -> None:
    steps = [ver.Kind.UPHOLD, ver.Kind.DISPUTE, ver.Kind.ESCALATE]
    at_bureau = _verify(*steps)
    assert at_bureau.state is ver.State.AT_BUREAU
    with pytest.raises(IllegalMove, match="大数据局审核员"):
        _verify(*steps, ver.Kind.DECIDE, roles={ver.Kind.DECIDE: Role.GOVERNMENT})
    assert _verify(*steps, ver.Kind.DECIDE, roles={ver.Kind.DECIDE: Role.BUREAU}).state is ver.State.CLOSED
    top = [*steps, ver.Kind.ESCALATE, ver.Kind.ESCALATE]
    assert _verify(*top).state is ver.State.AT_GOVERNMENT
    with pytest.raises(IllegalMove, match="不能提请上一级"):
        _verify(*top, ver.Kind.ESCALATE)


@pytest.mark.parametrize("kind", ver.Kind)
def test_nothing_happens_to_a_closed_one(kind: ver.Kind) -> None:
    closed = _verify(ver.Kind.UPHOLD, ver.Kind.ACCEPT)
    rule = ver.MACHINE.rules[kind]
    role = min(rule.roles, key=lambda r: r.name)
    with pytest.raises(IllegalMove, match="已办结，不能再"):
        closed.apply(Event(str(kind), NOON + timedelta(days=9), "某人", role, ROLE_DEPT[role], VER_DATA))


def test_a_late_answer_shows_red() -> None:
    assert _verify().is_late(load_calendar(), date(2026, 3, 17))
    assert not _verify().is_late(load_calendar(), date(2026, 3, 16))
