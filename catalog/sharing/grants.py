"""Grants 授权: an approved application makes one, and its suspension, expiry or end takes it away.

A grant is never stored. It is what the events of an application amount to now, so that nothing can be left in force by
mistake (articles 20, 25 and 27).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from catalog.access.decide import ARTICLE_20, decide, needs_no_grant, relied_on
from catalog.access.model import Decision, Grant, Principal
from catalog.contract.message import Message
from catalog.contract.model import Contract
from catalog.sharing.application import Application, Kind, State
from catalog.sharing.form import METHODS, Method
from catalog.sharing.store import SharingStore

SERVICE: Method = "service"
BATCH: Method = "batch"
FILE: Method = "file"
_LONGEST_NUMBER = 30
_CLOSED = (State.SUSPENDED, State.DISPOSAL, State.ARCHIVED)
_CLOSES = (Kind.SUSPEND, Kind.TERMINATE, Kind.EXPIRE)


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
    """The grants of the departments, read from the applications as they stand at each question."""

    def __init__(self, store: SharingStore) -> None:
        self._store = store

    def decided(
        self,
        contract: Contract,
        principal: Principal | None,
        method: Method,
        *,
        named: str | None = None,
        fields: frozenset[str] = frozenset(),
        today: date,
    ) -> tuple[Grant | None, Decision]:
        """Return the grant that a request for rows relies on, and whether it may be answered.

        Among several it is the one ``named``, else one that covers ``fields``. The data service gives some rows without a
        grant (:func:`catalog.access.decide.needs_no_grant`); by the other methods rows are given on a grant alone.
        """
        is_free = method == SERVICE and named is None
        if principal is None or (is_free and needs_no_grant(principal, contract)):
            return None, decide(principal, "read_rows", contract, today=today)
        grants = self._of(principal.dept, contract.key, method)
        grant = relied_on(grants, named=named, fields=fields, today=today)
        decision = decide(principal, "read_rows", contract, today=today, grant=grant)
        if grant is not None or decision.code not in ("allowed", "not_granted"):
            return grant, decision
        if named is not None:
            reason = Message("贵部门没有在用的申请 {number}", number=named[:_LONGEST_NUMBER])
            decision = Decision(False, "not_granted", reason, ARTICLE_20)
        elif decision.allowed:
            reason = Message("贵部门没有以{method}共享的在用授权", method=METHODS[method])
            decision = Decision(False, "not_granted", reason, ARTICLE_20)
        why = self._why_none(principal.dept, contract.key, method, named)
        if why:
            decision = replace(decision, reason=Message("{reason}（{why}）", reason=decision.reason, why=why))
        return None, decision

    def _of(self, dept: str, resource: str, method: Method) -> list[Grant]:
        """Return what a department was granted of a resource, whether its days have come, are, or are over."""
        found = (grant_of(application) for application in self._applications(dept, resource))
        return [grant for grant in found if grant is not None and grant.method == method]

    def _why_none(self, dept: str, resource: str, method: Method, named: str | None) -> str:
        """Return what to add to a refusal: why the newest application that might give access does not; ``""`` without one."""
        newest_first = reversed(self._applications(dept, resource))
        reasons = (_why_closed(a, method) for a in newest_first if named in (None, a.number))
        return next(filter(None, reasons), "")

    def _applications(self, dept: str, resource: str) -> list[Application]:
        applications = self._store.applications(resource=resource, dept=dept)
        return [application for application in applications if application.parties.applicant == dept]


def _why_closed(application: Application, method: Method) -> str:
    """Return why an application that once made a grant gives no access by a method; ``""`` when there is no such reason."""
    form, state = application.form, application.state
    if state in _CLOSED:
        closing = [event for event in application.events if event.kind in _CLOSES][-1]
        reason = closing.data.get("reason")
        said = Message(
            "申请 {number} {state}，{closing}", number=application.number, state=state.value, closing=str(closing.kind)
        )
        return Message("{said}：{reason}", said=said, reason=reason) if reason else said
    if state is State.IN_USE and form is not None and form.method != method:
        return Message(
            "申请 {number} 的共享方式是{granted}，不是{asked}",
            number=application.number,
            granted=METHODS[form.method],
            asked=METHODS[method],
        )
    return ""
