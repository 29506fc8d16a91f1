"""Seeing and reading are denied by default, and every decision says why and on which basis."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import pytest

from catalog.access.decide import decide
from catalog.access.model import Action, Principal
from catalog.contract.load import load_contracts

TODAY = date(2026, 6, 30)
CONTRACTS = load_contracts()
OPEN, CONDITIONAL, CLOSED = "dsjj.division", "gaj.resident", "yjj.hazard_source"


def holder(dept: str = "jyj", *resources: str, is_unmasked: bool = False, expires_on: date | None = None) -> Principal:
    return Principal("0123456789ab", dept, "test", frozenset(resources), is_unmasked, expires_on)


def read(principal: Principal | None, key: str, action: Action = "read_rows", today: date = TODAY) -> Any:
    return decide(principal, action, CONTRACTS[key], today=today)


@pytest.mark.parametrize("key", sorted(CONTRACTS))
@pytest.mark.parametrize("action", ["read_rows", "read_unmasked"])
def test_nobody_reads_rows_without_a_key(key: str, action: Action) -> None:
    decision = read(None, key, action)
    assert not decision.allowed
    assert decision.reason
    assert decision.basis


@pytest.mark.parametrize("key", [OPEN, CONDITIONAL, CLOSED])
def test_an_action_that_nobody_defined_is_denied(key: str) -> None:
    assert not read(holder("jyj", key, is_unmasked=True), key, cast(Action, "delete_rows")).allowed


def test_what_is_shared_unconditionally_needs_no_grant() -> None:
    assert read(holder(), OPEN).allowed


def test_what_is_shared_on_conditions_needs_a_grant_or_the_providing_department() -> None:
    assert read(holder(), CONDITIONAL).code == "not_granted"
    assert read(holder("jyj", OPEN), CONDITIONAL).code == "not_granted"
    assert read(holder("jyj", CONDITIONAL), CONDITIONAL).allowed
    assert read(holder("gaj"), CONDITIONAL).allowed


@pytest.mark.parametrize("dept", ["jyj", "yjj"])
def test_what_is_not_shared_is_refused_with_its_legal_basis_even_with_a_grant(dept: str) -> None:
    decision = read(holder(dept, CLOSED, is_unmasked=True), CLOSED)
    basis = CONTRACTS[CLOSED].gov.no_share_basis
    assert decision.code == "not_shared"
    assert basis is not None
    assert basis.law.strip("《》") in decision.basis
    assert basis.article in decision.basis
    assert basis.reason in decision.reason


def test_an_expired_key_reads_nothing_from_the_day_after() -> None:
    last = holder("jyj", CONDITIONAL, expires_on=TODAY)
    assert read(last, CONDITIONAL).allowed
    assert read(last, CONDITIONAL, today=date(2026, 7, 1)).code == "expired"
    assert read(last, OPEN, today=date(2026, 7, 1)).code == "expired"


def test_masks_come_off_only_for_granted_resources_of_an_unmasked_key() -> None:
    assert read(holder("jyj", CONDITIONAL, is_unmasked=True), CONDITIONAL, "read_unmasked").allowed
    assert not read(holder("jyj", CONDITIONAL), CONDITIONAL, "read_unmasked").allowed
    assert not read(holder("jyj", is_unmasked=True), OPEN, "read_unmasked").allowed
    expired = holder("jyj", CONDITIONAL, is_unmasked=True, expires_on=date(2026, 1, 1))
    assert not read(expired, CONDITIONAL, "read_unmasked").allowed


def test_entries_are_for_everybody_and_samples_for_what_is_shared() -> None:
    assert all(read(None, key, "see_entry").allowed for key in CONTRACTS)
    assert read(None, OPEN, "see_sample").allowed
    assert read(None, CONDITIONAL, "see_sample").allowed
    assert not read(holder("yjj", CLOSED), CLOSED, "see_sample").allowed
