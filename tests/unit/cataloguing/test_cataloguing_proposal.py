"""A proposal moves as the law says, and in no other way; its content and its clocks are replayed from its events."""

from __future__ import annotations

from datetime import date

import pytest
from cataloguing_cases import PARTIES, calendar, event, opened
from hypothesis import given
from hypothesis import strategies as st

from catalog.cataloguing import proposal as pp
from catalog.cataloguing.proposal import Kind, Proposal, State
from catalog.sharing.clock import ClockError
from catalog.sharing.machine import IllegalMove, Role

ACTOR = {kind: min(pp.MACHINE.rules[kind].roles, key=lambda role: role.name) for kind in Kind}
REACHED = {
    State.DRAFT: [Kind.SAVE],
    State.TO_SIGN: [Kind.SAVE, Kind.SUBMIT],
    State.TO_REVIEW: [Kind.SAVE, Kind.SUBMIT, Kind.SIGN],
    State.RETURNED: [Kind.SAVE, Kind.SUBMIT, Kind.REJECT],
    State.PUBLISHED: [Kind.SAVE, Kind.SUBMIT, Kind.SIGN, Kind.PUBLISH],
    State.DISCARDED: [Kind.SAVE, Kind.DISCARD],
}


def walk(kinds: list[Kind], proposal: Proposal | None = None, day: int = 0) -> Proposal:
    stands = proposal or opened()
    for kind in kinds:
        stands = stands.apply(event(kind, ACTOR[kind], day=day), calendar())
    return stands


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached(state: State) -> None:
    assert walk(REACHED[state]).state is state


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
def test_every_illegal_move_is_refused_and_the_legal_ones_are_offered(state: State, kind: Kind) -> None:
    at = walk(REACHED[state])
    if state in pp.MACHINE.rules[kind].states:
        return
    with pytest.raises(IllegalMove) as refused:
        at.apply(event(kind, ACTOR[kind]), calendar())
    assert state in pp.ENDED or all(str(move.kind) in str(refused.value) for move in pp.MACHINE.moves(state))


@pytest.mark.parametrize("state", [state for state in State if state not in pp.ENDED])
@pytest.mark.parametrize("role", Role)
def test_every_other_role_and_every_other_department_is_refused(state: State, role: Role) -> None:
    at = walk(REACHED[state])
    for rule in pp.MACHINE.moves(state):
        kind = Kind(rule.kind)
        if role not in rule.roles:
            with pytest.raises(IllegalMove, match="不能办理"):
                at.apply(event(kind, role), calendar())
        elif PARTIES.of(role) is not None:
            with pytest.raises(IllegalMove, match="不能代办"):
                at.apply(event(kind, role, dept="mzj"), calendar())


@pytest.mark.parametrize("kind", [kind for kind in Kind if pp.MACHINE.rules[kind].needs])
def test_what_must_be_said_must_be_said(kind: Kind) -> None:
    rule = pp.MACHINE.rules[kind]
    at = walk(REACHED[State(min(rule.states, key=lambda state: state.value))])
    with pytest.raises(IllegalMove, match="须写明"):
        at.apply(event(kind, ACTOR[kind], **dict.fromkeys(rule.needs)), calendar())


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.data())
def test_undo_gives_back_what_stood_before(contents: list[int], data: st.DataObject) -> None:
    at, model = opened(), []
    for content in contents:
        at = at.apply(event(Kind.SAVE, Role.CATALOGUER, document={"n": content}), calendar())
        model.append({"n": content})
        while at.can_undo and data.draw(st.booleans()):
            at = at.apply(event(Kind.UNDO, Role.CATALOGUER), calendar())
            model.pop()
        assert at.document == model[-1]
    assert pp.replay(opened(), at.events, calendar()) == at


def test_the_first_content_cannot_be_undone() -> None:
    with pytest.raises(IllegalMove, match="没有可以撤销"):
        walk([Kind.SAVE, Kind.UNDO])
    assert Kind.UNDO not in [move.kind for move in walk([Kind.SAVE]).moves()]


def test_the_bureau_has_two_working_days_and_a_second_review_a_clock_of_its_own() -> None:
    at = walk(REACHED[State.TO_REVIEW], day=0)
    assert at.review is not None
    assert at.review.due_on(calendar(), date(2026, 3, 2)) == date(2026, 3, 4)
    assert at.review.light(calendar(), date(2026, 3, 4)) == "yellow"
    assert at.review.light(calendar(), date(2026, 3, 5)) == "red"
    back = walk([Kind.RETURN], at, day=4)
    assert back.review is not None
    assert back.review.light(calendar(), date(2026, 3, 9)) == "done_late"
    assert back.said == "理由"
    again = walk([Kind.SAVE, Kind.SUBMIT, Kind.SIGN], back, day=7)
    assert again.review is not None
    assert again.review.due_on(calendar(), date(2026, 3, 9)) == date(2026, 3, 11)


def test_a_change_of_law_or_duty_gives_ten_days_and_five_more_once() -> None:
    at = walk([Kind.SAVE, Kind.RECORD_CHANGE])
    assert at.update is not None
    assert at.update.due_on(calendar(), date(2026, 3, 2)) == date(2026, 3, 16)
    longer = walk([Kind.EXTEND], at)
    assert longer.update is not None
    assert longer.update.due_on(calendar(), date(2026, 3, 2)) == date(2026, 3, 23)
    with pytest.raises(ClockError, match="只能延长一次"):
        walk([Kind.EXTEND], longer)
    with pytest.raises(ClockError, match="最多延长 5"):
        at.apply(event(Kind.EXTEND, Role.BUREAU, days=6), calendar())
    signed = walk([Kind.SUBMIT, Kind.SIGN], longer, day=3)
    assert signed.update is not None
    assert signed.update.stopped_on == date(2026, 3, 5)


def test_a_change_lies_in_the_past_and_is_a_day() -> None:
    for wrong in ("2026-03-03", "昨天"):
        with pytest.raises(IllegalMove, match="变化发生的日期"):
            walk([Kind.SAVE]).apply(event(Kind.RECORD_CHANGE, Role.CATALOGUER, changed_on=wrong), calendar())
    with pytest.raises(IllegalMove, match="没有登记"):
        walk([Kind.SAVE, Kind.EXTEND])
