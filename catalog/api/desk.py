"""What the sharing desk shows: matters as plain facts, for its pages and as JSON. One view for both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from catalog.access.masking import HIDDEN, masked
from catalog.access.model import Grant
from catalog.access.person import Doing, Person, permit
from catalog.access.store import AccessStore
from catalog.api.data_file import WRITERS
from catalog.api.published import PublishedData
from catalog.api.reads import CatalogueReads
from catalog.contract.city_time import city_day
from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.acting import Acting
from catalog.sharing.application import Application
from catalog.sharing.duties import Standing, standing
from catalog.sharing.form import METHODS, Draft, Form
from catalog.sharing.grants import FILE, grant_of
from catalog.sharing.limits import VERIFY
from catalog.sharing.machine import WORDS, Event, Role, Rule
from catalog.sharing.posts import Matter, may_read_draft, may_see, roles_of, sees_all
from catalog.sharing.recheck import key_values
from catalog.sharing.reminders import Reminder, ReminderStore
from catalog.sharing.verification import Report, Verification

Row = dict[str, Any]
APPLICATIONS, REPORTS = "applications", "reports"
_TELLS_FORM = (app.Kind.SUBMIT, app.Kind.COMPLETE)  # what else is saved is the clerks' own
RECORDS = {
    app.Kind.USE: {
        "scene": "使用场景",
        "process": "使用过程",
        "effect": "应用成效",
        "storage": "存储情况",
        "destruction": "销毁情况",
    },
    app.Kind.DISPOSE: {"how": "处置方式", "disposed_on": "处置日期", "by": "处置人", "proof": "处置凭据"},
    ver.Kind.SETTLE: {"text": "协商结果"},
}
RUN_WORDS = {
    "snapshot": "数据版本",
    "batch": "更正批次",
    "value": "现值",
    "believed": "应为",
    "agrees": "一致",
    "failed_checks": "未通过的阻断检查",
}
FORM_WORDS = {
    "basis": "使用依据",
    "scenario": "使用场景",
    "scope": "使用范围",
    "method": "共享方式",
    "starts_on": "使用时限（起）",
    "ends_on": "使用时限（止）",
    "columns": "数据项",
    "row_filter": "数据行",
}


@dataclass(frozen=True)
class Desk:
    """What the doors of the desk stand on."""

    acting: Acting
    reminders: ReminderStore
    access: AccessStore
    reads: CatalogueReads
    published: PublishedData
    now: Callable[[], datetime]

    def dept_name(self, dept: str) -> str:
        """Return a department's name; its code when it is not in the vocabulary any more, "" for the system."""
        found = self.reads.vocabulary.departments.get(dept)
        return found.name if found else dept

    def resource_name(self, key: str) -> str:
        """Return a resource's name; its key when its contract is gone."""
        return self.reads.entries[key].name if key in self.reads.entries else key

    def stands(self, matter: Matter) -> Standing:
        """Return how a matter stands today."""
        return standing(matter, self.acting.calendar, city_day(self.now()), self.acting.practice)

    def visible(self, person: Person) -> list[Matter]:
        """Return the matters that somebody may see."""
        dept = None if sees_all(person) else person.dept
        store = self.acting.store
        found: list[Matter] = [*store.applications(dept=dept), *store.verifications(dept=dept)]
        return [matter for matter in found if may_see(person, matter).allowed]

    def line(self, matter: Matter, person: Person) -> Row:
        """Return a matter as a line of a list; ``mine`` tells whether it waits for this person."""
        stands = self.stands(matter)
        waits = set(stands.waits_for)
        return {
            "number": matter.number,
            "kind": REPORTS if stands.is_report else APPLICATIONS,
            "url": url_of(matter),
            "resource": stands.resource,
            "resource_name": self.resource_name(stands.resource),
            "applicant": stands.applicant,
            "applicant_name": self.dept_name(stands.applicant),
            "provider": stands.provider,
            "provider_name": self.dept_name(stands.provider),
            "state": stands.state,
            "waits_for": [role.value for role in stands.waits_for],
            "light": stands.light,
            "deadline": self._deadline(stands.due),
            "no_table": stands.no_table,
            "last_at": stands.last_at,
            "mine": bool(waits & roles_of(person, matter)),
            "urgency": stands.urgency,
        }

    def lines(self, person: Person) -> list[Row]:
        """Return every matter that somebody may see, the most urgent first."""
        return self._ordered(self.visible(person), person)

    def _ordered(self, matters: Iterable[Matter], person: Person) -> list[Row]:
        return sorted((self.line(matter, person) for matter in matters), key=lambda row: row["urgency"])

    def waiting(self, person: Person) -> Row:
        """Return what waits for somebody today, and the reminders that still hold."""
        going_on = [matter for matter in self.visible(person) if matter.moves()]
        lines = self._ordered(going_on, person)
        mine = [line for line in lines if line["mine"]]
        groups: dict[tuple[str, str], list[Row]] = {}
        for line in mine:
            groups.setdefault((line["kind"], line["state"]), []).append(line)
        return {
            "tasks": mine,
            "groups": [
                {
                    "kind": kind,
                    "state": state,
                    "count": len(held),
                    "light": held[0]["light"],
                    "first": held[0]["number"],
                }
                for (kind, state), held in groups.items()
            ],
            "late": sum(line["light"] == "red" for line in mine),
            "near": sum(line["light"] == "yellow" for line in mine),
            "late_anywhere": sum(line["light"] == "red" for line in lines),
            "reminders": self.reminded(person, {line["number"]: line for line in lines}),
        }

    def reminded(self, person: Person, lines: Mapping[str, Row]) -> list[Row]:
        """Return the reminders of a department (the bureau: of all) whose clock still shows that light."""
        found = self.reminders.of(None if sees_all(person) else person.dept)
        return [
            {**asdict(reminder), "url": lines[reminder.number]["url"], "dept_name": self.dept_name(reminder.dept)}
            for reminder in found
            if reminder.number in lines and self._still_holds(reminder, lines[reminder.number])
        ]

    def application(self, application: Application, person: Person) -> Row:
        """Return everything about an application, with what this person may do now."""
        grant = grant_of(application)
        form: Form | Draft | None = application.form
        if may_read_draft(person, application) and (application.state is app.State.DRAFT or form is None):
            form = application.draft
        return {
            **self._matter(application, person),
            "share_type": application.share_type,
            "opening": None,
            "form": self.form(form) if form else None,
            "method": form.method if form else None,
            "was_asked_to_complete": application.was_asked_to_complete,
            "grant": None if grant is None else {**asdict(grant), "columns": sorted(grant.columns)},
            "in_force": grant is not None and grant.is_in_force(city_day(self.now())),
            "files": self._files(application, grant, person),
        }

    def _files(self, application: Application, grant: Grant | None, person: Person) -> dict[str, str]:
        """Return format -> address of the files that somebody may download now."""
        if grant is None or grant.method != FILE or not grant.is_in_force(city_day(self.now())):
            return {}
        may = permit(person, Doing.DOWNLOAD, application.parties.applicant).allowed
        return {form: f"{url_of(application)}/file.{form}" for form in WRITERS} if may else {}

    def report(self, verification: Verification, person: Person) -> Row:
        """Return everything about a 校核, with what this person may do now."""
        report, parties = verification.report, verification.parties
        held = report.model_dump(mode="json")
        is_party = person.dept in (parties.applicant, parties.provider)
        key = self._key(report, is_masked=not is_party)
        if not is_party:
            held["key"] = "；".join(text for _, text in key)
        return {
            **self._matter(verification, person),
            "reported_on": verification.reported_on,
            "opening": {
                "kind": "提出校核",
                "on": verification.reported_on,
                "dept_name": self.dept_name(parties.applicant),
                "basis": VERIFY.basis,
            },
            "report": held,
            "key": key,
            "column_name": self._column_name(report.resource, report.column),
        }

    def form(self, form: Form | Draft) -> list[tuple[str, str]]:
        """Return an application form, whole or a draft, as (label, text); ``""`` is not filled in yet."""
        held = form.model_dump(mode="json")
        return [(label, self._form_text(form.resource, name, held[name])) for name, label in FORM_WORDS.items()]

    def _matter(self, matter: Matter, person: Person) -> Row:
        stands = self.stands(matter)
        offered = self.acting.offered(person, matter, self.now())
        return {
            **self.line(matter, person),
            "bureau": matter.parties.bureau,
            "bureau_name": self.dept_name(matter.parties.bureau),
            "seen": len(matter.events),
            "deadlines": [self._deadline(deadline) for deadline in stands.every_due],
            "events": list(self._events(matter, person)),
            "moves": [move_json(rule) for rule in offered],
        }

    def _events(self, matter: Matter, person: Person) -> Iterable[Row]:
        machine = ver.MACHINE if isinstance(matter, Verification) else app.MACHINE
        reads_drafts = isinstance(matter, Application) and may_read_draft(person, matter)
        typed: Mapping[str, Any] = {}
        told: Mapping[str, Any] = {}  # of the form, to this reader
        for place, event in enumerate(matter.events, 1):
            typed = event.data.get("form", typed)
            statements = list(self._statements(event))
            if event.kind in _TELLS_FORM or (reads_drafts and event.kind == app.Kind.SAVE):
                statements += self._changes(told, typed)
                told = typed
            yield {
                "place": place,
                "kind": event.kind,
                "at": event.at,
                "actor": event.actor,
                "role": event.role.value,
                "dept": event.dept,
                "dept_name": self.dept_name(event.dept),
                "basis": machine.rules[event.kind].basis,
                "statements": statements,
            }

    def _changes(self, told: Mapping[str, Any], typed: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Give what of a form is other than was told before, as (label, text); nothing the first time: the page shows it."""
        for field, label in FORM_WORDS.items():
            if told and typed.get(field) != told.get(field):
                yield label, self._form_text(typed["resource"], field, typed.get(field))

    def _statements(self, event: Event) -> Iterable[tuple[str, str]]:
        """Give what was stated with an event as (label, text); of forms: :meth:`_changes`."""
        for name, held in event.data.items():
            if name == "record":
                words = RECORDS.get(machine_kind(event.kind), {})
                yield from ((words.get(part, part), str(text)) for part, text in held.items())
            elif name == "quality_run":
                yield from ((label, _run_text(held.get(part))) for part, label in RUN_WORDS.items() if part in held)
            elif name == "missing":
                yield WORDS[name], "；".join(map(str, held))
            elif name in WORDS and name != "form":
                yield WORDS[name], str(held)

    def _form_text(self, resource: str, name: str, held: Any) -> str:
        if held is None:
            return ""
        if name == "method":
            return METHODS.get(held, str(held))
        if name == "columns":
            return "、".join(self._column_name(resource, column) for column in held)
        if name == "row_filter":
            rows = "；".join(f"{self._column_name(resource, column)}={value}" for column, value in held.items())
            return rows or "全部"
        return str(held)

    def _key(self, report: Report, *, is_masked: bool) -> list[tuple[str, str]]:
        """Return a row's key as (label, value), masked for those who need not know whose row it is."""
        contract = self.reads.contracts.get(report.resource)
        if contract is None:
            return [("", HIDDEN if is_masked else report.key)]
        found = []
        for name, text in key_values(contract.primary_key, report.key).items():
            prop = contract.property_named(name)
            found.append((prop.business_name, str(masked(text, prop.gov.mask)) if is_masked else text))
        return found

    def _column_name(self, resource: str, column: str | None) -> str:
        contract = self.reads.contracts.get(resource)
        names = {prop.name: prop.business_name for prop in contract.properties} if contract else {}
        return "" if column is None else names.get(column, column)

    def _deadline(self, deadline: Any) -> Row | None:
        return None if deadline is None else {**asdict(deadline), "duty_of_name": self.dept_name(deadline.duty_of)}

    @staticmethod
    def _still_holds(reminder: Reminder, line: Row) -> bool:
        if reminder.light == "ending":
            return bool(line["state"] == app.State.IN_USE)
        deadline = line["deadline"]
        return bool(deadline and line["light"] == reminder.light and deadline["name"] == reminder.duty)


def url_of(matter: Matter) -> str:
    """Return the address of a matter's page."""
    return f"/desk/{REPORTS if isinstance(matter, Verification) else APPLICATIONS}/{matter.number}"


def machine_kind(kind: str) -> Any:
    """Return the verb of an event as its machine's kind."""
    return app.Kind(kind) if kind in app.MACHINE.rules else ver.Kind(kind)


def move_json(rule: Rule) -> Row:
    """Return what may be done, with the statements that it needs."""
    return {
        "slug": slug_of(rule),
        "kind": rule.kind.value,
        "needs": list(rule.needs),
        "basis": rule.basis,
        "by": [role.value for role in sorted(rule.roles, key=list(Role).index)],
        "record": RECORDS.get(rule.kind, {}) if "record" in rule.needs else {},
    }


def slug_of(rule: Rule) -> str:
    """Return the name of a move in addresses."""
    return rule.kind.name.lower()


def _run_text(held: Any) -> str:
    if isinstance(held, bool):
        return "是" if held else "否"
    return "、".join(map(str, held)) or "无" if isinstance(held, list) else str(held)
