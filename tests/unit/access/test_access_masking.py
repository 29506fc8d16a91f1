"""Masks show no more than they say; where nobody is known, grade 3 is never shown."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access.masking import HIDDEN, HIDDEN_FROM_GRADE, masked, page_mask
from catalog.contract.load import load_contracts

PROPERTIES = [prop for contract in load_contracts().values() for prop in contract.properties]


@pytest.mark.parametrize(
    ("value", "mask", "shown"),
    [
        ("330106199001019017", "keep_6_4", "330106********9017"),
        ("王小明", "keep_1_0", "王**"),
        ("王", "keep_1_0", HIDDEN),
        ("", "keep_1_0", HIDDEN),
        (date(1990, 1, 1), "year", "1990-**-**"),
        ("x", "no_such_mask", HIDDEN),
        ("x", "hidden", HIDDEN),
        (None, "keep_1_0", None),
        ("plain", None, "plain"),
    ],
)
def test_masks_show_no_more_than_they_say(value: object, mask: str | None, shown: object) -> None:
    assert masked(value, mask) == shown


@given(st.text(alphabet="甲乙丙丁戊ab12", max_size=40), st.integers(0, 8), st.integers(0, 8))
def test_a_mask_keeps_its_ends_and_nothing_of_the_middle(value: str, head: int, tail: int) -> None:
    shown = masked(value, f"keep_{head}_{tail}")
    if len(value) <= head + tail:
        assert shown == HIDDEN
    else:
        assert shown[:head] == value[:head]
        assert len(shown) == len(value)
        assert set(shown[head : len(value) - tail]) == {"*"}


def test_pages_hide_every_column_of_grade_3_and_above() -> None:
    sensitive = [prop for prop in PROPERTIES if int(prop.classification) >= HIDDEN_FROM_GRADE]
    assert sensitive
    assert all(page_mask(prop) for prop in sensitive)


def test_pages_show_ordinary_columns_as_they_are() -> None:
    ordinary = [p for p in PROPERTIES if int(p.classification) < HIDDEN_FROM_GRADE and p.gov.mask is None]
    assert ordinary
    assert not any(page_mask(prop) for prop in ordinary)
