"""Accounts of the people who sign in, and the append-only log of what happened to them, in the app database."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from catalog.access.app_database import open_app_database
from catalog.access.lockout import MOST_FAILURES, MOST_FROM_ADDRESS, WINDOW, locked_until
from catalog.access.passwords import faulty_password, generated_password, hashed, is_outdated, is_right
from catalog.access.person import Person, Post, faulty_posts
from catalog.contract.message import Message

ACCOUNT_SHAPE = re.compile(r"^[a-z][a-z0-9._-]{1,39}\Z")
LONGEST_ACCOUNT, LONGEST_NAME = 40, 50
SYSTEM = "system"  # who acts when nobody is signed in, such as the command line
METADATA = sa.MetaData()
ACCOUNTS = sa.Table(
    "account",
    METADATA,
    sa.Column("account", sa.String(LONGEST_ACCOUNT), primary_key=True),
    sa.Column("name", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("dept", sa.String(20), nullable=False),
    sa.Column("posts", sa.JSON, nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("sessions_since", sa.String(40), nullable=False),  # sessions that were opened before are over
    sa.Column("version", sa.Integer, nullable=False),
)
EVENTS = sa.Table(
    "account_event",
    METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(30), nullable=False),
    sa.Column("account", sa.String(LONGEST_ACCOUNT), nullable=False),
    sa.Column("actor", sa.String(LONGEST_ACCOUNT), nullable=False),
    sa.Column("address", sa.String(60), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index("account_event_account", "account", "at"),
    sa.Index("account_event_address", "address", "at"),
)
# The second factor of an account; see one_time_codes.
CODES = sa.Table(
    "account_code",
    METADATA,
    sa.Column("account", sa.String(LONGEST_ACCOUNT), sa.ForeignKey(ACCOUNTS.c.account), primary_key=True),
    sa.Column("sealed", sa.String(200), nullable=False),
    sa.Column("is_confirmed", sa.Boolean, nullable=False),
    sa.Column("last_step", sa.Integer, nullable=False),
    sa.Column("recovery", sa.JSON, nullable=False),
)
SIGNED_IN, WRONG_PASSWORD, LOCKED, UNLOCKED = "signed_in", "wrong_password", "locked", "unlocked"
PASSWORD_RIGHT, WRONG_CODE = "password_right", "wrong_code"  # of an account that has a second factor
_FAILURES = (WRONG_PASSWORD, WRONG_CODE)
_OPENS_AGAIN = (SIGNED_IN, UNLOCKED)
# Tries for one account are looked at one after the other: many at once are no way around the limit.
_TURNS = tuple(Lock() for _ in range(64))


class AccountError(ValueError):
    """What was asked of an account cannot be done; the message says why, in the words of the pages."""


class OvertakenAccount(AccountError):
    """Somebody else changed the account since it was read."""


class SignInRefused(Exception):
    """The door stays closed; the message never tells whether there is such an account."""


@dataclass(frozen=True)
class Account:
    """An account as the administrators see it; ``version`` grows with every change."""

    account: str
    name: str
    dept: str
    posts: frozenset[Post]
    must_change: bool
    is_disabled: bool
    created_at: str
    version: int

    @property
    def person(self) -> Person:
        """Who signs in with it."""
        return Person(self.account, self.name, self.dept, self.posts)


@dataclass(frozen=True)
class Actor:
    """Who does something to an account, when, and from which address."""

    account: str = SYSTEM
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    address: str = ""


class AccountStore:
    """The accounts of one installation."""

    def __init__(self, address: str) -> None:
        self.engine = open_app_database(address, METADATA, append_only=[EVENTS.name])
        self._mask = secrets.token_bytes(32)

    def add(self, account: str, name: str, dept: str, posts: Iterable[Post], by: Actor) -> str:
        """Make an account; return its generated password, which is to be changed at the first sign-in.

        It may have no post yet: the system administrator makes accounts, the security administrator appoints.

        Raises:
            AccountError: the name is taken or malformed, or the posts cannot be held together.
        """
        held = frozenset(posts)
        if not ACCOUNT_SHAPE.match(account) or account == SYSTEM:
            raise AccountError("账号由小写字母开头，由 2 至 40 个小写字母、数字、点、横线、下划线组成")
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise AccountError(Message("姓名应为 1 至 {longest} 个字符", longest=LONGEST_NAME))
        if held and (fault := faulty_posts(dept, held)):
            raise AccountError(fault)
        password = generated_password()
        row = {
            "account": account,
            "name": name.strip(),
            "dept": dept,
            "posts": sorted(post.name for post in held),
            "password_hash": hashed(password),
            "must_change": True,
            "is_disabled": False,
            "created_at": moment(by.at),
            "sessions_since": moment(by.at),
            "version": 1,
        }
        try:
            with self.engine.begin() as db:
                db.execute(ACCOUNTS.insert().values(row))
                record(db, "account_added", account, by, {"dept": dept, "posts": row["posts"]})
        except IntegrityError:
            raise AccountError(Message("账号 {account} 已经存在", account=account)) from None
        return password

    def sign_in(self, account: str, password: str, by: Actor) -> Account:
        """Return the account whose password this is, and log the try.

        Raises:
            SignInRefused: wrong account or password, disabled, or too many tries.
        """
        with _turn(account):
            return self._sign_in(account, password, by)

    def _sign_in(self, account: str, password: str, by: Actor) -> Account:
        held = self._row(account)
        account = account if held else self._stranger(account)
        by = Actor(held["account"] if held else "", by.at, by.address)
        self._check_not_locked(account, by)
        is_genuine = is_right(password, held["password_hash"] if held else None)
        if held is None or not is_genuine or held["is_disabled"]:
            self.record(WRONG_PASSWORD, account, by)
            raise SignInRefused("账号或口令不正确，或账号已停用")
        with self.engine.begin() as db:
            if is_outdated(held["password_hash"]):
                db.execute(_at(account).values(password_hash=hashed(password)))
            has_code = db.execute(sa.select(CODES.c.is_confirmed).where(CODES.c.account == account)).scalar()
            record(db, PASSWORD_RIGHT if has_code else SIGNED_IN, account, by, {})
        return _account(held)

    def second_step(self, account: str, is_right_code: Callable[[], bool], by: Actor) -> None:
        """Log a try of the second factor; wrong codes close the account as wrong passwords do.

        Raises:
            SignInRefused: the code is wrong, or there were too many tries.
        """
        with _turn(account):
            self._check_not_locked(account, by)
            if not is_right_code():
                self.record(WRONG_CODE, account, by)
                raise SignInRefused("动态口令不正确或已经用过")
            self.record(SIGNED_IN, account, by)

    def find(self, account: str) -> Account | None:
        """Return an account; None when there is none of that name."""
        row = self._row(account)
        return _account(row) if row else None

    def all(self) -> list[Account]:
        """Return every account, by name."""
        with self.engine.connect() as db:
            return [_account(row) for row in db.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.account)).mappings()]

    def change_password(self, account: str, old: str, new: str, by: Actor) -> None:
        """Change one's own password; wrong old ones close the account as they do at the door.

        Raises:
            SignInRefused: there were too many tries.
            AccountError: the old one is wrong, or the new one is not good enough.
        """
        with _turn(account):
            self._check_not_locked(account, by)
            row = self._row(account)
            if not is_right(old, row["password_hash"] if row else None):
                self.record(WRONG_PASSWORD, account, by)
                raise AccountError("原口令不正确")
        if fault := faulty_password(new, account):
            raise AccountError(fault)
        if new == old:
            raise AccountError("新口令不能与原口令相同")
        values = {"password_hash": hashed(new), "must_change": False}  # slow on purpose: not within the transaction
        with self.engine.begin() as db:
            _change(db, account, values, "password_changed", by, {})

    def reset_password(self, account: str, by: Actor) -> str:
        """Give an account a generated password and return it; raise :class:`AccountError` when there is none."""
        password = generated_password()
        values = {"password_hash": hashed(password), "must_change": True}
        with self.engine.begin() as db:
            _change(db, account, values, "password_reset", by, {})
        return password

    def set_posts(self, account: str, posts: Iterable[Post], by: Actor, *, seen: int | None = None) -> None:
        """Appoint, as somebody decided who saw version ``seen`` of the account (None: the newest).

        Raises:
            AccountError: these posts cannot be held together, or it is one's own account.
            OvertakenAccount: the account was changed since.
        """
        held, found = frozenset(posts), self.find(account)
        if found is None:
            raise AccountError(Message("没有账号 {account}", account=account))
        if account == by.account:
            raise AccountError("不能调整自己的岗位")
        if seen is not None and seen != found.version:
            now_held = [post for post in Post if post in found.posts]
            said = "账号 {account} 在您打开之后已被他人修改（现为：{now_held}），请核对后再提交"
            raise OvertakenAccount(Message(said, account=account, now_held=now_held))
        if fault := faulty_posts(found.dept, held):
            raise AccountError(fault)
        names = sorted(post.name for post in held)
        before = sorted(post.name for post in found.posts)
        change = {"before": before, "after": names}
        with self.engine.begin() as db:
            _change(db, account, {"posts": names}, "posts_changed", by, change, seen=found.version)

    def disable(self, account: str, by: Actor, *, is_disabled: bool = True) -> None:
        """Close an account, or open it again.

        Raises:
            AccountError: there is none, or it is one's own.
        """
        if account == by.account:
            raise AccountError("不能停用或启用自己的账号")
        kind = "account_disabled" if is_disabled else "account_enabled"
        with self.engine.begin() as db:
            _change(db, account, {"is_disabled": is_disabled}, kind, by, {})

    def remove_codes(self, account: str, by: Actor) -> None:
        """Take an account's second factor away, which ends its sessions; raise :class:`AccountError` when it has none."""
        with self.engine.begin() as db:
            if not db.execute(CODES.delete().where(CODES.c.account == account)).rowcount:
                raise AccountError(Message("账号 {account} 没有启用动态口令", account=account))
            _change(db, account, {}, "codes_removed", by, {})

    def record(self, kind: str, account: str, by: Actor, detail: Mapping[str, Any] | None = None) -> None:
        """Append an event to the log; ``detail`` is plain JSON without any secret."""
        with self.engine.begin() as db:
            record(db, kind, account, by, detail or {})

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def locked(self, now: datetime) -> dict[str, datetime]:
        """Return until when which accounts are closed by wrong passwords."""
        tried = sa.select(EVENTS.c.account).where(EVENTS.c.kind.in_(_FAILURES), EVENTS.c.at >= moment(now - 2 * WINDOW))
        often = tried.group_by(EVENTS.c.account).having(sa.func.count() >= MOST_FAILURES)
        with self.engine.connect() as db:
            names: list[str] = list(db.execute(often).scalars())
            found = {name: self._locked_until(db, name, Actor(at=now)) for name in names}
        return {name: until for name, until in found.items() if until is not None}

    def unlock(self, account: str, by: Actor) -> None:
        """Let an account be tried again at once; raise :class:`AccountError` when it is not locked."""
        if self.find(account) is None or account not in self.locked(by.at):
            raise AccountError(Message("账号 {account} 没有被锁定", account=account))
        self.record(UNLOCKED, account, by)

    def _stranger(self, account: str) -> str:
        """Return what stands in the log for a name that no account has: somebody may have typed a password there."""
        return f"?{hmac.new(self._mask, account.encode(), hashlib.sha256).hexdigest()[:16]}"

    def _row(self, account: str) -> sa.RowMapping | None:
        with self.engine.connect() as db:
            return db.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.account == account)).mappings().first()

    def _check_not_locked(self, account: str, by: Actor) -> None:
        """Raise :class:`SignInRefused`, and log the try, while there were too many."""
        with self.engine.connect() as db:
            until = self._locked_until(db, account, by)
        if until is not None:
            self.record(LOCKED, account, by)
            raise SignInRefused(_wait(until, by.at))

    def _locked_until(self, db: sa.Connection, account: str, by: Actor) -> datetime | None:
        since = moment(by.at - 2 * WINDOW)
        of_account = (EVENTS.c.account == account, EVENTS.c.at >= since)
        opened = db.execute(sa.select(sa.func.max(EVENTS.c.at)).where(*of_account, EVENTS.c.kind.in_(_OPENS_AGAIN)))
        opened_at = opened.scalar() or ""
        failed = sa.select(EVENTS.c.at).where(EVENTS.c.kind.in_(_FAILURES), EVENTS.c.at >= since)
        mine = failed.where(EVENTS.c.account == account, EVENTS.c.at > opened_at)
        until = locked_until(_moments(db, mine, by.at), by.at)
        if until is None and by.address:
            here = failed.where(EVENTS.c.address == by.address)
            until = locked_until(_moments(db, here, by.at), by.at, MOST_FROM_ADDRESS)
        return until


