"""API keys and audit events, kept in the app database.

A key is ``cb_<id>_<secret>`` with 32 random bytes of secret. Only its SHA-256 is stored: a password needs a slow hash
because it can be guessed, 256 random bits cannot, and a fast hash keeps every request cheap.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database
from catalog.access.model import Action, Decision, Grant, Principal

KEY_SHAPE = re.compile(r"^cb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})\Z")
# Compared with when the id is unknown, so that an unknown id takes as long as a wrong secret.
_NO_HASH = "0" * 64
_METADATA = sa.MetaData()
_KEYS = sa.Table(
    "api_key",
    _METADATA,
    sa.Column("key_id", sa.String(12), primary_key=True),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("dept", sa.String(20), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("resources", sa.JSON, nullable=False),
    sa.Column("is_unmasked", sa.Boolean, nullable=False),
    sa.Column("expires_on", sa.Date),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("revoked_at", sa.String(40)),
)
AUDIT = sa.Table(
    "audit_event",
    _METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("request_id", sa.String(40), nullable=False),
    sa.Column("key_id", sa.String(12)),
    sa.Column("dept", sa.String(20)),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("resource", sa.String(100), nullable=False),
    sa.Column("filters", sa.JSON, nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("allowed", sa.Boolean, nullable=False),
    sa.Column("code", sa.String(40), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("basis", sa.String(300), nullable=False),
    sa.Column("application", sa.String(30)),
    sa.Column("purpose", sa.String(1000)),
    sa.Index("audit_event_resource_at", "resource", "at"),
    sa.Index("audit_event_at", "at"),
)


@dataclass(frozen=True)
class AuditEvent:
    """What is kept of one decision: names of filtered columns, never their values, never a secret.

    ``grant`` is the approved application that the request relied on: its number and purpose are kept (article 25).
    """

    request_id: str
    principal: Principal | None
    action: Action
    resource: str
    filters: tuple[str, ...]
    decision: Decision
    row_count: int = 0
    grant: Grant | None = None


class AccessStore:
    """Keys and audit events of one installation."""

    def __init__(self, address: str) -> None:
        self._engine = open_app_database(address, _METADATA, append_only=[AUDIT.name])

    def create_key(
        self,
        dept: str,
        name: str,
        resources: Iterable[str] = (),
        *,
        is_unmasked: bool = False,
        expires_on: date | None = None,
    ) -> str:
        """Make a key and return it; it cannot be read again afterwards."""
        while True:
            key = new_key()
            if self.admit_key(key, dept, name, resources, is_unmasked=is_unmasked, expires_on=expires_on):
                return key

    def admit_key(
        self,
        key: str,
        dept: str,
        name: str,
        resources: Iterable[str] = (),
        *,
        is_unmasked: bool = False,
        expires_on: date | None = None,
    ) -> bool:
        """Let a key of :func:`new_key` open from now on; False when one of its id was admitted before, which stays as it is.

        Raises:
            ValueError: the key has not the shape of one.
        """
        shape = KEY_SHAPE.match(key)
        if not shape:
            raise ValueError("not an API key")
        row = {
            "key_id": shape[1],
            "secret_hash": _hash(shape[2]),
            "dept": dept,
            "name": name,
            "resources": sorted(set(resources)),
            "is_unmasked": is_unmasked,
            "expires_on": expires_on,
            "created_at": _now(),
        }
        try:
            with self._engine.begin() as db:
                db.execute(_KEYS.insert().values(row))
        except IntegrityError:
            return False
        return True

    def principal(self, presented: str | None) -> Principal | None:
        """Return the holder of a presented key; None when it is malformed, unknown or revoked."""
        shape = KEY_SHAPE.match(presented or "")
        if not shape:
            return None
        with self._engine.connect() as db:
            row = db.execute(sa.select(_KEYS).where(_KEYS.c.key_id == shape[1])).mappings().first()
        is_genuine = hmac.compare_digest(row["secret_hash"] if row else _NO_HASH, _hash(shape[2]))
        if row is None or not is_genuine or row["revoked_at"]:
            return None
        return Principal(
            key_id=row["key_id"],
            dept=row["dept"],
            name=row["name"],
            resources=frozenset(row["resources"]),
            is_unmasked=row["is_unmasked"],
            expires_on=row["expires_on"],
        )

    def keys(self, dept: str | None = None) -> list[dict[str, Any]]:
        """Return every key (of a department, when one is named) without its secret, newest first."""
        columns = [column for column in _KEYS.c if column.name != "secret_hash"]
        query = sa.select(*columns).order_by(_KEYS.c.created_at.desc())
        if dept is not None:
            query = query.where(_KEYS.c.dept == dept)
        with self._engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    def revoke(self, key_id: str, dept: str | None = None) -> bool:
        """Revoke a key (of a department, when one is named); return False when there is none of that id in force."""
        whose = [] if dept is None else [_KEYS.c.dept == dept]
        change = (
            _KEYS.update()
            .where(_KEYS.c.key_id == key_id, _KEYS.c.revoked_at.is_(None), *whose)
            .values(revoked_at=_now())
        )
        with self._engine.begin() as db:
            return db.execute(change).rowcount == 1

    def audit(self, event: AuditEvent) -> None:
        """Append one audit event; a request whose event cannot be kept must not be answered."""
        who, decision = event.principal, event.decision
        row = {
            "at": _now(),
            "request_id": event.request_id,
            "key_id": who.key_id if who else None,
            "dept": who.dept if who else None,
            "action": event.action,
            "resource": event.resource,
            "filters": sorted(event.filters),
            "row_count": event.row_count,
            "allowed": decision.allowed,
            "code": decision.code,
            "reason": decision.reason[:500],
            "basis": decision.basis[:300],
            "application": event.grant.application if event.grant else None,
            "purpose": event.grant.purpose[:1000] if event.grant else None,
        }
        with self._engine.begin() as db:
            db.execute(AUDIT.insert().values(row))

    def audit_events(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the newest audit events."""
        with self._engine.connect() as db:
            rows = db.execute(sa.select(AUDIT).order_by(AUDIT.c.event_id.desc()).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def newest_event(self) -> tuple[int, datetime] | None:
        """Return the number and moment of the newest audit event; None before the first."""
        newest = sa.select(AUDIT.c.event_id, AUDIT.c.at).order_by(AUDIT.c.event_id.desc()).limit(1)
        with self._engine.connect() as db:
            row = db.execute(newest).first()
        return None if row is None else (int(row[0]), datetime.fromisoformat(row[1]))

    def oldest_event_at(self) -> datetime | None:
        """Return the earliest moment of an audit event; None before the first."""
        with self._engine.connect() as db:
            at = db.execute(sa.select(sa.func.min(AUDIT.c.at))).scalar()
        return None if at is None else datetime.fromisoformat(at)

    def uses(self, since: datetime, until: datetime) -> list[tuple[str, str, int, int]]:
        """Return (department, resource, calls, rows) of the data read by departments from ``since`` to before ``until``."""
        counted = (
            sa.select(AUDIT.c.dept, AUDIT.c.resource, sa.func.count(), sa.func.sum(AUDIT.c.row_count))
            .where(AUDIT.c.at >= _written(since), AUDIT.c.at < _written(until))
            .where(
                AUDIT.c.allowed,
                AUDIT.c.dept.is_not(None),
                AUDIT.c.action.in_(("read_rows", "read_unmasked", "read_file")),
            )
            .group_by(AUDIT.c.dept, AUDIT.c.resource)
            .order_by(AUDIT.c.dept, AUDIT.c.resource)
        )
        with self._engine.connect() as db:
            return [(row[0], row[1], int(row[2]), int(row[3])) for row in db.execute(counted).all()]

    def use_of(self, resource: str, since: str) -> list[dict[str, Any]]:
        """Return how each department asked for a resource's rows since an ISO day or moment, the busiest first.

        Each has ``dept`` (None: without a key), ``requests``, ``refused``, ``rows`` and when it last asked, ``last_at``.
        """
        refused = sa.func.sum(sa.case((AUDIT.c.allowed, 0), else_=1)).label("refused")
        asked = sa.func.count().label("requests")
        query = (
            sa.select(
                AUDIT.c.dept,
                asked,
                refused,
                sa.func.sum(AUDIT.c.row_count).label("rows"),
                sa.func.max(AUDIT.c.at).label("last_at"),
            )
            .where(AUDIT.c.resource == resource, AUDIT.c.at >= since)
            .group_by(AUDIT.c.dept)
            .order_by(asked.desc(), AUDIT.c.dept)
        )
        with self._engine.connect() as db:
            return [
                {**row, "refused": int(row["refused"]), "rows": int(row["rows"])}
                for row in db.execute(query).mappings()
            ]

    def last_read_of(self, resource: str, since: str) -> dict[str, str]:
        """Return application -> when a resource's rows were last given out on it, since an ISO day or moment."""
        query = (
            sa.select(AUDIT.c.application, sa.func.max(AUDIT.c.at))
            .where(AUDIT.c.resource == resource, AUDIT.c.at >= since)
            .where(AUDIT.c.allowed, AUDIT.c.application.is_not(None))
            .group_by(AUDIT.c.application)
        )
        with self._engine.connect() as db:
            return {row[0]: row[1] for row in db.execute(query)}

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def new_key() -> str:
    """Return a new key, which opens nothing before it is admitted."""
    return f"cb_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


@contextmanager
def open_store(address: str) -> Iterator[AccessStore]:
    """Give the store of an app database for the length of a block."""
    store = AccessStore(address)
    try:
        yield store
    finally:
        store.close()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> str:
    return _written(datetime.now(UTC))


def _written(at: datetime) -> str:
    """Return a moment as it is kept: in UTC, so that texts are in the order of moments."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
