"""Who was granted a resource, for its entry page: the grants that a reader may see, and of the others no more than counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from catalog.access.person import Person
from catalog.api.desk import Desk, Row, url_of
from catalog.api.records import USE_DAYS
from catalog.contract.city_time import city_day
from catalog.sharing.application import Application, Kind
from catalog.sharing.grants import grants_in_force, was_granted
from catalog.sharing.posts import may_count, may_see

SHOWN_GRANTS = 50


def granted(desk: Desk, person: Person | None, key: str) -> Row:
    """Return the grants of a resource as somebody (None: nobody signed in) may see them, those in force first.

    ``lines`` are the newest grants that they may see, ``more`` how many of these are left out; ``others`` is the number of
    grants by department that they may not see, empty with the reason for who is not signed in.
    """
    today = city_day(desk.now())
    every = [a for a in desk.acting.store.applications(resource=key) if was_granted(a)]
    open_now = {grant.application for grant in grants_in_force(every, today)}
    seen = [a for a in every if person is not None and may_see(person, a).allowed]
    seen.sort(key=lambda a: (a.number in open_now, a.number), reverse=True)
    counting, hidden = may_count(person), {a.number for a in every} - {a.number for a in seen}
    read_at = desk.access.last_read_of(key, (today - timedelta(days=USE_DAYS)).isoformat()) if seen else {}
    return {
        "in_force": len(open_now),
        "ended": len(every) - len(open_now),
        "lines": [_line(desk, a, a.number in open_now, read_at.get(a.number)) for a in seen[:SHOWN_GRANTS]],
        "more": max(0, len(seen) - SHOWN_GRANTS),
        "hidden": len(hidden),
        "others": _counted(desk, (a for a in every if a.number in hidden), open_now) if counting.allowed else [],
        "reason": counting.reason,
        "basis": counting.basis,
    }


def _line(desk: Desk, application: Application, is_in_force: bool, read_at: str | None) -> Row:
    form = application.form
    assert form is not None  # nothing is provided without one
    recorded = [event.at for event in application.events if event.kind == Kind.USE]
    return {
        "number": application.number,
        "url": url_of(application),
        "dept": application.parties.applicant,
        "dept_name": desk.dept_name(application.parties.applicant),
        "state": application.state.value,
        "in_force": is_in_force,
        "form": dict(desk.form(form)),
        "method": form.method,
        "columns": form.columns,
        "starts_on": form.starts_on,
        "ends_on": form.ends_on,
        "recorded_at": recorded[-1].isoformat() if recorded else None,
        "read_at": read_at,
    }


def _counted(desk: Desk, applications: Iterable[Application], open_now: set[str]) -> list[Row]:
    """Return how many grants each department holds, in force and not."""
    found: dict[str, Row] = {}
    for application in applications:
        dept = application.parties.applicant
        row = found.setdefault(dept, {"dept": dept, "dept_name": desk.dept_name(dept), "in_force": 0, "ended": 0})
        row["in_force" if application.number in open_now else "ended"] += 1
    return sorted(found.values(), key=lambda row: (-row["in_force"], row["dept"]))
