"""Page tokens cannot be made up, read, changed, or carried to another query, and do not live for ever."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.api.errors import ApiError
from catalog.api.paging import LIFETIME_SECONDS, Place, Tokens, scope_of

TOKENS = Tokens(b"s" * 32)


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@given(st.text(max_size=20), st.lists(st.text(max_size=10), max_size=3))
def test_a_token_gives_back_its_place(snapshot: str, after: list[str]) -> None:
    place = Place(snapshot, scope_of("key", "a.b"), after)
    assert TOKENS.unseal(TOKENS.seal(place), place.scope) == place


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_token_is_refused(position: int, change: int) -> None:
    changed = bytearray(raw(TOKENS.seal(Place("s", "scope", ["1"]))))
    changed[position % len(changed)] ^= change
    with pytest.raises(ApiError, match="无效"):
        TOKENS.unseal(base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("="), "scope")


@given(st.text(max_size=200))
def test_any_text_is_refused_as_a_bad_token(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        TOKENS.unseal(text, "scope")
    assert (refused.value.status, refused.value.code) == (400, "bad_page_token")


def test_a_token_of_another_query_or_another_secret_is_refused() -> None:
    token = TOKENS.seal(Place("s", "scope", ["1"]))
    with pytest.raises(ApiError, match="另一个查询"):
        TOKENS.unseal(token, "other")
    with pytest.raises(ApiError, match="无效"):
        Tokens(b"t" * 32).unseal(token, "scope")


def test_a_token_expires() -> None:
    now = [1000.0]
    tokens = Tokens(b"s" * 32, clock=lambda: now[0])
    token = tokens.seal(Place("s", "scope", ["1"]))
    now[0] += LIFETIME_SECONDS
    tokens.unseal(token, "scope")
    now[0] += 1
    with pytest.raises(ApiError, match="过期"):
        tokens.unseal(token, "scope")


def test_a_token_does_not_show_the_key_it_holds() -> None:
    assert b"330106199001019017" not in raw(TOKENS.seal(Place("s", "scope", ["330106199001019017"])))
