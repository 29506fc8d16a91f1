"""Sessions of people who signed in: a random token in a cookie, of which only the hash is kept, ended by idleness and age."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from catalog.access.accounts import ACCOUNTS, CODES, METADATA, Actor, moment, record
from catalog.access.app_database import open_app_database
from catalog.access.person import Person, Post

IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
_TOUCH = timedelta(seconds=60)  # how exactly the last use is kept
_LONGEST_AGENT = 200
_SESSIONS = sa.Table(
    "account_session",
    METADATA,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(40), sa.ForeignKey(ACCOUNTS.c.account), nullable=False),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("opened_at", sa.String(40), nullable=False),
    sa.Column("seen_at", sa.String(40), nullable=False),
    sa.Column("address", sa.String(60), nullable=False),
    sa.Column("agent", sa.String(_LONGEST_AGENT), nullable=False),
    sa.Column("has_passed", sa.Boolean, nullable=False),
    sa.Column("is_from_provider", sa.Boolean, nullable=False),
    sa.Index("account_session_account", "account"),
)


@dataclass(frozen=True)
class Session:
    """A session in force: whose it is, and the token against forged posts.

    ``has_code`` says that the account has a second factor, ``has_passed`` that this session came through it;
    ``is_from_provider`` that an identity provider vouched for the person, and no password of ours was asked.
    """

    session_id: str
    person: Person
    csrf: str
    must_change: bool
    has_code: bool
    has_passed: bool
    is_from_provider: bool
    opened_at: str
    seen_at: str
    address: str
    agent: str


class SessionStore:
    """The sessions of one installation."""

    def __init__(self, address: str, *, idle: timedelta = IDLE, longest: timedelta = LONGEST) -> None:
        self._engine = open_app_database(address, METADATA)
        self._idle, self._longest = idle, longest

    def open(
        self, account: str, by: Actor, agent: str = "", *, has_passed: bool = False, is_from_provider: bool = False
    ) -> str:
        """Begin a session and return its token; sessions of this account that are over are cleared away."""
        token = secrets.token_urlsafe(32)
        row = {
            "token_hash": _hash(token),
            "account": account,
            "csrf": secrets.token_urlsafe(32),
            "opened_at": moment(by.at),
            "seen_at": moment(by.at),
            "address": by.address[:60],
            "agent": agent[:_LONGEST_AGENT],
            "has_passed": has_passed,
            "is_from_provider": is_from_provider,
        }
        with self._engine.begin() as db:
            db.execute(_SESSIONS.delete().where(_SESSIONS.c.account == account, ~self._in_force(by.at)))
            db.execute(_SESSIONS.insert().values(row))
        return token

    def find(self, token: str, now: datetime) -> Session | None:
        """Return the session of a token, its person as appointed now; None when it is over or the account is disabled."""
        if not token:
            return None
        wanted = self._listed(now).where(_SESSIONS.c.token_hash == _hash(token))
        with self._engine.connect() as db:
            row = db.execute(wanted).mappings().first()
        if row is None:
            return None
        if now - datetime.fromisoformat(row["seen_at"]) > _TOUCH:
            with self._engine.begin() as db:
                seen = _SESSIONS.update().where(_SESSIONS.c.token_hash == row["token_hash"])
                db.execute(seen.values(seen_at=moment(now)))
        return _session(row)

    def pass_code(self, session_id: str) -> None:
        """Note that a session came through the second factor."""
        with self._engine.begin() as db:
            db.execute(_SESSIONS.update().where(_SESSIONS.c.token_hash == session_id).values(has_passed=True))

    def of(self, account: str, now: datetime) -> list[Session]:
        """Return the sessions of an account that are in force, newest first."""
        wanted = self._listed(now).where(_SESSIONS.c.account == account).order_by(_SESSIONS.c.opened_at.desc())
        with self._engine.connect() as db:
            return [_session(row) for row in db.execute(wanted).mappings()]

    def counts(self, now: datetime) -> dict[str, int]:
        """Return how many sessions which account has in force."""
        listed = self._listed(now).subquery()
        count = sa.func.count().label("sessions")
        query = sa.select(listed.c.account, count).group_by(listed.c.account)
        with self._engine.connect() as db:
            return {row["account"]: row["sessions"] for row in db.execute(query).mappings()}

    def end(self, session_id: str, by: Actor) -> None:
        """End one session."""
        with self._engine.begin() as db:
            held = db.execute(sa.select(_SESSIONS.c.account).where(_SESSIONS.c.token_hash == session_id)).scalar()
            if held is not None:
                db.execute(_SESSIONS.delete().where(_SESSIONS.c.token_hash == session_id))
                record(db, "signed_out", held, by, {})

    def end_all(self, account: str, by: Actor, *, but: str = "") -> int:
        """End every session of an account, perhaps but one; return how many."""
        with self._engine.begin() as db:
            gone = _SESSIONS.delete().where(_SESSIONS.c.account == account, _SESSIONS.c.token_hash != but)
            count = int(db.execute(gone).rowcount)
            if count:
                record(db, "sessions_ended", account, by, {"count": count})
        return count

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _listed(self, now: datetime) -> sa.Select[tuple[object, ...]]:
        has_code = sa.func.coalesce(CODES.c.is_confirmed, sa.false()).label("has_code")
        columns = (ACCOUNTS.c.name, ACCOUNTS.c.dept, ACCOUNTS.c.posts, ACCOUNTS.c.must_change, has_code)
        joined = _SESSIONS.join(ACCOUNTS, ACCOUNTS.c.account == _SESSIONS.c.account)
        joined = joined.outerjoin(CODES, CODES.c.account == _SESSIONS.c.account)
        return (
            sa.select(_SESSIONS, *columns)
            .select_from(joined)
            .where(
                self._in_force(now),
                _SESSIONS.c.opened_at >= ACCOUNTS.c.sessions_since,
                ACCOUNTS.c.is_disabled.is_(False),
            )
        )

    def _in_force(self, now: datetime) -> sa.ColumnElement[bool]:
        return sa.and_(
            _SESSIONS.c.seen_at > moment(now - self._idle), _SESSIONS.c.opened_at > moment(now - self._longest)
        )


def _session(row: sa.RowMapping) -> Session:
    posts = frozenset(Post[name] for name in row["posts"])
    return Session(
        session_id=row["token_hash"],
        person=Person(row["account"], row["name"], row["dept"], posts),
        csrf=row["csrf"],
        must_change=row["must_change"],
        has_code=bool(row["has_code"]),
        has_passed=row["has_passed"],
        is_from_provider=row["is_from_provider"],
        opened_at=row["opened_at"],
        seen_at=row["seen_at"],
        address=row["address"],
        agent=row["agent"],
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
