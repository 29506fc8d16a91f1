"""Sealed texts: opened by the same key for the same purpose only, whatever was changed."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access.sealing import Seal

KEY = bytes(range(32))
SEAL = Seal(KEY)
OURS = "-_---_---_---_--hPSJBTkiEs3rV0Hwr3Z2g1sX2A"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXTS, TEXTS)
def test_what_was_sealed_opens_for_what_it_is_bound_to(text: str, bound_to: str) -> None:
    sealed = SEAL.seal(text, bound_to)
    assert SEAL.opened(sealed, bound_to) == text
    assert SEAL.opened(sealed, bound_to + "x") is None
    assert Seal(bytes(32)).opened(sealed, bound_to) is None
    assert text == "" or text not in sealed or len(text) < 4
    assert SEAL.seal(text, bound_to) != sealed


@given(TEXTS, st.integers(0, 200), st.sampled_from("Aa0-_+/=.\n。"))
def test_what_was_changed_does_not_open(text: str, place: int, put: str) -> None:
    sealed = SEAL.seal(text, "purpose")
    place %= len(sealed)
    changed = sealed[:place] + put + sealed[place + 1 :]
    assert SEAL.opened(changed, "purpose") == (text if changed == sealed else None)


@pytest.mark.parametrize(
    "given",
    [
        OURS.replace("_", "/", 1),
        OURS.replace("-", "+", 1),
        OURS.replace("-", "+").replace("_", "/"),
        OURS + "==",
        OURS.removesuffix("A") + "B",
    ],
)
def test_what_stands_for_the_same_bytes_does_not_open(given: str) -> None:
    assert base64.urlsafe_b64decode(given + "==") == base64.urlsafe_b64decode(OURS + "==")
    assert SEAL.opened(OURS, "purpose") == "甲"
    assert SEAL.opened(given, "purpose") is None


@pytest.mark.parametrize("strange", ["", "=", "A", "A" * 15, "…", "\x00", "AAAA" * 100])
def test_what_is_no_sealed_text_does_not_open(strange: str) -> None:
    assert SEAL.opened(strange, "") is None


def test_page_tokens_of_earlier_versions_open() -> None:
    sealed = "-_---_---_---_--GEJIQ_ywPIMTeN4ymL7tc7owYvDsBaBsvmjTZn9_59nh"
    assert SEAL.opened(sealed, "citybrain page token 1") == '{"snapshot": "s"}'
