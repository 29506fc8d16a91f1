"""The pages of one application or 校核: how it stands, what happened, what may be done now, and doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import ValidationError
from starlette.datastructures import FormData

from catalog.access.model import Decision
from catalog.access.person import Person
from catalog.api.desk import APPLICATIONS, RECORDS, REPORTS, Desk, Row, machine_kind, url_of
from catalog.api.desk_form import Posted, read_statements
from catalog.api.errors import ApiError
from catalog.api.values import plain
from catalog.contract.message import Message
from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.application import Application
from catalog.sharing.machine import IllegalMove
from catalog.sharing.posts import Matter, may_see
from catalog.sharing.recheck import ACCEPTED, recheck
from catalog.sharing.store import OvertakenError, UnknownMatter
from catalog.sharing.verification import Verification
from catalog.web.address import own_address
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, page
from catalog.web.visitors import posted, signed_in

Form = Annotated[FormData, Depends(posted)]
NO_MATTER_HINT = "从“我的待办”进入，或检查编号"
OVERTAKEN_HINT = "重新读取后再办"


def matter_router(desk: Desk) -> APIRouter:
    """Return the routes of single matters."""
    router = APIRouter(include_in_schema=False)

    @router.get("/desk/applications/{number}")
    @router.get("/desk/applications/{number}.json")
    def application(request: Request, number: str) -> Response:
        return _shown(desk, request, seen_matter(desk, signed_in(request), APPLICATIONS, number))

    @router.get("/desk/reports/{number}")
    @router.get("/desk/reports/{number}.json")
    def report(request: Request, number: str) -> Response:
        return _shown(desk, request, seen_matter(desk, signed_in(request), REPORTS, number))

    @router.post("/desk/reports/{number}/system_recheck")
    def system_recheck(request: Request, number: str, form: Form) -> Response:
        """Let the system compare now; whoever sees the 校核 may ask for it, the answer is the data's."""
        matter = seen_matter(desk, signed_in(request), REPORTS, number)
        assert isinstance(matter, Verification)
        try:
            event = recheck(matter, desk.published, desk.now())
            desk.acting.store.move_verification(number, event, seen=seen_of(form))
        except (IllegalMove, OvertakenError) as error:
            return refused_move(desk, request, number, REPORTS, error, "system_recheck", Posted())
        return RedirectResponse(url_of(matter), status_code=303)

    @router.post("/desk/{kind}/{number}/{slug}")
    def move(request: Request, kind: str, number: str, slug: str, form: Form) -> Response:
        person = signed_in(request)
        matter = seen_matter(desk, person, kind, number)
        verb = verb_of(matter, slug)
        if "form" in rules_of(matter)[verb].needs:
            return RedirectResponse(f"{url_of(matter)}/form", status_code=303)
        stated = read_statements(rules_of(matter)[verb].needs, RECORDS.get(machine_kind(verb), {}), form)
        if stated.faults:
            return _again(desk, request, matter, slug, stated, "", 422)
        try:
            act(desk, person, matter, verb, stated.values, seen_of(form))
        except (IllegalMove, OvertakenError) as error:
            return refused_move(desk, request, number, kind, error, slug, stated)
        return RedirectResponse(url_of(matter), status_code=303)

    return router


def act(desk: Desk, person: Person, matter: Matter, verb: str, data: Mapping[str, Any], seen: int) -> None:
    """Do it; see :meth:`catalog.sharing.acting.Acting.act`."""
    if isinstance(matter, Application):
        desk.acting.act(person, matter, verb, data, seen, desk.now())
    else:
        desk.acting.act(person, matter, verb, data, seen, desk.now())


def seen_matter(desk: Desk, person: Person, kind: str, number: str) -> Matter:
    """Return a matter that somebody may see.

    Raises:
        ApiError: 404 when there is none of that number, 403 with the reason when it is others'.
    """
    store = desk.acting.store
    if kind not in (APPLICATIONS, REPORTS):
        raise ApiError(404, "no_such_matter", "没有这种事项", NO_MATTER_HINT)
    try:
        matter: Matter = store.application(number) if kind == APPLICATIONS else store.verification(number)
    except UnknownMatter as error:
        raise ApiError(404, "no_such_matter", str(error), NO_MATTER_HINT) from error
    decision: Decision = may_see(person, matter)
    if not decision.allowed:
        raise ApiError(403, "not_a_party", decision.reason, Message("默认拒绝；依据：{basis}", basis=decision.basis))
    return matter


