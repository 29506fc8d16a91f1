"""What the pages of cataloguing and their JSON say: proposals, whom they wait for, their clocks, what they change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from catalog.access.person import BUREAU_SEES, Person, permit
from catalog.cataloguing.checking import compared, key_of
from catalog.cataloguing.desk import DOING, CataloguingDesk
from catalog.cataloguing.editing import differences, form_of, items_of
from catalog.cataloguing.form import choices_of
from catalog.cataloguing.proposal import EDITABLE, ENDED, Kind, Proposal, Purpose, State
from catalog.contract.checks.subject import PLACEHOLDER
from catalog.contract.city_time import city_day
from catalog.contract.document import read_document
from catalog.sharing.calendar import NoHolidayTable, WorkingCalendar
from catalog.sharing.clock import Clock
from catalog.sharing.machine import Role

Row = dict[str, Any]
SHOWN_DONE = 20
SHOWN_OF_BATCH = 50
SHOWN_OF_LIST = 200
_LIGHT_ORDER = {"red": 0, "yellow": 1, "green": 2, "paused": 3, "done_late": 4, "done": 5}
_WAITS_FOR = {State.TO_SIGN: Role.PROVIDER, State.TO_REVIEW: Role.BUREAU}


@dataclass(frozen=True)
class Asked:
    """Who looks, and when."""

    person: Person
    now: datetime

    @property
    def today(self) -> date:
        return city_day(self.now)


class CataloguingViews:
    """Views over one desk."""

    def __init__(self, desk: CataloguingDesk, calendar: WorkingCalendar) -> None:
        self._desk, self._calendar = desk, calendar
        self._choices = choices_of(desk.shelf.now().vocabulary)

    def may_see(self, person: Person, proposal: Proposal) -> bool:
        """Tell whether somebody may look at a proposal: the department's own people, and the bureau's."""
        return person.dept == proposal.dept or bool(person.posts & BUREAU_SEES)

    def overview(self, asked: Asked) -> Row:
        """Return what is a person's to do, what is under way and what was done last."""
        seen = [one for one in self._desk.store.proposals() if self.may_see(asked.person, one)]
        recent = [one for one in seen if one.state not in ENDED]
        rows = {one.number: self.summary(one, asked) for one in recent}
        waiting = [rows[one.number] for one in seen if self._waits_for(asked.person, one)]
        own = [rows[one.number] for one in seen if one.state in EDITABLE and one.dept == asked.person.dept]
        under_way = [rows[one.number] for one in seen if one.state in (State.TO_SIGN, State.TO_REVIEW)]
        done = sorted((one for one in seen if one.state in ENDED), key=lambda one: one.changed_at, reverse=True)
        return {
            "waiting": sorted(waiting, key=_urgency)[:SHOWN_OF_LIST],
            "drafts": sorted(own, key=lambda row: str(row["changed_at"]), reverse=True)[:SHOWN_OF_LIST],
            "under_way": sorted(under_way, key=_urgency)[:SHOWN_OF_LIST],
            "done": [self.summary(one, asked) for one in done[:SHOWN_DONE]],
            "counts": {
                "waiting": len(waiting),
                "drafts": len(own),
                "under_way": len(under_way),
                "done": len(done),
            },
            "can_catalogue": self._can(asked.person, Role.CATALOGUER, asked.person.dept),
        }

    def summary(self, proposal: Proposal, asked: Asked) -> Row:
        """Return one line about a proposal."""
        vocabulary = self._desk.shelf.now().vocabulary
        department = vocabulary.departments.get(proposal.dept)
        title = "" if proposal.title == PLACEHOLDER else proposal.title
        return {
            "number": proposal.number,
            "purpose": str(proposal.origin.purpose),
            "state": str(proposal.state),
            "title": title,
            "key": key_of(proposal.document),
            "dept": proposal.dept,
            "dept_name": department.name if department else proposal.dept,
            "opened_by": proposal.opened_by,
            "opened_at": proposal.opened_at.isoformat(),
            "changed_at": proposal.changed_at.isoformat(),
            "batch": proposal.origin.batch,
            "start": proposal.origin.start,
            "said": proposal.said if proposal.state is State.RETURNED else "",
            "seen": len(proposal.events),
            "is_editable": proposal.state in EDITABLE,
            "clocks": [self._clock(clock, asked.today) for clock in (proposal.review, proposal.update) if clock],
        }

    def detail(self, proposal: Proposal, asked: Asked) -> Row:
        """Return everything about a proposal: what it changes, what it lacks, what has happened, what may happen."""
        faults = self._desk.faults(proposal, asked.now) if proposal.state not in ENDED else []
        final = self._desk.final(proposal, asked.now)
        base_text = proposal.origin.base
        base = read_document(base_text.encode(), places=False).data if base_text else {}
        contract = self._desk.shelf.now().contracts.get(key_of(proposal.document)) if base_text else None
        found = compared(final, contract) if proposal.state is not State.PUBLISHED else None
        return {
            **self.summary(proposal, asked),
            "version": final.get("version", ""),
            "base_version": base.get("version", ""),
            "is_breaking": found.is_breaking if found else False,
            "impacts": [{"field": c.field, "impact": c.impact, "reason": c.reason} for c in found.changes]
            if found
            else [],
            "changes": [{"field": f, "before": b, "after": a} for f, b, a in differences(base, final)],
            "form": form_of(final, self._choices),
            "items": items_of(final, self._choices),
            "faults": [fault.to_json() for fault in faults],
            "is_ready": not any(fault.blocks for fault in faults),
            "timeline": [self._told(event) for event in proposal.events],
            "moves": [str(move.kind) for move in self.moves(proposal, asked.person)],
            "can_edit": self._can_edit(proposal, asked.person),
            "can_undo": proposal.can_undo,
            "document": final,
        }

    def moves(self, proposal: Proposal, person: Person) -> list[Any]:
        """Return what this person may do to a proposal now."""
        hidden = {Kind.SAVE, Kind.UNDO} | ({Kind.RECORD_CHANGE} if proposal.update else set())
        return [
            move
            for move in proposal.moves()
            if move.kind not in hidden and any(self._can(person, role, proposal.dept) for role in move.roles)
        ]

    def batch(self, proposals: Iterable[Proposal], asked: Asked) -> Row:
        """Return the proposals of one import and what may be done to all of them at once."""
        held = list(proposals)
        rows = []
        for one in held[:SHOWN_OF_BATCH]:
            faults = (
                [fault for fault in self._desk.faults(one, asked.now) if fault.blocks] if one.state not in ENDED else []
            )
            rows.append({**self.summary(one, asked), "lacks": len(faults)})
        counts: dict[str, int] = {}
        for one in held:
            for move in self.moves(one, asked.person):
                if move.kind in (Kind.SUBMIT, Kind.SIGN, Kind.PUBLISH):
                    counts[str(move.kind)] = counts.get(str(move.kind), 0) + 1
        return {
            "batch": held[0].origin.batch,
            "start": held[0].origin.start,
            "proposals": rows,
            "count": len(held),
            "moves": counts,
        }

    def _told(self, event: Any) -> Row:
        said = [str(event.data[name]) for name in ("changed_on", "basis", "days", "reason") if event.data.get(name)]
        names = self._desk.shelf.now().vocabulary.departments
        dept = names[event.dept].name if event.dept in names else event.dept
        return {
            "kind": event.kind,
            "at": event.at.isoformat(),
            "actor": event.actor,
            "dept": dept,
            "said": "；".join(said),
        }

    def _clock(self, clock: Clock, today: date) -> Row:
        row: Row = {"name": clock.limit.name, "basis": clock.limit.basis, "started_on": clock.started_on.isoformat()}
        try:
            due = clock.due_on(self._calendar, today)
            light, left = clock.light(self._calendar, today), clock.days_left(self._calendar, today)
        except NoHolidayTable as error:
            return {**row, "due_on": None, "days_left": None, "light": "red", "problem": str(error)}
        return {**row, "due_on": due.isoformat(), "days_left": left, "light": light, "problem": ""}

    def _waits_for(self, person: Person, proposal: Proposal) -> bool:
        if proposal.state is State.RETURNED:
            return self._can(person, Role.CATALOGUER, proposal.dept)
        role = _WAITS_FOR.get(proposal.state)
        return role is not None and self._can(person, role, proposal.dept)

    def _can_edit(self, proposal: Proposal, person: Person) -> bool:
        is_content = proposal.origin.purpose is not Purpose.WITHDRAWAL
        return is_content and proposal.state in EDITABLE and self._can(person, Role.CATALOGUER, proposal.dept)

    @staticmethod
    def _can(person: Person, role: Role, dept: str) -> bool:
        return permit(person, DOING[role], dept).allowed


def _urgency(row: Row) -> tuple[int, str, str]:
    clocks = [(_LIGHT_ORDER[clock["light"]], str(clock["due_on"])) for clock in row["clocks"]]
    light, due = min(clocks, default=(2, "9"))
    return light, due, row["number"]
