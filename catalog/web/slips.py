"""A slip that a page shows once, after the post that made what stands on it: a generated password."""

from __future__ import annotations

import json
import time

from fastapi import Request, Response

from catalog.access.sealing import Seal
from catalog.access.sessions import Session
from catalog.web.address import is_secure

COOKIE = "citybrain_slip"
SECONDS = 120
_PURPOSE = "citybrain slip 1"


class Slips:
    """Slips travel in a sealed cookie of the session that they were made for, and are kept nowhere."""

    def __init__(self, secret: bytes) -> None:
        self._seal = Seal(secret)

    def hand_over(self, request: Request, response: Response, path: str, slip: dict[str, str]) -> None:
        """Give a slip to the page at ``path``, to which ``response`` leads."""
        content = json.dumps({**slip, "until": str(int(time.time()) + SECONDS)})
        response.set_cookie(
            COOKIE,
            self._seal.seal(content, _bound(request)),
            max_age=SECONDS,
            path=path,
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
        )

    def read(self, request: Request) -> dict[str, str] | None:
        """Return the slip that a request brings, if it was made for this session; None otherwise."""
        opened = self._seal.opened(request.cookies.get(COOKIE, ""), _bound(request))
        if opened is None:
            return None
        slip: dict[str, str] = json.loads(opened)
        return slip if int(slip.pop("until")) >= time.time() else None

    def tear_up(self, response: Response, path: str) -> None:
        """Take the slip away: the page showed it."""
        response.delete_cookie(COOKIE, path=path)


def _bound(request: Request) -> str:
    session: Session = request.state.session
    return _PURPOSE + session.session_id
