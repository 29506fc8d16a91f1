"""Passwords: argon2id hashes, what a good one is, and generated ones."""

from __future__ import annotations

import secrets
import string
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from catalog.contract.message import Message

SHORTEST, LONGEST = 12, 200
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
# Characters that nobody mistakes for another when they copy a password from paper.
_READABLE = "".join(c for c in string.ascii_letters + string.digits if c not in "0O1lI")
_COMMON = ("password", "123456", "qwerty", "admin", "111111", "abc123", "iloveyou", "woaini", "citybrain", "letmein")
_HASHER = PasswordHasher()  # argon2id; the package's defaults are RFC 9106's second recommendation
_AT_ONCE = BoundedSemaphore(4)  # each hash takes 64 MiB, and anybody may ask for one
# Verified when an account is unknown, so that it takes as long as a wrong password.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(24))


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, its salt and parameters included."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_right(password: str, held: str | None) -> bool:
    """Tell whether a password has this hash (None: there is no such account); it takes as long either way."""
    if len(password) > LONGEST:
        return False
    try:
        with _AT_ONCE:
            return _HASHER.verify(held or _NOBODY, password) and held is not None
    except (Argon2Error, InvalidHashError):
        return False


def is_outdated(held: str) -> bool:
    """Tell whether a hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(held)


def faulty_password(password: str, account: str) -> str:
    """Return what is wrong with a new password; ``""`` when nothing is.

    Length and kinds of characters as 等级保护 level 3 (GB/T 22239) asks; common words and the account's name are refused.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        return Message("口令应为 {shortest} 至 {longest} 个字符", shortest=SHORTEST, longest=LONGEST)
    kinds = sum(any(c in kind for c in password) for kind in _CLASSES)
    kinds += any(not c.isalnum() or not c.isascii() for c in password)
    if kinds < 3:
        return "口令应包含大写字母、小写字母、数字、其他字符中的至少三类"
    lowered = password.lower()
    if account.lower() in lowered:
        return "口令不能包含账号名"
    if any(word in lowered for word in _COMMON) or len(set(password)) < 6:
        return "口令过于常见，容易被猜到"
    return ""


def generated_password() -> str:
    """Return a new random password that meets the rules for any account."""
    while True:
        password = "-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))
        if not faulty_password(password, "-" * LONGEST):
            return password
