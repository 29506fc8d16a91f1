"""Who acts as what, who may see, what may be pressed, what a matter waits for: laws over every state of both machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog.access.person import Person, Post
from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.acting import Acting, event_of
from catalog.sharing.application import Application
from catalog.sharing.calendar import load_calendar
from catalog.sharing.duties import standing, waits_for
from catalog.sharing.machine import Event, IllegalMove, Parties, Role
from catalog.sharing.posts import Matter, may_see, roles_of
from catalog.sharing.practice import Practice, load_practice
from catalog.sharing.recheck import Looked, check_reload, key_text, key_values
from catalog.sharing.store import SharingStore
from catalog.sharing.verification import Report, Verification

PARTIES = Parties("wjw", "gaj", "dsjj")
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
FORM = {
    "resource": "gaj.resident",
    "basis": "法定职责",
    "scenario": "核对信息",
    "scope": "基层处",
    "method": "service",
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "columns": ["resident_id"],
}
REPORT = Report(
    resource="gaj.resident", key="1", column="sex_code", found="1", believed="2", evidence="户口簿", snapshot="s"
)
DATA: dict[str, Any] = {
    "form": FORM,
    "reason": "理由",
    "missing": ["依据"],
    "days": 3,
    "record": {"text": "记录"},
    "finding": "核实",
    "decision": "决定",
    "reload": "b2",
    "quality_run": {"agrees": True},
}
DEPTS = ("wjw", "gaj", "dsjj", "jyj")


class NothingPublished:
    """Published data in which one batch arrived after the report."""

    def snapshot(self) -> str:
        return "s2"

    def look(self, report: Report) -> Looked:
        return Looked("2", agrees=True)

    def blocking_faults(self, resource: str) -> list[str]:
        return []

    def batches(self, resource: str) -> list[dict[str, Any]]:
        return [{"batch_id": "b1", "status": "accepted"}, {"batch_id": "b2", "status": "accepted"}]

    def had_batch(self, resource: str, batch: str, snapshot: str) -> bool:
        return batch == "b1"


@pytest.fixture(scope="module")
def acting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acting]:
    store = SharingStore(f"sqlite:///{tmp_path_factory.mktemp('desk') / 'app.db'}")
    yield Acting(store, load_calendar(), load_practice(), NothingPublished())
    store.close()


@st.composite
def matters(draw: st.DrawFn) -> Matter:
    """An application or a 校核 after some legal steps."""
    start: Matter = draw(
        st.sampled_from(
            [
                Application("SQ", PARTIES, "gaj.resident", 1),
                Application("SQ", PARTIES, "gaj.resident", 2),
                Verification("JH", PARTIES, REPORT, date(2026, 3, 2)),
            ]
        )
    )
    for step in range(draw(st.integers(0, 9))):
        moves = start.moves()
        if not moves:
            break
        rule = draw(st.sampled_from(moves))
        role = draw(st.sampled_from(sorted(rule.roles)))
        event = Event(rule.kind, AT + timedelta(hours=step), "某人", role, PARTIES.of(role) or "", DATA)
        try:
            start = start.apply(event)
        except IllegalMove:
            continue
    return start


people = st.builds(
    Person,
    st.just("p"),
    st.just("某人"),
    st.sampled_from(DEPTS),
    st.frozensets(st.sampled_from(sorted(Post)), max_size=4),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(matter=matters(), person=people)
def test_what_is_offered_is_exactly_what_is_accepted(acting: Acting, matter: Matter, person: Person) -> None:
    now = AT + timedelta(days=1)
    offered = {rule.kind for rule in acting.offered(person, matter, now)}
    machine = ver.MACHINE if isinstance(matter, Verification) else app.MACHINE
    for kind, rule in machine.rules.items():
        data = {need: DATA[need] for need in rule.needs}
        if "quality_run" in rule.needs:
            assert kind not in offered  # the system's own
            continue
        try:
            event = event_of(person, matter, kind, data, now)
            after = matter.apply(event)
            if isinstance(after, Application):
                acting._check_clock(after, event)
            if kind == ver.Kind.CORRECT and isinstance(matter, Verification):
                check_reload(matter, "b2", acting.published)
        except (IllegalMove, ValidationError):
            assert kind not in offered, kind
        else:
            assert kind in offered, kind


@given(matter=matters(), person=people)
def test_who_may_act_may_see_and_strangers_may_neither(matter: Matter, person: Person) -> None:
    roles = roles_of(person, matter)
    if person.dept == "jyj" or not person.posts:
        assert not roles
        assert not may_see(person, matter).allowed
    if isinstance(matter, Application) and not any(event.kind == app.Kind.APPROVE_OWN for event in matter.events):
        assert may_see(person, matter).allowed <= (person.dept == "wjw")
    elif roles:
        assert may_see(person, matter).allowed
    assert Role.SYSTEM not in roles


@given(matter=matters())
def test_a_matter_waits_for_somebody_who_can_act_unless_it_is_in_use_or_over(matter: Matter) -> None:
    waits = waits_for(matter)
    possible = {role for rule in matter.moves() for role in rule.roles}
    assert set(waits) <= possible
    assert bool(waits) == (bool(matter.moves()) and matter.state is not app.State.IN_USE)


@given(matter=matters(), days=st.integers(0, 200), pauses=st.booleans())
def test_a_light_is_red_exactly_when_the_limit_has_passed(matter: Matter, days: int, pauses: bool) -> None:
    today = date(2026, 3, 3) + timedelta(days=days)
    stands = standing(matter, load_calendar(), today, Practice(pauses_for_completion=pauses))
    assert stands.no_table == ""
    assert stands.waits_for == waits_for(matter)
    for due in stands.every_due:
        assert due.days_left is not None
        if due.light in ("green", "yellow", "red", "paused"):
            assert (due.light == "red") == (today > due.due_on)
    if stands.due is not None:
        assert stands.due.light not in ("done", "done_late")


@given(st.dictionaries(st.sampled_from("abcd"), st.text(max_size=30), min_size=1))
def test_the_text_of_a_key_reads_back(values: dict[str, str]) -> None:
    assert key_values(list(values), key_text(values)) == values


def test_one_store_sees_what_another_appended(tmp_path: Path) -> None:
    from catalog.sharing.store import Opening

    address = f"sqlite:///{tmp_path / 'app.db'}"
    here, there = SharingStore(address), SharingStore(address)
    number = here.apply_for(Opening(PARTIES, "gaj.resident", AT, "某人"), 2).number
    steps = [("保存", {"form": FORM}), ("提交", {}), ("撤回", {})]
    for seen, (kind, data) in enumerate(steps):
        writer, reader = (here, there) if seen % 2 else (there, here)
        assert len(reader.application(number).events) == seen
        event = Event(kind, AT, "某人", Role.APPLICANT, "wjw", data)
        written = writer.move_application(number, event, seen=seen)
        assert reader.application(number) == written
        assert reader.applications(dept="wjw") == [written]
    here.close()
    there.close()
