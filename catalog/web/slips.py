"""A slip that a page shows once, after the post that made what stands on it: a generated password."""

from __future__ import annotations

import base64
import binascii
import json
import os
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response

from catalog.access.sessions import Session
from catalog.web.address import is_secure

COOKIE = "citybrain_slip"
SECONDS = 120
_NONCE_BYTES = 12
_PURPOSE = b"citybrain slip 1"


class Slips:
    """Slips travel in a sealed cookie of the session that they were made for, and are kept nowhere."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def hand_over(self, request: Request, response: Response, path: str, slip: dict[str, str]) -> None:
        """Give a slip to the page at ``path``, to which ``response`` leads."""
        nonce, content = os.urandom(_NONCE_BYTES), json.dumps({**slip, "until": str(int(time.time()) + SECONDS)})
        sealed = base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, content.encode(), _bound(request)))
        response.set_cookie(
            COOKIE,
            sealed.decode(),
            max_age=SECONDS,
            path=path,
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
        )

    def read(self, request: Request) -> dict[str, str] | None:
        """Return the slip that a request brings, if it was made for this session; None otherwise."""
        try:
            raw = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
            opened = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(request))
        except (binascii.Error, ValueError, InvalidTag):
            return None
        slip: dict[str, str] = json.loads(opened)
        return slip if int(slip.pop("until")) >= time.time() else None

    def tear_up(self, response: Response, path: str) -> None:
        """Take the slip away: the page showed it."""
        response.delete_cookie(COOKIE, path=path)


def _bound(request: Request) -> bytes:
    session: Session = request.state.session
    return _PURPOSE + session.session_id.encode()