def record(db: sa.Connection, kind: str, account: str, by: Actor, detail: Mapping[str, Any]) -> None:
    """Append an event within a transaction."""
    row = {"at": moment(by.at), "kind": kind, "account": account, "actor": by.account, "address": by.address[:60]}
    db.execute(EVENTS.insert().values({**row, "detail": dict(detail)}))


def _change(
    db: sa.Connection,
    account: str,
    values: Mapping[str, Any],
    kind: str,
    by: Actor,
    detail: Mapping[str, Any],
    *,
    seen: int | None = None,
) -> None:
    """Change an account, which ends every session that it has, and keep the event, within a transaction."""
    counted = {"sessions_since": moment(by.at), "version": ACCOUNTS.c.version + 1}
    change = _at(account) if seen is None else _at(account).where(ACCOUNTS.c.version == seen)
    if not db.execute(change.values({**values, **counted})).rowcount:
        if seen is None:
            raise AccountError(Message("没有账号 {account}", account=account))
        raise OvertakenAccount(Message("账号 {account} 刚被他人修改，请核对后再提交", account=account))
    record(db, kind, account, by, detail)


def _turn(account: str) -> Lock:
    return _TURNS[hash(account) % len(_TURNS)]


def moment(at: datetime) -> str:
    """Write a moment so that texts sort as moments do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _moments(db: sa.Connection, query: sa.Select[str], now: datetime) -> list[datetime]:
    """Return when the failures were; one who waited for a turn counts those that came meanwhile."""
    return [min(datetime.fromisoformat(at), now) for at in db.execute(query).scalars()]


def _wait(until: datetime, now: datetime) -> str:
    minutes = max(1, -(-int((until - now).total_seconds()) // 60))
    return Message("尝试次数过多，请 {minutes} 分钟后再试", minutes=minutes)


def _at(account: str) -> sa.Update:
    return ACCOUNTS.update().where(ACCOUNTS.c.account == account)


def _account(row: sa.RowMapping) -> Account:
    return Account(
        account=row["account"],
        name=row["name"],
        dept=row["dept"],
        posts=frozenset(Post[name] for name in row["posts"]),
        must_change=row["must_change"],
        is_disabled=row["is_disabled"],
        created_at=row["created_at"],
        version=row["version"],
    )