def seen_of(form: FormData) -> int:
    """Return how many events the sender of a form had seen; raise :class:`ApiError` 400 when the form does not say."""
    text = str(form.get("seen", ""))
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ApiError(400, "bad_seen", "表单缺少已看到的事项数", "刷新页面后再提交")
    return int(text)


def rules_of(matter: Matter) -> Mapping[str, Any]:
    """Return the rules of a matter's machine by verb."""
    return ver.MACHINE.rules if isinstance(matter, Verification) else app.MACHINE.rules


def verb_of(matter: Matter, slug: str) -> str:
    """Return the verb that an address names; raise :class:`ApiError` 404 for one that there is not."""
    found = [verb for verb, rule in rules_of(matter).items() if rule.kind.name.lower() == slug]
    if not found:
        raise ApiError(404, "no_such_move", "没有这种办理事项", NO_MATTER_HINT)
    return found[0]


def refused_move(
    desk: Desk,
    request: Request,
    number: str,
    kind: str,
    error: IllegalMove | OvertakenError | ValidationError,
    slug: str,
    stated: Posted,
) -> Response:
    """Show the matter as it stands now, why nothing was done, and what the person had typed."""
    is_overtaken = isinstance(error, OvertakenError)
    if wants_json(request):
        if is_overtaken:
            raise ApiError(409, "overtaken", str(error), OVERTAKEN_HINT)
        raise ApiError(409, "illegal_move", str(error))
    matter = seen_matter(desk, signed_in(request), kind, number)
    return _again(desk, request, matter, slug, stated, str(error), 409, is_overtaken=is_overtaken)


def _shown(desk: Desk, request: Request, matter: Matter) -> Response:
    facts = facts_of(desk, matter, signed_in(request))
    if wants_json(request):
        return JSONResponse(plain(facts), headers=PAGE_HEADERS)
    return page(request, _template(matter), base=own_address(request), **_context(desk, matter, facts))


def _again(
    desk: Desk,
    request: Request,
    matter: Matter,
    slug: str,
    stated: Posted,
    message: str,
    status: int,
    *,
    is_overtaken: bool = False,
) -> Response:
    """Show the page again with the faults and what was typed."""
    if wants_json(request):
        raise ApiError(422, "bad_statement", "填写的内容有误", stated.told)
    facts = facts_of(desk, matter, signed_in(request))
    context = _context(desk, matter, facts) | {
        "opened": slug,
        "typed": typed_texts(stated.values),
        "faults": stated.faults,
        "message": message,
        "is_overtaken": is_overtaken,
    }
    shown = page(request, _template(matter), base=own_address(request), **context)
    shown.status_code = status
    return shown


def facts_of(desk: Desk, matter: Matter, person: Person) -> Row:
    """Return everything about a matter."""
    if isinstance(matter, Verification):
        return desk.report(matter, person)
    return desk.application(matter, person)


def typed_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return statements as the fields of the form that they were typed into."""
    found: dict[str, str] = {}
    for name, held in values.items():
        if isinstance(held, dict):
            found |= {f"{name}.{part}": str(text) for part, text in held.items()}
        else:
            found[name] = "\n".join(held) if isinstance(held, list) else str(held)
    return found


def _template(matter: Matter) -> str:
    return "desk_report.html" if isinstance(matter, Verification) else "desk_application.html"


def _context(desk: Desk, matter: Matter, facts: Row) -> dict[str, Any]:
    key = matter.report.resource if isinstance(matter, Verification) else matter.resource
    context: dict[str, Any] = {
        "section": "desk",
        "facts": facts,
        "opened": "",
        "typed": {},
        "faults": {},
        "message": "",
        "is_overtaken": False,
        "batches": [],
    }
    if any("reload" in move["needs"] for move in facts["moves"]):
        context["batches"] = [row for row in desk.published.batches(key) if row["status"] == ACCEPTED]
    return context
