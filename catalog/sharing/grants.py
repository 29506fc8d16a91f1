"""Grants 授权: an approved application makes one, and its suspension, expiry or end takes it away.

A grant is never stored. It is what the events of an application amount to now, so that nothing can be left in force by
mistake (articles 20, 25 and 27).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from catalog.access.model import Grant
from catalog.sharing.application import Application, Kind, State
from catalog.sharing.store import SharingStore

SERVICE = "service"
_CLOSED = (State.SUSPENDED, State.DISPOSAL, State.ARCHIVED)


def grant_of(application: Application) -> Grant | None:
    """Return what an application permits as it stands; None before the data are provided, while suspended, and afterwards."""
    form = application.form
    if application.state is not State.IN_USE or form is None:
        return None
    return Grant(
        application.number,
        application.parties.applicant,
        form.resource,
        frozenset(form.columns),
        form.method,
        form.scenario,
        form.starts_on,
        form.ends_on,
        dict(form.row_filter),
    )


def was_granted(application: Application) -> bool:
    """Tell whether an application ever made a grant, in force or not."""
    return any(event.kind == Kind.PROVIDE for event in application.events)


def grants_in_force(applications: Iterable[Application], today: date) -> list[Grant]:
    """Return the grants that may be used on a day: past its last day a grant is void, whether or not 到期 was recorded."""
    found = (grant_of(application) for application in applications)
    return [grant for grant in found if grant is not None and grant.is_in_force(today)]


class GrantBook:
    """The grants to call the data service, read from the applications as they stand at each question."""

    def __init__(self, store: SharingStore) -> None:
        self._store = store

    def of(self, dept: str, resource: str) -> list[Grant]:
        """Return what a department was granted of a resource, whether its days have come, are, or are over."""
        found = (grant_of(application) for application in self._of(dept, resource))
        return [grant for grant in found if grant is not None and grant.method == SERVICE]

    def why_none(self, dept: str, resource: str) -> str:
        """Return what to add to a refusal: how the newest application that once gave access stands; ``""`` without one."""
        closed = [a for a in self._of(dept, resource) if a.state in _CLOSED]
        return f"（申请 {closed[-1].number} {closed[-1].state.value}）" if closed else ""

    def _of(self, dept: str, resource: str) -> list[Application]:
        applications = self._store.applications(resource=resource, dept=dept)
        return [application for application in applications if application.parties.applicant == dept]
