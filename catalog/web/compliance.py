"""The pages of 履职: departments by duties on a day, one department with its evidence, the monthly report."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from catalog.access.person import Doing, Person, permit
from catalog.api.clock import today
from catalog.api.errors import ApiError
from catalog.compliance.board import basis_json, card_json, city_scorecard, outcome_json, outcomes, scorecard
from catalog.compliance.days import FIRST_DAY, month_of, months_until
from catalog.compliance.duties import DUTIES
from catalog.compliance.evidence import Evidence
from catalog.compliance.gather import Gatherer
from catalog.compliance.model import Duty, Status
from catalog.compliance.report import TREND_MONTHS, NoSuchMonth, Report, build_report
from catalog.compliance.workbook import report_workbook
from catalog.contract.message import Message
from catalog.contract.vocabulary import Vocabulary
from catalog.web.downloads import EXCEL, download
from catalog.web.protection import wants_json
from catalog.web.templating import PAGE_HEADERS, STATIC, document, page
from catalog.web.visitors import permitted

SECTION = "compliance"
REPORT_STYLES = "compliance-report.css"
SHOWN_STATUSES = (Status.BREACHED, Status.LATE, Status.UNKNOWN, Status.MET, Status.NOT_APPLICABLE)


def compliance_router(gatherer: Gatherer, vocabulary: Vocabulary) -> APIRouter:
    """Return the routes of the pages of 履职; who may see which department is decided at each request."""
    router = APIRouter(include_in_schema=False)
    names = {dept: department.name for dept, department in vocabulary.departments.items()}
    city = vocabulary.city.name

    @router.get("/compliance")
    @router.get("/compliance.json")
    def matrix(request: Request) -> Response:
        depts = visible(permitted(request, Doing.SEE_COMPLIANCE), names)
        evidence = gatherer.evidence(_day(request), today())
        if wants_json(request):
            return JSONResponse(_matrix_json(evidence, depts), headers=PAGE_HEADERS)
        chosen = _chosen(request.query_params.get("dept", ""), depts)
        status = _status(request.query_params.get("status", ""))
        shown = {
            "groups": _groups(evidence, chosen, status),
            "cards": {dept: scorecard(evidence, dept) for dept in chosen},
            "whole": city_scorecard(evidence, chosen),
            "depts": depts,
            "chosen": chosen,
            "status": status,
        }
        return page(request, "compliance.html", **shown, **_frame(evidence, names))

    @router.get("/compliance/report/{month}")
    @router.get("/compliance/report/{month}.json")
    @router.get("/compliance/report/{month}.xlsx")
    def report(request: Request, month: str) -> Response:
        depts = visible(permitted(request, Doing.SEE_COMPLIANCE), names)
        dept = request.query_params.get("dept", "")
        chosen = _chosen(dept, depts)
        found = _report(gatherer, month, chosen)
        is_one = len(chosen) == 1
        title = names[chosen[0]] if is_one else city
        if request.url.path.endswith(".xlsx"):
            name = f"compliance-{chosen[0] if is_one else 'city'}-{month}.xlsx"
            return download(report_workbook(found, names, title), name, EXCEL)
        if wants_json(request):
            return JSONResponse(found.to_json(), headers=PAGE_HEADERS)
        shown = {
            "report": found,
            "title": title,
            "is_one": is_one,
            "is_file": False,
            "months": months_until(month_of(today()), TREND_MONTHS),
            "suffix": f"?{urlencode({'dept': dept})}" if dept else "",
        }
        return page(request, "compliance_report.html", **shown, **_frame(found.evidence, names))

    @router.get("/compliance/{dept}")
    @router.get("/compliance/{dept}.json")
    def department(request: Request, dept: str) -> Response:
        permitted(request, Doing.SEE_COMPLIANCE, dept)
        if dept not in names:
            raise ApiError(404, "no_such_department", "没有这个部门", "在 /compliance 选择部门")
        evidence = gatherer.evidence(_day(request), today())
        card = scorecard(evidence, dept)
        if wants_json(request):
            duties = [outcome_json(duty, duty.look(evidence, dept)) for duty in DUTIES]
            facts = {**basis_json(evidence), **card_json(card), "duties": duties}
            return JSONResponse(facts, headers=PAGE_HEADERS)
        shown = {
            "dept": dept,
            "card": card,
            "duties": [(duty, duty.look(evidence, dept)) for duty in DUTIES],
            "subject_url": subject_url,
        }
        return page(request, "compliance_department.html", **shown, **_frame(evidence, names))

    return router


def report_document(report: Report, names: dict[str, str], title: str) -> str:
    """Return a report as a page of its own, to be kept as a file beside its style sheet ``REPORT_STYLES``."""
    shown = {
        "report": report,
        "title": title,
        "is_one": len(report.depts) == 1,
        "is_file": True,
        "stylesheet": REPORT_STYLES,
    }
    return document("compliance_file.html", **shown, **_frame(report.evidence, names))


def report_styles() -> str:
    """Return the style sheet of :func:`report_document`."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in ("app.css", "compliance.css"))


