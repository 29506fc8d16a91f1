"""Opaque page tokens: where a walk through one query on one snapshot goes on.

A token is signed, so it cannot be made up, and bound to the key, the resource, the filters and the snapshot, so it
cannot be carried to another query. It names the last key of the page before: pages neither overlap nor leave gaps.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any

from catalog.api.errors import ApiError

_SIGNATURE_BYTES = 16
START_AGAIN = "去掉 page_token 从第一页重新开始"


@dataclass(frozen=True)
class Place:
    """A place in a walk: ``scope`` is a hash of key, resource, filters and fields; ``after`` the last key seen."""

    snapshot: str
    scope: str
    after: list[Any]


def scope_of(*parts: Any) -> str:
    """Return a short hash of what a walk is bound to."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


def seal(place: Place, secret: bytes) -> str:
    """Return the token of a place."""
    payload = json.dumps(asdict(place), separators=(",", ":"), ensure_ascii=False, default=str).encode()
    return base64.urlsafe_b64encode(_sign(payload, secret) + payload).decode().rstrip("=")


def unseal(token: str, scope: str, secret: bytes) -> Place:
    """Return the place of a token; raise :class:`ApiError` 400 when it is forged, broken or another query's."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        genuine = hmac.compare_digest(signature, _sign(payload, secret))
        place = Place(**json.loads(payload)) if genuine else None
    except (binascii.Error, ValueError, TypeError):
        place = None
    if place is None:
        raise ApiError(400, "bad_page_token", "page_token 无效", START_AGAIN)
    if place.scope != scope:
        raise ApiError(
            400, "foreign_page_token", "page_token 属于另一个查询", f"筛选条件和 key 须与上一页相同，或{START_AGAIN}"
        )
    return place


def _sign(payload: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
