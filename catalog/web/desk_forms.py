"""The forms of the desk: applying for a resource, changing a draft or completing it, reporting a fault in the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.decide import ARTICLE_15, NOT_SHARED, UNCONDITIONAL, decide
from catalog.access.model import Decision, Grant, Principal
from catalog.access.person import BUREAU, Doing, Person
from catalog.access.store import AuditEvent
from catalog.api.desk import APPLICATIONS, Desk, url_of
from catalog.api.desk_form import KEY, LONG, Posted, filterable, methods_of, read_form, read_key, text_of
from catalog.api.errors import ApiError
from catalog.api.published import shown_text
from catalog.api.routes import known
from catalog.api.values import plain, typed
from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.contract.model import Contract, Property
from catalog.sharing.application import ENDED, Application, Kind, State
from catalog.sharing.grants import grants_in_force
from catalog.sharing.machine import IllegalMove, Parties
from catalog.sharing.recheck import ABSENT, IS_NOT_THERE, IS_THERE, PRESENT, key_text
from catalog.sharing.store import Opening, OvertakenError
from catalog.sharing.verification import Report
from catalog.web.desk_matters import Form, act, refused_move, seen_matter, seen_of
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page, texts
from catalog.web.visitors import permitted

WHOLE_ROW = {"absent": ABSENT, "present": PRESENT}
NOT_WITHIN = "可以查看的范围内没有这一行"
ARTICLE_26 = "《政务数据共享条例》第二十六条"


def form_router(desk: Desk) -> APIRouter:
    """Return the routes of the forms."""
    router = APIRouter(include_in_schema=False)

    @router.get("/desk/apply/{dept}/{resource}")
    @router.get("/desk/apply/{dept}/{resource}.json")
    def apply(request: Request, dept: str, resource: str) -> Response:
        person, contract = _applicant(desk, request, dept, resource)
        return _apply_page(desk, request, person, contract, Posted(values=_empty(desk, contract)))

    @router.post("/desk/apply/{dept}/{resource}")
    def applied(request: Request, dept: str, resource: str, form: Form) -> Response:
        person, contract = _applicant(desk, request, dept, resource)
        read = read_form(contract, form, form.getlist("columns"), city_day(desk.now()))
        if read.form is None:
            return _apply_page(desk, request, person, contract, read)
        opening = Opening(Parties(person.dept, contract.dept, BUREAU), contract.key, desk.now(), person.name)
        draft = desk.acting.store.apply_for(opening, contract.gov.share_type)
        data = {"form": read.form.model_dump(mode="json")}
        draft = desk.acting.act(person, draft, Kind.SAVE, data, 0, desk.now())
        if form.get("then") == "submit":
            draft = desk.acting.act(person, draft, Kind.SUBMIT, {}, 1, desk.now())
        return RedirectResponse(url_of(draft), status_code=303)

    @router.get("/desk/applications/{number}/form")
    @router.get("/desk/applications/{number}/form.json")
    def change(request: Request, number: str) -> Response:
        application, person, contract = _changed(desk, request, number)
        values = application.form.model_dump(mode="json") if application.form else _empty(desk, contract)
        return _apply_page(desk, request, person, contract, Posted(values=values), application)

    @router.post("/desk/applications/{number}/form")
    def changed(request: Request, number: str, form: Form) -> Response:
        application, person, contract = _changed(desk, request, number)
        read = read_form(contract, form, form.getlist("columns"), city_day(desk.now()))
        seen = seen_of(form)
        if read.form is None:
            return _apply_page(desk, request, person, contract, read, application, seen=seen)
        verb = Kind.COMPLETE if application.state is State.COMPLETING else Kind.SAVE
        try:
            act(desk, person, application, verb, {"form": read.form.model_dump(mode="json")}, seen)
            if verb is Kind.SAVE and form.get("then") == "submit":
                act(desk, person, desk.acting.store.application(number), Kind.SUBMIT, {}, seen + 1)
        except OvertakenError as error:
            if wants_json(request):
                return refused_move(desk, request, number, APPLICATIONS, error, "", read)
            current = desk.acting.store.application(number)
            return _apply_page(desk, request, person, contract, read, current, message=str(error))
        except IllegalMove as error:
            return refused_move(desk, request, number, APPLICATIONS, error, "", read)
        return RedirectResponse(url_of(application), status_code=303)

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


def _applicant(desk: Desk, request: Request, dept: str, resource: str) -> tuple[Person, Contract]:
    """Return who applies for what; raise :class:`ApiError` 403 with the reason where that cannot be."""
    contract = known(desk.reads, dept, resource)
    person = permitted(request, Doing.APPLY)
    if contract.gov.share_type == NOT_SHARED:
        decision = decide(None, "read_rows", contract, today=city_day(desk.now()))
        raise ApiError(
            403,
            "not_shared",
            Message("{name}{reason}", name=contract.name, reason=decision.reason),
            Message("不能申请；依据：{basis}", basis=decision.basis),
        )
    if person.dept == contract.dept:
        raise ApiError(
            403,
            "own_resource",
            "本部门提供的数据，无需申请",
            Message("用本部门的 API key 读取；依据：{basis}", basis=ARTICLE_15),
        )
    return person, contract


def _changed(desk: Desk, request: Request, number: str) -> tuple[Application, Person, Contract]:
    person = permitted(request, Doing.APPLY)
    application = seen_matter(desk, person, APPLICATIONS, number)
    assert isinstance(application, Application)
    permitted(request, Doing.APPLY, application.parties.applicant)
    if application.state not in (State.DRAFT, State.COMPLETING):
        raise ApiError(
            409,
            "not_editable",
            Message("申请 {number} 处于“{state}”，申请表不能修改", number=number, state=application.state.value),
            "草稿和补正中才能修改",
        )
    contract = desk.reads.contracts.get(application.resource)
    if contract is None:
        raise ApiError(
            409, "resource_gone", Message("{resource} 已不在目录中", resource=application.resource), "请撤回申请"
        )
    return application, person, contract


def _apply_page(
    desk: Desk,
    request: Request,
    person: Person,
    contract: Contract,
    read: Posted,
    application: Application | None = None,
    *,
    seen: int | None = None,
    message: str = "",
) -> Response:
    if read.faults and wants_json(request):
        hint = "；".join(f"{name}：{fault}" for name, fault in read.faults.items())
        raise ApiError(422, "bad_form", "申请表有误", hint)
    mine = desk.acting.store.applications(resource=contract.key, dept=person.dept)
    if wants_json(request):
        return JSONResponse(_apply_json(desk, contract, read), headers=PAGE_HEADERS)
    shown = page(
        request,
        "desk_apply.html",
        section="desk",
        contract=contract,
        entry=desk.reads.entries[contract.key],
        application=application,
        others=[a for a in mine if a.state not in ENDED and (application is None or a.number != application.number)],
        values=read.values,
        faults=read.faults,
        labels=_labels(contract),
        message=message,
        methods=methods_of(contract),
        filters=[prop.name for prop in filterable(contract)],
        is_unconditional=contract.gov.share_type == UNCONDITIONAL,
        seen=seen if seen is not None else len(application.events) if application else 0,
        asked=_asked(application),
    )
    shown.status_code = 409 if message else 422 if read.faults else 200
    return shown


def _apply_json(desk: Desk, contract: Contract, read: Posted) -> Any:
    """Return what the form asks and offers, and what is filled in."""
    items = [asdict(item) for item in desk.reads.entries[contract.key].items]
    kept = ("name", "business_name", "physical_type", "is_key", "grade", "mask", "codes")
    return plain(
        {
            "resource": contract.key,
            "share_type": contract.gov.share_type,
            "methods": methods_of(contract),
            "columns": [{name: item[name] for name in kept} for item in items],
            "row_filters": [prop.name for prop in filterable(contract)],
            "values": read.values,
        }
    )


def _asked(application: Application | None) -> list[str]:
    """Return what the bureau told to be missing."""
    events = application.events if application else ()
    return next((list(event.data["missing"]) for event in events if event.kind == Kind.ASK_COMPLETION), [])


def _labels(contract: Contract) -> dict[str, str]:
    return {prop.name: prop.business_name for prop in contract.properties}


def _empty(desk: Desk, contract: Contract) -> dict[str, Any]:
    today = city_day(desk.now())
    methods = list(methods_of(contract))
    return {
        "basis": "",
        "scenario": "",
        "scope": "",
        "method": methods[0] if len(methods) == 1 else "",
        "starts_on": today.isoformat(),
        "ends_on": today.replace(month=12, day=31).isoformat(),
        "columns": [],
        "row_filter": {},
    }


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
        who = Principal("", self.person.dept, self.person.account, frozenset(), False, None)
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
        hint = "；".join(f"{name}：{fault}" for name, fault in read.faults.items())
        raise ApiError(422, "bad_form", "校核的内容有误", hint)
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
        labels=_labels(contract),
        field_names={f"{KEY}{name}": label for name, label in _labels(contract).items()}
        | {name: texts(f"desk.{name}") for name in ("column", "believed", "evidence")},
    )
    shown.status_code = 422 if read.faults else 200
    return shown
