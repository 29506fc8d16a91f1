"""The desk of cataloguing: what waits, starting a proposal, its page and its steps. Each page is JSON too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import FormData

from catalog.access.person import Doing, Person
from catalog.api.cataloguing import Asked, CataloguingViews
from catalog.api.errors import ApiError
from catalog.api.readers import Readers
from catalog.api.reads import CatalogueReads
from catalog.api.values import plain
from catalog.cataloguing.desk import DOING, Act, CataloguingDesk, NotReady, NotWritten, Outdated
from catalog.cataloguing.drafting import blank, from_table
from catalog.cataloguing.form import ITEM_FIELDS
from catalog.cataloguing.live import look
from catalog.cataloguing.proposal import MACHINE, Kind, Proposal
from catalog.contract.message import Message
from catalog.sharing.clock import ClockError
from catalog.sharing.journal import OvertakenError, UnknownMatter
from catalog.sharing.machine import IllegalMove
from catalog.web.downloads import download
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import permitted, posted, signed_in

LONGEST_TEXT = 2000
SHOWN_ITEM_FIELDS = [field for field in ITEM_FIELDS if field.name not in ("key_position", "reference", "physical_name")]
STATEMENTS = ("reason", "days", "changed_on", "basis")
Form = Annotated[FormData, Depends(posted)]


@dataclass(frozen=True)
class Cataloguing:
    """What the routes of cataloguing stand on. ``now`` gives the moment, with its zone."""

    desk: CataloguingDesk
    views: CataloguingViews
    reads: CatalogueReads
    readers: Readers
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def asked(self, person: Person) -> Asked:
        """Return who looks, and when."""
        return Asked(person, self.now())

    def seen(self, request: Request, number: str) -> tuple[Person, Proposal]:
        """Return who looks and the proposal, if they may see it; raise :class:`ApiError` with the reason otherwise."""
        person = signed_in(request)
        proposal = self.proposal(number)
        if not self.views.may_see(person, proposal):
            reason = "这是别的部门的目录提案，您无权查看"
            raise ApiError(403, "not_your_department", reason, "默认拒绝；依据：岗位职责")
        return person, proposal

    def proposal(self, number: str) -> Proposal:
        """Return a proposal; raise :class:`ApiError` 404 when there is none."""
        try:
            return self.desk.store.proposal(number[:30])
        except UnknownMatter as error:
            raise ApiError(404, "no_such_proposal", str(error), "从 /cataloguing 进入") from None


def cataloguing_router(held: Cataloguing) -> APIRouter:
    """Return the routes of the desk."""
    router = APIRouter(include_in_schema=False)
    desk, views = held.desk, held.views

    @router.get("/cataloguing")
    @router.get("/cataloguing.json")
    def overview(request: Request) -> Response:
        facts = views.overview(held.asked(signed_in(request)))
        return either(request, "cataloguing.html", facts)

    @router.get("/cataloguing/new")
    def start(request: Request) -> Response:
        person = permitted(request, Doing.CATALOGUE, signed_in(request).dept)
        return _start_page(request, person)

    @router.post("/cataloguing/new")
    def begin(request: Request, form: Form) -> Response:
        person = permitted(request, Doing.CATALOGUE, signed_in(request).dept)
        kind, name = text_of(form, "start"), text_of(form, "resource")
        try:
            if kind in ("change", "withdrawal"):
                made = _change(person, text_of(form, "key"), is_withdrawal=kind == "withdrawal")
            else:
                made = desk.open(
                    person, held.now(), _draft(person, kind, name, form), start=text_of(form, "table") or "空白"
                )
        except (ValueError, OvertakenError) as error:
            return _start_page(request, person, fault=str(error), form=form)
        step = "" if kind == "withdrawal" else "/edit/basics"
        return RedirectResponse(f"/cataloguing/{made.number}{step}", status_code=303)

    @router.get("/cataloguing/{number}")
    @router.get("/cataloguing/{number}.json")  # registered first: decorators apply from below
    @router.get("/cataloguing/{number}.patch")
    def proposal_page(request: Request, number: str) -> Response:
        person, proposal = held.seen(request, number)
        if request.url.path.endswith(".patch"):
            patch = desk.patch(proposal, held.now())
            return download(patch, f"{proposal.number}.patch", "text/x-diff; charset=utf-8")
        facts = views.detail(proposal, held.asked(person))
        return either(request, "cataloguing_proposal.html", facts, fault="", typed={}, item_fields=SHOWN_ITEM_FIELDS)

    @router.post("/cataloguing/{number}/act")
    def act(request: Request, number: str, form: Form) -> Response:
        person, proposal = held.seen(request, number)
        kind = kind_of(form)
        role = next(iter(MACHINE.rules[kind].roles))
        permitted(request, DOING[role], proposal.dept)
        said: dict[str, Any] = {name: text for name in STATEMENTS if (text := text_of(form, name))}
        if "days" in said:
            said["days"] = int(said["days"]) if said["days"].isdigit() and len(said["days"]) < 4 else 0
        try:
            desk.act(Act(proposal.number, kind, person, held.now(), seen_of(form), said))
        except (IllegalMove, ClockError, OvertakenError, NotReady, Outdated, NotWritten) as error:
            facts = views.detail(held.proposal(number), held.asked(person))
            answer = either(
                request, "cataloguing_proposal.html", facts, fault=str(error), typed=said, item_fields=SHOWN_ITEM_FIELDS
            )
            answer.status_code = 409
            return answer
        after = "/cataloguing" if kind is Kind.DISCARD else f"/cataloguing/{proposal.number}"
        return RedirectResponse(after, status_code=303)

    def _change(person: Person, key: str, *, is_withdrawal: bool) -> Proposal:
        contract = desk.shelf.now().contracts.get(key)
        if contract is None or contract.dept != person.dept:
            raise ValueError("请选择本部门已发布的目录")
        return desk.open_change(person, held.now(), key, is_withdrawal=is_withdrawal)

    def _draft(person: Person, kind: str, name: str, form: FormData) -> dict[str, Any]:
        published = desk.shelf.now()
        if f"{person.dept}.{name}" in published.contracts:
            raise ValueError(Message("本部门已有资源 {name}，请用“变更目录”", name=name))
        if kind != "table":
            return blank(person.dept, name, published)
        table = text_of(form, "table")
        if table not in held.reads.now().tables():
            raise ValueError("请选择一张已发布的表")
        with held.readers.lease(held.readers.snapshot()) as reader:
            types, sample = look(table, reader.arrow)
        return from_table(person.dept, name, table, types, sample, published)

    def _start_page(request: Request, person: Person, *, fault: str = "", form: FormData | None = None) -> Response:
        published = desk.shelf.now()
        own = {key: contract.name for key, contract in published.contracts.items() if contract.dept == person.dept}
        shown = {
            "own": own,
            "tables": sorted(held.reads.now().tables()),
            "fault": fault,
            "typed": {name: text_of(form or FormData(), name) for name in ("start", "resource", "key", "table")},
        }
        answer = page(request, "cataloguing_new.html", section="cataloguing", **shown)
        answer.status_code = 422 if fault else 200
        return answer

    return router


def either(request: Request, template: str, facts: dict[str, Any], **context: Any) -> Response:
    """Answer with the facts as a page, or as JSON to a program."""
    if wants_json(request):
        return JSONResponse(plain(facts), headers=PAGE_HEADERS)
    return page(request, template, section="cataloguing", facts=facts, **context)


def text_of(form: FormData, name: str) -> str:
    """Return a field of a form as text, cut where no honest text is as long."""
    value = form.get(name, "")
    return value.strip()[:LONGEST_TEXT] if isinstance(value, str) else ""


def seen_of(form: FormData) -> int:
    """Return how many events the sender of a form had seen; -1 when the form does not say."""
    text = text_of(form, "seen")
    return int(text) if text.isdigit() and len(text) < 7 else -1


def kind_of(form: FormData) -> Kind:
    """Return the step that a form asks for; raise :class:`ApiError` when there is no such step."""
    try:
        kind = Kind(text_of(form, "kind"))
    except ValueError:
        raise ApiError(400, "no_such_step", "没有这个办理事项", "使用页面上的按钮") from None
    if kind in (Kind.SAVE, Kind.UNDO):
        raise ApiError(400, "no_such_step", "保存和撤销在编制页面办理", "使用页面上的按钮")
    return kind


def address_of(number: str, step: str) -> str:
    """Return the address of a step of the wizard."""
    return f"/cataloguing/{quote(number)}/edit/{step}"
