"""One-time codes 动态口令 (RFC 6238) as the second factor, and recovery codes for a lost telephone, in the app database.

The shared secret must be readable to be compared with, so it is kept sealed with a key that lies in the home folder and
not in the database. A code opens once: the step of the last one is kept, and no earlier or equal step is taken again.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from datetime import datetime

import pyotp
import segno
import sqlalchemy as sa

from catalog.access.accounts import CODES, METADATA, AccountError, Actor, record
from catalog.access.app_database import open_app_database
from catalog.access.sealing import Seal

STEP_SECONDS, DRIFT_STEPS = 30, 1
RECOVERY_CODES = 10
ISSUER = "城市大脑数据底座"
_STANDARD_TO_URL = str.maketrans("+/", "-_", "=")  # earlier versions kept the secrets in the standard alphabet, padded


class CodeStore:
    """The second factors of one installation; ``key`` are the 32 bytes that seal the secrets."""

    def __init__(self, address: str, key: bytes) -> None:
        self._engine = open_app_database(address, METADATA)
        self._seal = Seal(key)

    def enrolled(self) -> frozenset[str]:
        """Return the accounts that have a confirmed second factor."""
        with self._engine.connect() as db:
            return frozenset(db.execute(sa.select(CODES.c.account).where(CODES.c.is_confirmed)).scalars())

    def begin(self, account: str) -> str:
        """Return the secret that is to be confirmed, base32; a new one unless one waits already.

        Raises:
            AccountError: there is a confirmed one.
        """
        row = self._row(account)
        if row is not None and row["is_confirmed"]:
            raise AccountError("动态口令已经启用，请先停用再重新绑定")
        if row is not None:
            return self._opened(account, row["sealed"])
        secret = pyotp.random_base32()
        values = {"account": account, "sealed": self._seal.seal(secret, account), "is_confirmed": False}
        with self._engine.begin() as db:
            db.execute(CODES.insert().values({**values, "last_step": 0, "recovery": []}))
        return secret

    def confirm(self, account: str, code: str, by: Actor) -> list[str]:
        """Put the second factor in force with the first code from it; return the recovery codes, shown once.

        Raises:
            AccountError: nothing was begun, or the code is wrong.
        """
        row = self._row(account)
        if row is None or row["is_confirmed"]:
            raise AccountError("没有待确认的动态口令")
        step = _step_of(self._opened(account, row["sealed"]), code, by.at)
        if step is None:
            raise AccountError("动态口令不正确：请核对手机时间后输入当前的 6 位数字")
        fresh = [f"{secrets.token_hex(3)}-{secrets.token_hex(3)}" for _ in range(RECOVERY_CODES)]
        values = {"is_confirmed": True, "last_step": step, "recovery": [_hash(one) for one in fresh]}
        with self._engine.begin() as db:
            db.execute(_of(account).values(values))
            record(db, "codes_enrolled", account, by, {})
        return fresh

    def is_right(self, account: str, code: str, by: Actor) -> bool:
        """Tell whether a one-time or recovery code opens now; it does not do so again."""
        row = self._row(account)
        if row is None or not row["is_confirmed"]:
            return False
        typed = code.strip().lower()
        if (spent := _hash(typed)) in row["recovery"]:
            left = [held for held in row["recovery"] if held != spent]
            is_unspent = sa.cast(CODES.c.recovery, sa.Text) == json.dumps(row["recovery"])
            is_mine = self._change(account, is_unspent, {"recovery": left})
            if is_mine:
                with self._engine.begin() as db:
                    record(db, "recovery_code_used", account, by, {"left": len(left)})
            return is_mine
        step = _step_of(self._opened(account, row["sealed"]), typed, by.at)
        if step is None or step <= row["last_step"]:
            return False
        return self._change(account, CODES.c.last_step == row["last_step"], {"last_step": step})

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _row(self, account: str) -> sa.RowMapping | None:
        with self._engine.connect() as db:
            return db.execute(sa.select(CODES).where(CODES.c.account == account)).mappings().first()

    def _change(self, account: str, is_as_seen: sa.ColumnElement[bool], values: dict[str, object]) -> bool:
        """Change what nobody else changed since; of two requests with one code, one is too late."""
        with self._engine.begin() as db:
            return bool(db.execute(_of(account).where(is_as_seen).values(values)).rowcount)

    def _opened(self, account: str, sealed: str) -> str:
        secret = self._seal.opened(sealed.translate(_STANDARD_TO_URL), account)
        if secret is None:
            raise AccountError("动态口令的密钥文件已更换，请安全管理员移除后重新绑定")
        return secret


def qr_svg(account: str, secret: str) -> bytes:
    """Return the picture that a telephone reads the secret from."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", scale=5, border=2)
    return drawn.getvalue()


def _step_of(secret: str, code: str, at: datetime) -> int | None:
    """Return the step whose code this is, at most one step away from now."""
    if not (code.isascii() and code.isdigit() and len(code) == 6):
        return None
    now, codes = int(at.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    near = [now + drift for drift in range(-DRIFT_STEPS, DRIFT_STEPS + 1)]
    return next((step for step in near if secrets.compare_digest(codes.generate_otp(step), code)), None)


def _of(account: str) -> sa.Update:
    return CODES.update().where(CODES.c.account == account)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
