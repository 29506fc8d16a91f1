"""What the auditor reads: security events of accounts, and decisions on data; by person, by kind, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from catalog.access.accounts import EVENTS
from catalog.access.store import AUDIT
from catalog.contract.city_time import CITY_TIME

KINDS = (
    "signed_in",
    "password_right",
    "wrong_password",
    "wrong_code",
    "locked",
    "unlocked",
    "signed_out",
    "sessions_ended",
    "account_added",
    "account_disabled",
    "account_enabled",
    "posts_changed",
    "password_changed",
    "password_reset",
    "codes_enrolled",
    "codes_removed",
    "recovery_code_used",
    "provider_refused",
    "key_revoked",
    "refused",
    "log_exported",
)
ACTIONS = ("read_rows", "read_unmasked", "read_file", "see_entry", "see_sample")
PEOPLE, DATA = "people", "data"
_TABLES = {PEOPLE: EVENTS, DATA: AUDIT}


@dataclass(frozen=True)
class Wanted:
    """Which log, and which of its lines; what is empty does not narrow.

    ``person`` is an account in the log of people, a key's id or a department in that of data.
    """

    log: str = PEOPLE
    person: str = ""
    kind: str = ""
    day: date | None = None


class Logs:
    """Reads both logs of one installation, newest first."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def count(self, wanted: Wanted) -> int:
        """Return how many lines there are."""
        table = _TABLES[wanted.log]
        query = sa.select(sa.func.count()).select_from(table).where(*_conditions(wanted))
        with self._engine.connect() as db:
            return int(db.execute(query).scalar_one())

    def lines(self, wanted: Wanted, *, limit: int, before: int | None = None, skip: int = 0) -> list[dict[str, Any]]:
        """Return lines, newest first; ``before`` is the ``event_id`` that they are older than."""
        table = _TABLES[wanted.log]
        query = sa.select(table).where(*_conditions(wanted)).order_by(table.c.event_id.desc())
        if before is not None:
            query = query.where(table.c.event_id < before)
        with self._engine.connect() as db:
            return [dict(row) for row in db.execute(query.limit(limit).offset(skip)).mappings()]


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    table = _TABLES[wanted.log]
    who = ("account", "actor") if wanted.log == PEOPLE else ("key_id", "dept")
    what = "kind" if wanted.log == PEOPLE else "action"
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.person:
        conditions.append(sa.or_(*(table.c[name] == wanted.person for name in who)))
    if wanted.kind:
        conditions.append(table.c[what] == wanted.kind)
    if wanted.day is not None:
        begins = datetime.combine(wanted.day, time(), CITY_TIME)
        conditions += [table.c.at >= _bound(begins), table.c.at < _bound(begins + timedelta(days=1))]
    return conditions


def _bound(moment: datetime) -> str:
    """Write a moment without a fraction: it sorts before every moment of its second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