def visible(person: Person, names: dict[str, str]) -> list[str]:
    """Return the departments whose duties somebody may see, in the vocabulary's order."""
    return [dept for dept in names if permit(person, Doing.SEE_COMPLIANCE, dept).allowed]


def subject_url(kind: str, subject: str) -> str:
    """Return the page of what a piece of evidence is about."""
    match kind:
        case "entry":
            return "/catalogue/" + subject.replace(".", "/")
        case "duty":
            return f"#{subject}"
        case "application":
            return f"/desk/applications/{subject}"
        case "change":
            return f"/cataloguing/{subject}"
        case "verification":
            return f"/desk/reports/{subject}"
        case _:
            return ""


def _frame(evidence: Evidence, names: dict[str, str]) -> dict[str, Any]:
    """Return what every page of 履职 shows."""
    return {
        "section": SECTION,
        "evidence": evidence,
        "names": names,
        "today": today(),
        "first_day": FIRST_DAY,
        "month": month_of(evidence.day),
        "statuses": SHOWN_STATUSES,
    }


def _day(request: Request) -> date:
    """Return the day that is asked for, today without one."""
    asked = request.query_params.get("on", "")
    if not asked:
        return today()
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        raise ApiError(400, "bad_day", Message("“{asked}”不是日期", asked=asked[:20]), "写成 2026-10-31 这样") from None
    if not FIRST_DAY <= day <= today():
        hint = Message("可以查看 {first}（条例施行之日）至今天", first=FIRST_DAY)
        raise ApiError(400, "day_out_of_range", Message("{day} 没有履职情况可查", day=day), hint)
    return day


def _status(asked: str) -> Status | None:
    return Status(asked) if asked in set(Status) else None


def _chosen(dept: str, depts: list[str]) -> list[str]:
    """Return the one department asked for, or all that may be seen."""
    if not dept:
        return depts
    if dept not in depts:
        raise ApiError(403, "not_your_department", "只能查看本部门的履职情况", "默认拒绝；依据：岗位职责")
    return [dept]


def _groups(evidence: Evidence, depts: list[str], status: Status | None) -> list[list[Any]]:
    """Return, for each article, [(duty, [outcome of each department])]; with a status, the duties that have it anywhere."""
    groups: dict[str, list[Any]] = {}
    for duty in DUTIES:
        row = [duty.look(evidence, dept) for dept in depts]
        if status is None or any(outcome.status is status for outcome in row):
            groups.setdefault(duty.basis, []).append((duty, row))
    return list(groups.values())


def _matrix_json(evidence: Evidence, depts: list[str]) -> dict[str, Any]:
    def of(dept: str) -> dict[str, Any]:
        found = {code: {"status": o.status.value, "count": o.count} for code, o in outcomes(evidence, dept).items()}
        return {**card_json(scorecard(evidence, dept)), "duties": found}

    duties = [_duty_json(duty) for duty in DUTIES]
    return {**basis_json(evidence), "duties": duties, "departments": [of(dept) for dept in depts]}


def _duty_json(duty: Duty) -> dict[str, str]:
    return {"code": duty.code, "article": duty.basis, "title": duty.title, "title_en": duty.english}


def _report(gatherer: Gatherer, month: str, depts: list[str]) -> Report:
    try:
        return build_report(gatherer, month, depts, today())
    except NoSuchMonth as error:
        raise ApiError(404, "no_such_month", str(error), "月份写成 2026-10 这样") from None
