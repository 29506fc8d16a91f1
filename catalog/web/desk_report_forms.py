"""The form by which a fault in shared data is reported; what is there now is taken from the published data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.decide import UNCONDITIONAL
from catalog.access.model import Decision, Grant
from catalog.access.person import BUREAU, Doing, Person
from catalog.access.store import AuditEvent
from catalog.api.desk import Desk, url_of
from catalog.api.desk_form import KEY, LONG, Posted, labels_of, read_key, text_of
from catalog.api.errors import ApiError
from catalog.api.published import shown_text
from catalog.api.routes import known
from catalog.api.values import typed
from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.contract.model import Contract, Property
from catalog.sharing.grants import grants_in_force
from catalog.sharing.machine import Parties
from catalog.sharing.recheck import ABSENT, IS_NOT_THERE, IS_THERE, PRESENT, key_text
from catalog.sharing.store import Opening
from catalog.sharing.verification import Report
from catalog.web.desk_matters import Form
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page, texts
from catalog.web.visitors import permitted

WHOLE_ROW = {"absent": ABSENT, "present": PRESENT}
NOT_WITHIN = "可以查看的范围内没有这一行"
ARTICLE_26 = "《政务数据共享条例》第二十六条"


def report_form_router(desk: Desk) -> APIRouter:
    """Return the routes of the form."""
    router = APIRouter(include_in_schema=False)

    @router.get("/desk/report/{dept}/{resource}")
    @router.get("/desk/report/{dept}/{resource}.json")
    def report(request: Request, dept: str, resource: str) -> Response:
        person, contract, grants = _reporter(desk, request, dept, resource)
        asked = request.query_params
        values = {f"{KEY}{name}": asked.get(f"{KEY}{name}", "")[:200] for name in contract.primary_key}
        values |= {"column": asked.get("column", ""), "believed": "", "evidence": ""}
        return _report_page(request, person, contract, _readable(contract, grants), Posted(values=values))

    @router.post("/desk/report/{dept}/{resource}")
    def reported(request: Request, dept: str, resource: str, form: Form) -> Response:
        person, contract, grants = _reporter(desk, request, dept, resource)
        read, found = _read_report(desk, _Look(request.state.request_id, person, contract, grants), form)
        if found is None:
            return _report_page(request, person, contract, _readable(contract, grants), read)
        opening = Opening(Parties(person.dept, contract.dept, BUREAU), contract.key, desk.now(), person.name)
        return RedirectResponse(url_of(desk.acting.store.report(opening, found)), status_code=303)

    return router


def _reporter(desk: Desk, request: Request, dept: str, resource: str) -> tuple[Person, Contract, list[Grant] | None]:
    """Return who reports what, and by which grants (None: all may read it): who cannot read the data cannot doubt them."""
    contract = known(desk.reads, dept, resource)
    person = permitted(request, Doing.REPORT)
    if person.dept == contract.dept:
        raise ApiError(
            403, "own_resource", "本部门提供的数据由本部门直接更正", Message("依据：{basis}", basis=ARTICLE_26)
        )
    if contract.gov.share_type == UNCONDITIONAL:
        return person, contract, None
    mine = [a for a in desk.acting.store.applications(resource=contract.key) if a.parties.applicant == person.dept]
    keys = set(contract.primary_key)
    grants = [grant for grant in grants_in_force(mine, city_day(desk.now())) if keys <= grant.columns]
    if not grants:
        reason = Message("贵部门没有使用中、含主键数据项的{name}授权，不能按主键提出校核", name=contract.name)
        raise ApiError(403, "nothing_granted", reason, Message("先申请共享；依据：{basis}", basis=ARTICLE_26))
    return person, contract, grants


def _readable(contract: Contract, grants: list[Grant] | None) -> list[str]:
    names = [prop.name for prop in contract.properties]
    return names if grants is None else [n for n in names if any(n in grant.columns for grant in grants)]


@dataclass(frozen=True)
class _Look:
    """Somebody looks at one row of the published data, as far as a grant shows it (None: all may), and it is audited."""

    request_id: str
    person: Person
    contract: Contract
    grants: list[Grant] | None

    def at(self, desk: Desk, key: Mapping[str, Any], column: str) -> dict[str, Any] | None:
        """Return the row if it may be seen: a report is no way round a grant."""
        row = desk.published.row(self.contract, key)
        grant = next((g for g in self.grants or () if row is not None and self._shows(g, row, column)), None)
        seen = row if self.grants is None or grant is not None else None
        who = self.person.as_principal()
        decision = Decision(True, "allowed", "提出校核时查看一行", ARTICLE_26)
        names = tuple(self.contract.primary_key)
        desk.access.audit(
            AuditEvent(
                self.request_id, who, "read_rows", self.contract.key, names, decision, int(seen is not None), grant
            )
        )
        return seen

    def _shows(self, grant: Grant, row: Mapping[str, Any], column: str) -> bool:
        rows = grant.row_filter.items()
        is_shown = column in grant.columns or column in WHOLE_ROW
        return is_shown and all(row[name] == typed(self.contract.property_named(name), text) for name, text in rows)


def _read_report(desk: Desk, look: _Look, form: FormData) -> tuple[Posted, Report | None]:
    """Read a report; what is there now is taken from the published data, never from the form."""
    read, contract = Posted(), look.contract
    given: Mapping[str, Any] = form
    texts, key = read_key(contract, given, read.faults)
    column, believed = text_of(given.get("column")), text_of(given.get("believed"))
    evidence = text_of(given.get("evidence"))
    read.values = {f"{KEY}{name}": text for name, text in texts.items()}
    read.values |= {"column": column, "believed": believed, "evidence": evidence}
    if column not in (*_readable(contract, look.grants), *WHOLE_ROW):
        read.faults["column"] = "选择有疑义的数据项，或整行"
    for name, text, shortest, longest in (("believed", believed, 0, 1000), ("evidence", evidence, 2, 2000)):
        if len(text) < shortest:
            read.faults[name] = "写明依据"
        elif len(text) > longest:
            read.faults[name] = Message(LONG, longest=longest)
    if read.faults:
        return read, None
    row = look.at(desk, key, column)
    if (row is None) != (column == "present"):
        read.faults[f"{KEY}{contract.primary_key[0]}"] = NOT_WITHIN if row is None else IS_THERE
        return read, None
    prop = None if column in WHOLE_ROW else contract.property_named(column)
    found = shown_text(prop, row[column]) if prop and row is not None else (IS_THERE if row else IS_NOT_THERE)
    fault = _believed_fault(prop, found, believed) if prop else ""
    if fault:
        read.faults["believed"] = fault
        return read, None
    report = Report(
        resource=contract.key,
        key=key_text(texts),
        column=None if column in WHOLE_ROW else column,
        found=found[:1000],
        believed=WHOLE_ROW.get(column, believed),
        evidence=evidence,
        snapshot=desk.published.snapshot(),
    )
    return read, report


def _believed_fault(prop: Property, found: str, believed: str) -> str:
    """Return why a value cannot be what is believed right; ``""`` when it can."""
    if found == believed:
        return "与现值相同"
    try:
        if believed:
            typed(prop, believed)
    except ValueError:
        return Message("取值与类型 {physical_type} 不符", physical_type=prop.physical_type)
    return ""


def _report_page(request: Request, person: Person, contract: Contract, columns: list[str], read: Posted) -> Response:
    if read.faults and wants_json(request):
        raise ApiError(422, "bad_form", "校核的内容有误", read.told)
    if wants_json(request):
        offered = {"resource": contract.key, "key": contract.primary_key, "columns": [*columns, *WHOLE_ROW]}
        return JSONResponse({**offered, "values": read.values}, headers=PAGE_HEADERS)
    shown = page(
        request,
        "desk_report_new.html",
        section="desk",
        contract=contract,
        person=asdict(person),
        columns=columns,
        values=read.values,
        faults=read.faults,
        labels=labels_of(contract),
        field_names={f"{KEY}{name}": label for name, label in labels_of(contract).items()}
        | {name: texts(f"desk.{name}") for name in ("column", "believed", "evidence")},
    )
    shown.status_code = 422 if read.faults else 200
    return shown
