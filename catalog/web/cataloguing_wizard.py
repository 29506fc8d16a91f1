"""The wizard: basics, items, sharing, assessments, check. A step is saved as one event; the last one can be undone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from catalog.access.person import Doing, Person
from catalog.api.errors import ApiError
from catalog.cataloguing.desk import Act
from catalog.cataloguing.editing import (
    MOST_ITEMS,
    WrongText,
    differences,
    edited,
    edited_items,
    fields_of,
    rows_of,
    texts_of,
)
from catalog.cataloguing.form import ITEM_FIELDS, choices_of, fold_contract
from catalog.cataloguing.proposal import EDITABLE, Kind, Proposal, Purpose
from catalog.contract.message import Message
from catalog.sharing.journal import OvertakenError
from catalog.web.cataloguing import LONGEST_TEXT, Cataloguing, Form, address_of, seen_of
from catalog.web.templating import page
from catalog.web.visitors import permitted

STEPS = ("basics", "items", "sharing", "assessments", "check")
BLANK_ROWS = 3
_CELL = re.compile(r"items-(\d{1,4})-([a-z_]{1,30})")
_FLAGS = tuple(field.name for field in ITEM_FIELDS if field.kind == "flag")


def wizard_router(held: Cataloguing) -> APIRouter:
    """Return the routes of the wizard."""
    router = APIRouter(include_in_schema=False)
    desk, vocabulary = held.desk, held.desk.shelf.now().vocabulary
    choices = choices_of(vocabulary)

    @router.get("/cataloguing/{number}/edit/{step}")
    def show(request: Request, number: str, step: str) -> Response:
        person, proposal = _editable(request, number, step)
        return _page(request, proposal, step, person)

    @router.post("/cataloguing/{number}/edit/{step}")
    def save(request: Request, number: str, step: str, form: Form) -> Response:
        person, proposal = _editable(request, number, step)
        published = desk.shelf.now()
        if step == "items":
            rows = _rows(form)
            if len(rows) > MOST_ITEMS:
                wrong = [
                    WrongText(
                        "items", "数据项", Message("一次最多在页面编辑 {most} 项，更多请用 Excel 导入", most=MOST_ITEMS)
                    )
                ]
                return _again(request, proposal, step, person, {"rows": rows}, wrong)
            document, wrong = edited_items(proposal.document, rows, choices, published)
            typed: dict[str, Any] = {"rows": rows}
        else:
            texts = _texts(form, step)
            document, wrong = edited(proposal.document, step, texts, choices, published, taken_codes=desk.taken_codes)
            typed = {"texts": texts}
        if wrong:
            return _again(request, proposal, step, person, typed, wrong)
        seen = seen_of(form)
        if len(proposal.events) == seen and document == proposal.document:
            return _onward(proposal.number, step, form)
        try:
            desk.act(Act(proposal.number, Kind.SAVE, person, held.now(), seen, {"document": document}))
        except OvertakenError as error:
            newer = held.proposal(number)
            told = [
                str(error),
                *(
                    Message("{label}：对方“{theirs}”，您“{mine}”", label=label, theirs=theirs, mine=mine)
                    for label, theirs, mine in differences(newer.document, document)
                ),
            ]
            answer = _page(request, newer, step, person, typed=typed, told=told)
            answer.status_code = 409
            return answer
        return _onward(proposal.number, step, form)

    @router.post("/cataloguing/{number}/undo")
    def undo(request: Request, number: str, form: Form) -> Response:
        person, proposal = _editable(request, number, "basics")
        if not proposal.can_undo:
            raise ApiError(
                409,
                "nothing_to_undo",
                Message("目录提案 {number} 没有可以撤销的修改", number=proposal.number),
                "返回编制页面",
            )
        try:
            desk.act(Act(proposal.number, Kind.UNDO, person, held.now(), seen_of(form), {}))
        except OvertakenError as error:
            raise ApiError(409, "overtaken", str(error), "返回编制页面后再办") from None
        step = str(form.get("step", ""))
        return RedirectResponse(address_of(proposal.number, step if step in STEPS else "basics"), status_code=303)

    def _editable(request: Request, number: str, step: str) -> tuple[Person, Proposal]:
        person, proposal = held.seen(request, number)
        permitted(request, Doing.CATALOGUE, proposal.dept)
        if step not in STEPS or proposal.origin.purpose is Purpose.WITHDRAWAL:
            raise ApiError(
                404, "no_such_step", "没有这一步", Message("从 /cataloguing/{number} 进入", number=proposal.number)
            )
        if proposal.state not in EDITABLE:
            said = Message(
                "目录提案 {number} 处于“{state}”，现在不能编辑", number=proposal.number, state=proposal.state
            )
            raise ApiError(409, "not_editable", said, Message("返回 /cataloguing/{number}", number=proposal.number))
        return person, proposal

    def _again(
        request: Request,
        proposal: Proposal,
        step: str,
        person: Person,
        typed: Mapping[str, Any],
        wrong: list[WrongText],
    ) -> Response:
        answer = _page(request, proposal, step, person, typed=typed, wrong=wrong)
        answer.status_code = 422
        return answer

    def _page(
        request: Request,
        proposal: Proposal,
        step: str,
        person: Person,
        *,
        typed: Mapping[str, Any] | None = None,
        wrong: list[WrongText] | None = None,
        told: list[str] | None = None,
    ) -> Response:
        typed = typed or {}
        facts = held.views.detail(proposal, held.asked(person))
        open_steps = {fault["step"] for fault in facts["faults"] if fault["blocks"]}
        folded, _ = fold_contract(proposal.document)
        fields = fields_of(step)
        rows = typed.get("rows") or rows_of(proposal.document, choices)
        shown = {
            "facts": facts,
            "step": step,
            "steps": STEPS,
            "open_steps": open_steps,
            "fields": fields,
            "item_fields": ITEM_FIELDS,
            "texts": typed.get("texts") or texts_of(folded, fields, choices),
            "rows": [*rows, *({} for _ in range(BLANK_ROWS))],
            "choices": choices,
            "wrong": {one.name: one for one in wrong or []},
            "told": told or [],
            "here": [fault for fault in facts["faults"] if fault["step"] == step],
        }
        return page(request, "cataloguing_edit.html", section="cataloguing", **shown)

    return router


def _onward(number: str, step: str, form: FormData) -> Response:
    """Go on to the step that was asked for, or to the next one."""
    wanted = str(form.get("go", ""))
    following = STEPS[min(STEPS.index(step) + 1, len(STEPS) - 1)]
    return RedirectResponse(address_of(number, wanted if wanted in STEPS else following), status_code=303)


def _texts(form: FormData, step: str) -> dict[str, str]:
    """Return the texts of a step's fields; boxes that may be ticked several times are one list."""
    texts = {}
    for field in fields_of(step):
        values = [value for value in form.getlist(field.name) if isinstance(value, str)]
        if values:
            texts[field.name] = "、".join(value for value in values if value)[:LONGEST_TEXT]
    return texts


def _rows(form: FormData) -> list[dict[str, str]]:
    """Return the rows of the grid in their order; a box that is not ticked is not sent."""
    rows: dict[int, dict[str, str]] = {}
    for name, value in form.multi_items():
        match = _CELL.fullmatch(name)
        if match and isinstance(value, str):
            rows.setdefault(int(match[1]), {})[match[2]] = value[:LONGEST_TEXT]
    filled = [
        {**dict.fromkeys(_FLAGS, "否"), **row}
        for _, row in sorted(rows.items())
        if any(text.strip() for name, text in row.items() if name not in (*_FLAGS, "origin"))
    ]
    return filled
