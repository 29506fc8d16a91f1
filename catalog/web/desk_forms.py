"""The form of article 20: applying for a resource, changing a draft, submitting it, completing what was asked for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.decide import ARTICLE_15, NOT_SHARED, UNCONDITIONAL, decide
from catalog.access.person import BUREAU, Doing, Person
from catalog.api.desk import APPLICATIONS, Desk, url_of
from catalog.api.desk_form import Posted, filterable, form_faults, labels_of, methods_of, read_draft
from catalog.api.errors import ApiError
from catalog.api.routes import known
from catalog.api.values import plain
from catalog.contract.city_time import city_day
from catalog.contract.message import Message
from catalog.contract.model import Contract
from catalog.sharing.application import ENDED, Application, Kind, State
from catalog.sharing.machine import IllegalMove, Parties
from catalog.sharing.store import Opening, OvertakenError
from catalog.web.desk_matters import Form, act, refused_move, seen_matter, seen_of
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import permitted, signed_in


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
        read = _read(desk, contract, form, is_whole=form.get("then") == "submit")
        if read.faults or read.draft is None:
            return _apply_page(desk, request, person, contract, read)
        opening = Opening(Parties(person.dept, contract.dept, BUREAU), contract.key, desk.now(), person.name)
        draft = desk.acting.store.apply_for(opening, contract.gov.share_type)
        data = {"form": read.draft.model_dump(mode="json")}
        draft = desk.acting.act(person, draft, Kind.SAVE, data, 0, desk.now())
        if form.get("then") == "submit":
            draft = desk.acting.act(person, draft, Kind.SUBMIT, {}, 1, desk.now())
        return RedirectResponse(url_of(draft), status_code=303)

    @router.get("/desk/applications/{number}/form")
    @router.get("/desk/applications/{number}/form.json")
    def change(request: Request, number: str) -> Response:
        application, person, contract = _changed(desk, request, number)
        return _apply_page(desk, request, person, contract, _held(desk, contract, application), application)

    @router.post("/desk/applications/{number}/form")
    def changed(request: Request, number: str, form: Form) -> Response:
        application, person, contract = _changed(desk, request, number)
        verb = Kind.COMPLETE if application.state is State.COMPLETING else Kind.SAVE
        is_submitted = verb is Kind.SAVE and form.get("then") == "submit"
        read, seen = _read(desk, contract, form, is_whole=is_submitted or verb is Kind.COMPLETE), seen_of(form)
        if read.faults or read.draft is None:
            return _apply_page(desk, request, person, contract, read, application, seen=seen)
        try:
            act(desk, person, application, verb, {"form": read.draft.model_dump(mode="json")}, seen)
            if is_submitted:
                act(desk, person, desk.acting.store.application(number), Kind.SUBMIT, {}, seen + 1)
        except OvertakenError as error:
            if wants_json(request):
                return refused_move(desk, request, number, APPLICATIONS, error, "", read)
            current = desk.acting.store.application(number)
            return _apply_page(desk, request, person, contract, read, current, message=str(error))
        except IllegalMove as error:
            return refused_move(desk, request, number, APPLICATIONS, error, "", read)
        return RedirectResponse(url_of(application), status_code=303)

    @router.post("/desk/applications/{number}/submit")
    def submit(request: Request, number: str, form: Form) -> Response:
        """Submit a draft as it was saved; where something is missing the form is shown with all of it."""
        person = signed_in(request)
        application = seen_matter(desk, person, APPLICATIONS, number)
        assert isinstance(application, Application)
        contract, seen = desk.reads.contracts.get(application.resource), seen_of(form)
        rules = [rule.kind for rule in desk.acting.offered(person, application, desk.now())]
        if contract is not None and application.draft is not None and Kind.SUBMIT in rules:
            read = _held(desk, contract, application)
            read.faults = form_faults(contract, application.draft, city_day(desk.now()))
            if read.faults and seen == len(application.events):
                return _apply_page(desk, request, person, contract, read, application)
        try:
            act(desk, person, application, Kind.SUBMIT, {}, seen)
        except (IllegalMove, OvertakenError) as error:
            return refused_move(desk, request, number, APPLICATIONS, error, "submit", Posted())
        return RedirectResponse(url_of(application), status_code=303)

    return router


def _read(desk: Desk, contract: Contract, form: FormData, *, is_whole: bool) -> Posted:
    """Read a posted form, with all its faults where it must be whole."""
    read = read_draft(contract, form, form.getlist("columns"))
    if is_whole and read.draft is not None:
        read.faults = form_faults(contract, read.draft, city_day(desk.now())) | read.faults
    return read


def _held(desk: Desk, contract: Contract, application: Application) -> Posted:
    """Return what is kept of a form: the draft, what was submitted while it is completed, else a beginning."""
    held = application.form if application.state is State.COMPLETING else application.draft
    if held is None:
        return Posted(values=_empty(desk, contract))
    values = held.model_dump(mode="json")
    return Posted(values={name: "" if value is None else value for name, value in values.items()})


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
        raise ApiError(422, "bad_form", "申请表有误", read.told)
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
        labels=labels_of(contract),
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
