"""Opaque page tokens: where a walk through one query on one snapshot goes on.

A token is bound to the key, the resource, the filters, the fields and the snapshot, so it cannot be carried to another
query. It names the last row's key: pages neither overlap nor leave gaps. Since that key may be a column that is shown
masked, the token is sealed, not only signed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from catalog.access.sealing import Seal
from catalog.api.errors import ApiError

LIFETIME_SECONDS = 24 * 3600
START_AGAIN = "去掉 page_token 从第一页重新开始"
_PURPOSE = "citybrain page token 1"


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
        self._seal, self._clock = Seal(secret), clock

    def seal(self, place: Place) -> str:
        """Return the token of a place."""
        content = {**asdict(place), "until": int(self._clock()) + LIFETIME_SECONDS}
        return self._seal.seal(json.dumps(content, ensure_ascii=False), _PURPOSE)

    def unseal(self, token: str, scope: str) -> Place:
        """Return the place of a token; raise :class:`ApiError` 400 when it is forged, expired or another query's."""
        opened = self._seal.opened(token, _PURPOSE)
        if opened is None:
            raise ApiError(400, "bad_page_token", "page_token 无效：不是本服务签发的，或被改动过", START_AGAIN)
        content: dict[str, Any] = json.loads(opened)
        if content["until"] < self._clock():
            raise ApiError(400, "expired_page_token", "page_token 已过期（有效期 24 小时）", START_AGAIN)
        if content["scope"] != scope:
            hint = f"筛选条件、字段和 key 须与上一页相同，或{START_AGAIN}"
            raise ApiError(400, "foreign_page_token", "page_token 属于另一个查询", hint)
        return Place(content["snapshot"], content["scope"], content["after"])
