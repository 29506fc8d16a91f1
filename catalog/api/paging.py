"""Opaque page tokens: where a walk through one query on one snapshot goes on.

A token is bound to the key, the resource, the filters, the fields and the snapshot, so it cannot be carried to another
query. It names the last row's key: pages neither overlap nor leave gaps. Since that key may be a column that is shown
masked, the token is encrypted and authenticated (AES-256-GCM), not only signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from catalog.api.errors import ApiError

LIFETIME_SECONDS = 24 * 3600
START_AGAIN = "去掉 page_token 从第一页重新开始"
_NONCE_BYTES = 12
_PURPOSE = b"citybrain page token 1"


@dataclass(frozen=True)
class Place:
    """A place in a walk: ``scope`` is a hash of what the walk is bound to; ``after`` the last row's key as text."""

    snapshot: str
    scope: str
    after: list[str]


def scope_of(*parts: Any) -> str:
    """Return a short hash of what a walk is bound to."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


class Tokens:
    """Seals and opens page tokens with a secret of 32 bytes."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._cipher, self._clock = AESGCM(secret), clock

    def seal(self, place: Place) -> str:
        """Return the token of a place."""
        content = {**asdict(place), "until": int(self._clock()) + LIFETIME_SECONDS}
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(content, ensure_ascii=False).encode(), _PURPOSE)
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def unseal(self, token: str, scope: str) -> Place:
        """Return the place of a token; raise :class:`ApiError` 400 when it is forged, expired or another query's."""
        content = self._content(token)
        if content is None:
            raise ApiError(400, "bad_page_token", "page_token 无效：不是本服务签发的，或被改动过", START_AGAIN)
        if content["until"] < self._clock():
            raise ApiError(400, "expired_page_token", "page_token 已过期（有效期 24 小时）", START_AGAIN)
        if content["scope"] != scope:
            hint = f"筛选条件、字段和 key 须与上一页相同，或{START_AGAIN}"
            raise ApiError(400, "foreign_page_token", "page_token 属于另一个查询", hint)
        return Place(content["snapshot"], content["scope"], content["after"])

    def _content(self, token: str) -> dict[str, Any] | None:
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _PURPOSE)
        except (binascii.Error, ValueError, InvalidTag):
            return None
        content: dict[str, Any] = json.loads(opened)
        return content
