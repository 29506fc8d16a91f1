"""Evidence for the checks, put together by hand: who did what on which day, with the days written as the notices have them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from catalog.compliance.duties import BY_CODE
from catalog.compliance.evidence import Change, Conflict, Entry, Evidence, Failing, Published, Supply, Use
from catalog.compliance.ledger import case_of
from catalog.compliance.model import Outcome
from catalog.contract.city_time import CITY_TIME
from catalog.sharing.application import MACHINE, Application, Kind, replay
from catalog.sharing.calendar import load_calendar
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.practice import Practice
from catalog.sharing.verification import Kind as Step
from catalog.sharing.verification import Report, Verification
from catalog.sharing.verification import replay as replay_verification

CALENDAR = load_calendar()
PRACTICE = Practice(pauses_for_completion=True)
PARTIES = Parties(applicant="wjw", provider="gaj", bureau="dsjj")
DEPT_OF = {
    Role.APPLICANT: "wjw",
    Role.OWN_OFFICE: "wjw",
    Role.BUREAU: "dsjj",
    Role.PROVIDER: "gaj",
    Role.SUPERIOR: "szf",
    Role.GOVERNMENT: "szf",
    Role.SYSTEM: "",
}
FORM: dict[str, Any] = {
    "resource": "gaj.resident",
    "basis": "《基本医疗卫生与健康促进法》第二十条",
    "scenario": "家庭医生签约对象核对",
    "scope": "市卫生健康委基层处",
    "method": "service",
    "starts_on": "2025-08-01",
    "ends_on": "2026-12-31",
    "columns": ["resident_id", "person_name"],
}
DATA: dict[str, Any] = {
    "form": FORM,
    "reason": "理由",
    "missing": ["使用依据"],
    "days": 10,
    "record": "记录",
    "finding": "核实结论",
    "reload": "批次",
    "quality_run": "通过",
    "decision": "以数源为准",
}
ROLE = {
    Kind.APPROVE_OWN: Role.OWN_OFFICE,
    Kind.ACCEPT: Role.BUREAU,
    Kind.ASK_COMPLETION: Role.BUREAU,
    Kind.EXTEND: Role.BUREAU,
    Kind.AGREE: Role.PROVIDER,
    Kind.REFUSE: Role.PROVIDER,
    Kind.PROVIDE: Role.PROVIDER,
    Kind.SUSPEND: Role.PROVIDER,
    Kind.RECTIFY: Role.BUREAU,
    Kind.TERMINATE: Role.BUREAU,
    Kind.EXPIRE: Role.SYSTEM,
    Step.RECHECK: Role.SYSTEM,
    Step.REOPEN: Role.SYSTEM,
    Step.ACCEPT: Role.APPLICANT,
    Step.DISPUTE: Role.APPLICANT,
    Step.SETTLE: Role.APPLICANT,
    Step.ESCALATE: Role.APPLICANT,
}


def noon(day: str) -> datetime:
    """Return noon in the city on a day."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), CITY_TIME) + timedelta(hours=12)


def happened(kind: str, day: str, role: Role | None = None, **said: Any) -> Event:
    """Return an event at noon of a day, by whoever usually causes it."""
    default = Role.APPLICANT if kind in MACHINE.rules else Role.PROVIDER
    who = role or ROLE.get(kind, default)  # type: ignore[call-overload]
    return Event(str(kind), noon(day), "某人", who, DEPT_OF[who], {**DATA, **said})


def asked(*steps: tuple[str, str] | Event, share_type: int = 2, number: str = "SQ2025-000001") -> Application:
    """Return an application that was drafted and submitted on the day of its first step; steps are (kind, day)."""
    events = [step if isinstance(step, Event) else happened(*step) for step in steps]
    first = events[0].at
    opening = [Event(str(kind), first, "某人", Role.APPLICANT, "wjw", dict(DATA)) for kind in (Kind.SAVE, Kind.SUBMIT)]
    start = Application(number, PARTIES, FORM["resource"], share_type)
    return replay(start, [*opening, *events])


def in_answer(approved: str, *steps: tuple[str, str] | Event, share_type: int = 2) -> Application:
    """Return an application that its own office approved and the bureau accepted on one day."""
    return asked((Kind.APPROVE_OWN, approved), (Kind.ACCEPT, approved), *steps, share_type=share_type)


def in_use(provided: str, *steps: tuple[str, str] | Event) -> Application:
    """Return an application whose data were provided on the day it was approved."""
    return in_answer(provided, (Kind.AGREE, provided), (Kind.PROVIDE, provided), *steps)


def doubted(reported: str, *steps: tuple[str, str] | Event) -> Verification:
    """Return a 校核 reported on a day."""
    report = Report(
        resource="gaj.resident", key="K1", found="旧", believed="新", evidence="居民来电", snapshot="abc123"
    )
    start = Verification("JH2025-000001", PARTIES, report, date.fromisoformat(reported))
    events = [step if isinstance(step, Event) else happened(*step) for step in steps]
    return replay_verification(start, events)


def entry(**changes: Any) -> Entry:
    """Return a listed conditional entry of the public security bureau with everything stated."""
    whole: dict[str, Any] = {
        "key": "gaj.resident",
        "dept": "gaj",
        "name": "户籍人口",
        "version": "1.0.0",
        "status": "active",
        "provider": "市公安局",
        "format_name": "数据库",
        "share_type": 2,
        "share_scope": "本市各级政务部门",
        "share_purposes": "核验身份",
        "no_share_law": "",
        "no_share_article": "",
        "no_share_reason": "",
        "methods": "服务接口、批量交换",
        "update_cycle": "每日",
        "usage": "",
        "grade": 3,
        "secrecy_on": date(2025, 8, 4),
        "privacy_on": date(2025, 8, 5),
        "signed_on": date(2025, 8, 6),
        "is_reflow": False,
        "items": 12,
        "authority_items": 3,
    }
    return Entry(**(whole | changes))


def supply(status: str = "按时") -> Supply:
    """Return the supply of that entry."""
    return Supply("gaj.resident", "gaj", status, "每日", "2025-10-14", 1)


def seen(
    day: str,
    *,
    applications: Iterable[Application] = (),
    verifications: Iterable[Verification] = (),
    entries: Iterable[Entry] | None = (),
    supplies: Iterable[Supply] | None = (),
    failing: Iterable[Failing] | None = (),
    conflicts: Iterable[Conflict] | None = (),
    uses: Iterable[Use] = (),
    changes: Iterable[Change] | None = None,
) -> Evidence:
    """Return the evidence of a day."""
    on = date.fromisoformat(day)

    def kept(things: Any) -> Any:
        return None if things is None else tuple(things)

    published = Published("s1", noon(day), kept(entries), kept(supplies), kept(failing), kept(conflicts))
    cases = tuple(case_of(one, CALENDAR, PRACTICE) for one in applications)
    return Evidence(
        on, on.replace(day=1), "dsjj", CALENDAR, published, cases, tuple(verifications), tuple(uses), kept(changes)
    )


def look(code: str, evidence: Evidence, dept: str = "gaj") -> Outcome:
    """Return how a duty of a department stands."""
    return BY_CODE[code].look(evidence, dept)
