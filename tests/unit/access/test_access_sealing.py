"""Sealed texts: opened by the same key for the same purpose only, whatever was changed; what was sealed before opens still."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access.sealing import Seal

KEY = bytes(range(32))
SEAL = Seal(KEY)
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
    place %= len(sealed) - 1  # the last letter may carry bits that stand for nothing
    changed = sealed[:place] + put + sealed[place + 1 :]
    assert SEAL.opened(changed, "purpose") == (text if changed == sealed else None)


@pytest.mark.parametrize("strange", ["", "=", "A", "A" * 15, "…", "\x00", "AAAA" * 100])
def test_what_is_no_sealed_text_does_not_open(strange: str) -> None:
    assert SEAL.opened(strange, "") is None


@pytest.mark.parametrize(
    ("sealed", "bound_to", "text"),
    [
        ("+/+++/+++/+++/++KSJoesTzC7s5RKxDi8zGATC4jEH63Cjmjo2c7fnUGf0=", "lisi", "JBSWY3DPEHPK3PXP"),
        ("-_---_---_---_--GEJaD6fgbQzovt51_2_L_NSDolHDU7j5RNDTKg==", "citybrain slip 1s", '{"a": "甲"}'),
        (
            "-_---_---_---_--GEJIQ_ywPIMTeN4ymL7tc7owYvDsBaBsvmjTZn9_59nh",
            "citybrain page token 1",
            '{"snapshot": "s"}',
        ),
    ],
)
def test_secrets_slips_and_page_tokens_of_earlier_versions_open(sealed: str, bound_to: str, text: str) -> None:
    assert SEAL.opened(sealed, bound_to) == text
