"""A bound on how often one key may ask: a token bucket in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request

from catalog.api.errors import ApiError
from catalog.contract.message import Message

REMEMBERED = 10_000


def client_address(request: Request) -> str:
    """Return the address that a request came from: who asks, when nobody is known."""
    return request.client.host if request.client else "unknown"


class RateLimiter:
    """``rate`` requests a second on average, ``burst`` at once, for each holder."""

    def __init__(self, rate: float = 50.0, burst: int = 200, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, holder: str) -> None:
        """Take one request from the holder's bucket; raise :class:`ApiError` 429 when it is empty."""
        now = self._clock()
        with self._lock:
            level, since = self._buckets.pop(holder, (float(self._burst), now))
            level = min(float(self._burst), level + (now - since) * self._rate)
            self._buckets[holder] = (level - 1 if level >= 1 else level, now)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        if level < 1:
            wait = str(max(1, round((1 - level) / self._rate)))
            raise ApiError(
                429,
                "too_many_requests",
                "请求过于频繁",
                Message("{wait} 秒后再试", wait=wait),
                headers={"Retry-After": wait},
            )
