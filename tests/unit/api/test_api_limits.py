"""The rate limiter holds each holder to its own rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.api.errors import ApiError
from catalog.api.limits import REMEMBERED, RateLimiter


def test_a_holder_over_the_rate_is_told_when_to_come_back() -> None:
    now = [0.0]
    limiter = RateLimiter(rate=1, burst=2, clock=lambda: now[0])
    limiter.check("a")
    limiter.check("a")
    with pytest.raises(ApiError) as refused:
        limiter.check("a")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    limiter.check("b")
    now[0] = 1.0
    limiter.check("a")


@given(st.lists(st.floats(0, 3, allow_nan=False), max_size=60))
def test_never_more_than_burst_plus_rate_times_the_time_passed(pauses: list[float]) -> None:
    now, passed = [0.0], 0
    limiter = RateLimiter(rate=2, burst=5, clock=lambda: now[0])
    for pause in pauses:
        now[0] += pause
        try:
            limiter.check("a")
        except ApiError:
            continue
        passed += 1
    assert passed <= 5 + 2 * now[0] + 1e-6


def test_memory_is_bounded_however_many_strangers_ask() -> None:
    limiter = RateLimiter(clock=lambda: 0.0)
    for number in range(REMEMBERED + 50):
        limiter.check(str(number))
    assert len(limiter._buckets) == REMEMBERED
