"""Somebody at the desk, and the city behind it: what the tests of the desk do over and over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk_people import Session
from httpx import Response
from starlette.testclient import TestClient

from catalog.access.store import AccessStore
from catalog.sharing.machine import Event, Parties, Role
from catalog.sharing.reminders import ReminderStore
from catalog.sharing.store import Opening, SharingStore
from catalog.web.app import create_app
from catalog.web.signin import SESSION_COOKIE
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

BASE = "http://127.0.0.1"
FORM: dict[str, Any] = {
    "basis": "《基本医疗卫生与健康促进法》第二十条",
    "scenario": "家庭医生签约对象核对",
    "scope": "市卫生健康委基层处",
    "method": "service",
    "starts_on": "2026-01-01",
    "ends_on": "2099-12-31",
    "columns": ["resident_id", "sex_code"],
}


@dataclass
class Browser:
    """Somebody at the desk, with the buttons that the pages show."""

    client: TestClient
    csrf: str

    def get(self, url: str, **headers: str) -> Response:
        return self.client.get(url, headers=headers)

    def json(self, url: str) -> Any:
        found = self.get(f"{url}.json")
        assert found.status_code == 200, found.text
        return found.json()

    def post(
        self, url: str, data: dict[str, Any] | None = None, *, csrf: str | None = None, **headers: str
    ) -> Response:
        token = self.csrf if csrf is None else csrf
        return self.client.post(url, data={"csrf": token, **(data or {})}, headers=headers)

    def press(self, url: str, move: str, **data: Any) -> Response:
        """Press a button that the page shows now."""
        facts = self.json(url)
        assert move in [offered["slug"] for offered in facts["moves"]], facts["moves"]
        found = self.post(f"{url}/{move}", {"seen": facts["seen"], **data})
        assert found.status_code == 303, found.text
        return found


@dataclass
class City:
    """The desk, and what is behind it; ``client`` is a stranger's."""

    client: TestClient
    settings: Settings
    store: SharingStore
    access: AccessStore
    reminders: ReminderStore
    browsers: dict[str, Browser]

    def sign_in(self, account: str) -> Browser:
        """Return the browser of somebody who is signed in."""
        return self.browsers[account]

    def applied(self, resource: str = "gaj/resident", then: str = "submit", **changes: Any) -> str:
        """Apply as 李申请 and return the address of the application."""
        found = self.sign_in("li").post(f"/desk/apply/{resource}", {**FORM, "then": then, **changes})
        assert found.status_code == 303, found.text
        return found.headers["location"]

    def in_use(self, resource: str = "gaj/resident", **changes: Any) -> str:
        """Walk an application to its use and return its address."""
        url = self.applied(resource, **changes)
        self.sign_in("wang").press(url, "approve_own")
        self.sign_in("sun").press(url, "accept")
        self.sign_in("zhao").press(url, "agree")
        self.sign_in("zhao").press(url, "provide")
        return url

    def key(self, dept: str = "wjw", *resources: str) -> dict[str, str]:
        return {"X-API-Key": self.access.create_key(dept, "test", resources)}


@contextmanager
def opened_city(settings: Settings, sessions: Mapping[str, Session]) -> Iterator[City]:
    """Open the doors of a home in whose app database everybody is signed in."""
    app, address = create_app(settings, warms=False), app_database(settings)
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as stranger:
        opened = SharingStore(address), AccessStore(address), ReminderStore(address)
        browsers = {}
        for account, session in sessions.items():
            client = TestClient(app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False)
            client.cookies.set(SESSION_COOKIE, session.cookie)
            browsers[account] = Browser(client, session.csrf)
        yield City(stranger, settings, *opened, browsers)
        for store in opened:
            store.close()


HOSTILE = "<script>alert(1)</script>'\"&{{7*7}}"
STEPS = [
    ("wang", "approve_own", {}),
    ("sun", "accept", {}),
    ("zhao", "agree", {}),
    ("zhao", "provide", {}),
    ("sun", "suspend", {"reason": "用途不符"}),
    ("sun", "terminate", {"reason": "拒不整改"}),
]
STATED = {
    "reason": "理由",
    "missing": "缺依据",
    "days": "3",
    "finding": "核实",
    "decision": "决定",
    "reload": "gaj.resident:1",
    **{f"record.{part}": "记录" for part in ("scene", "process", "effect", "storage", "destruction", "how", "by")},
    **{"record.disposed_on": "2026-11-28", "record.proof": "单据", "record.text": "协商一致"},
}


def put(city: City, at: datetime, upto: int, ends_on: str = "2099-12-31", dept: str = "wjw") -> str:
    """Put an application of a department into the store that went ``upto`` steps at one moment."""
    stands = city.store.apply_for(Opening(Parties(dept, "gaj", "dsjj"), "gaj.resident", at, "李申请"), 2)
    form = {**FORM, "resource": "gaj.resident", "ends_on": ends_on, "row_filter": {}}
    steps = [
        Event("保存", at, "李申请", Role.APPLICANT, dept, {"form": form}),
        Event("提交", at, "李申请", Role.APPLICANT, dept),
        Event("本部门同意", at, "王处长", Role.OWN_OFFICE, dept),
        Event("受理", at, "孙审核", Role.BUREAU, "dsjj"),
        Event("同意", at, "赵处长", Role.PROVIDER, "gaj"),
        Event("提供", at, "赵处长", Role.PROVIDER, "gaj"),
    ]
    for seen, event in enumerate(steps[:upto]):
        stands = city.store.move_application(stands.number, event, seen=seen)
    return stands.number
